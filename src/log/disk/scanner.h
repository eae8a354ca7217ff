#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/file.h"
#include "log/disk/format.h"

namespace footfall::log {

/// What a read error means. Recovery must not take an unreadable page for a torn tail; a reader serves what is behind
/// it.
enum class ReadErrors : unsigned char { kReturn, kTakeAsZeros };

/// Walks over the frames of one segment, each checked against its CRC and its expected offset. Memory: one frame or 256
/// KiB, whichever is larger. One thread; the file outlives it.
class FrameScanner {
public:
    /// Starts at byte `at`, where a frame that begins with `expected` should stand, and sees the bytes before `limit`
    /// only.
    FrameScanner(const File& file, std::uint32_t seed, std::uint64_t at, std::uint64_t limit, std::uint64_t expected,
                 ReadErrors on_error);

    enum class Step : unsigned char {
        kFrame,    ///< the frame is out; the scanner stands behind it
        kLimit,    ///< at the limit: every byte was a valid frame
        kZeros,    ///< eight zero bytes (or fewer, up to the limit): the end of a preallocated segment, or damage
        kInvalid,  ///< anything else; the scanner has not moved
    };
    struct Frame {
        FrameHeader header;
        std::string_view payload;  ///< valid until the scanner's next call
    };
    Result<Step> next(Frame& frame);

    /// After kZeros or kInvalid: goes to the next valid frame whose first entry is not before expected(). False: there
    /// is none.
    Result<bool> resync();
    /// After a resync() that found nothing: where the last byte that is not zero ends; at() if all are zero.
    std::uint64_t nonzero_end() const { return nonzero_end_; }

    /// A sealed segment's footer, should it stand at at().
    Result<std::optional<SegmentFooter>> footer();

    std::uint64_t at() const { return at_; }
    /// Offset of the entry that should be next.
    std::uint64_t expected() const { return expected_; }
    /// Lets the scanner see bytes that have become durable since.
    void extend(std::uint64_t limit) { limit_ = limit; }
    /// Jumps over entries that are known to be lost.
    void expect(std::uint64_t offset) { expected_ = offset; }
    void skip_to_limit() { at_ = limit_; }

private:
    /// The bytes [at, at + size), which are before the limit.
    Result<std::string_view> bytes(std::uint64_t at, std::size_t size);
    Result<std::size_t> read(char* out, std::size_t size, std::uint64_t at) const;
    /// The valid frame at `at`, whatever its offset.
    Result<bool> frame_at(std::uint64_t at, Frame& frame);

    const File& file_;
    const std::uint32_t seed_;
    std::uint64_t at_;
    std::uint64_t limit_;
    std::uint64_t expected_;
    const ReadErrors on_error_;
    std::uint64_t nonzero_end_ = 0;

    std::string window_;
    std::uint64_t window_at_ = 0;
};

/// How far a segment can be read from its beginning on without a gap.
struct ReadablePrefix {
    std::uint64_t bytes = 0;       ///< of the file, where its last readable frame ends
    std::uint64_t end_offset = 0;  ///< behind the last readable entry
};
/// Reads the frames of a segment's file, wherever it lies, up to the first that is not valid. kIo.
Result<ReadablePrefix> readable_prefix(const std::string& path, std::uint64_t log_id, std::uint64_t number,
                                       std::uint64_t first_offset);

}  // namespace footfall::log
