#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/result.h"

/// Runs: the immutable sorted files of the duplicate index. All integers are little-endian; CRCs are CRC-32C.
///
/// A file holds sections, one a bucket, in ascending order of buckets, then the directory of sections, then a footer of
/// 64 bytes:
///
///      0 u32 magic "FFDR"     4 u32 version = 1     8 u64 number
///     16 u64 directory_at    24 u32 sections       28 u32 CRC of the directory
///     32 u64 records         40 u64 0, u64 0, u32 0
///     60 u32 CRC of bytes 0..59
///
/// A directory entry has 64 bytes:
///
///      0 u32 bucket           4 u32 CRC of the fences
///      8 u64 records         16 u32 received_min    20 u32 received_max, epoch seconds
///     24 u64 lines_at        32 u64 lines           40 u64 blocks_at     48 u64 blocks     56 u64 fences_at
///
/// Section, each part at a multiple of 4,096:
/// - lines: a Bloom filter in lines of 64 bytes (one cache line, one read): 480 bits, then the line's CRC;
/// - blocks of 4,096 bytes: 255 records of 16 bytes, u32 how many of them count, u64 0, u32 CRC. Records ascend by
///   (high, low):
///       u64 high, u32 low: 96 bits of the id's hash     u32 received, epoch seconds
/// - fences: for each block, the upper 32 bits of its first record's hash.
///
/// A line's or block's CRC starts from `number × 2654435761 + place / 64` (32 bits), so that what stands in the wrong
/// place is not valid.
///
/// Hashes are uniform, so line i of n holds the ids whose high is in [i × 2^64 / n, (i + 1) × 2^64 / n): a writer that
/// goes through sorted records fills lines, blocks and fences in order and needs no memory for them, however long the
/// run. An id sets 7 bits of its line, chosen by 9 bits each of (low, lower half of high), which the choice of the line
/// does not use. 44 ids a line on average: 1.4545 bytes an id, and 0.0157 for the fences: 1.47 MB a million. 47 % of
/// the bits are set, and with the lines' uneven filling 1 % of the look-ups of absent ids read a block in vain.
namespace footfall::ingest {

struct IdRecord {
    std::uint64_t high = 0;
    std::uint32_t low = 0;
    std::uint32_t received_s = 0;

    bool same_id(const IdRecord& other) const { return high == other.high && low == other.low; }
    /// By id; the latest receipt of an id first.
    bool operator<(const IdRecord& other) const {
        if (high != other.high) return high < other.high;
        if (low != other.low) return low < other.low;
        return received_s > other.received_s;
    }
};
static_assert(sizeof(IdRecord) == 16);

/// Writes a run. After an error the file is of no use.
class RunWriter {
public:
    /// `stopping` ends a long run early, with kUnavailable.
    static Result<RunWriter> create(const std::string& path, std::uint64_t number, const std::atomic<bool>& stopping);

    /// Buckets ascend. `records_max` sizes the filter; fewer may follow.
    Status begin_section(std::uint32_t bucket, std::uint64_t records_max);
    /// Records ascend; a repetition of an id is left out.
    Status add(const IdRecord& record);
    Status end_section();
    /// Completes the file and syncs it.
    Status finish();

private:
    struct Stream {
        std::uint64_t at = 0;  ///< where `bytes` goes
        std::string bytes;
    };

    RunWriter(File file, std::uint64_t number, const std::atomic<bool>& stopping)
        : file_(std::move(file)), number_(number), stopping_(&stopping) {}
    Status write(Stream& stream, std::string_view bytes);
    Status flush(Stream& stream);
    Status close_line();
    Status close_block();

    File file_;
    std::uint64_t number_;
    const std::atomic<bool>* stopping_;
    std::uint64_t end_ = 0;
    std::uint64_t unsynced_ = 0;
    std::uint64_t records_ = 0;
    std::string directory_;
    std::uint32_t sections_ = 0;

    // Of the section in the making.
    std::uint32_t bucket_ = 0;
    std::uint64_t section_records_ = 0;
    std::uint32_t received_min_ = 0;
    std::uint32_t received_max_ = 0;
    std::uint64_t lines_at_ = 0;
    std::uint64_t lines_ = 0;
    std::uint64_t line_ = 0;
    std::string line_bits_;
    std::uint64_t blocks_at_ = 0;
    std::uint64_t blocks_ = 0;
    std::string block_;
    std::string fences_;
    std::optional<IdRecord> last_;
    Stream line_stream_;
    Stream block_stream_;
};

/// An open run. Everything that is read is checked: kCorrupt names the file and the place. Files that were deleted
/// meanwhile stay readable. One thread, but for cursors and load_filter(), which use nothing that changes.
class Run {
public:
    struct Section {
        std::uint32_t bucket = 0;
        std::uint32_t fences_crc = 0;
        std::uint64_t records = 0;
        std::uint32_t received_min = 0;
        std::uint32_t received_max = 0;
        std::uint64_t lines_at = 0;
        std::uint64_t lines = 0;
        std::uint64_t blocks_at = 0;
        std::uint64_t blocks = 0;
        std::uint64_t fences_at = 0;

        std::vector<std::uint32_t> fences;  ///< read at the section's first use, then kept
        std::string filter;                 ///< the lines, where they are resident
        std::uint64_t touches = 0;          ///< look-ups lately
    };

    static Result<std::shared_ptr<Run>> open(const std::string& path, std::uint64_t number);

    std::uint64_t number() const { return number_; }
    std::uint64_t records() const { return records_; }
    std::uint32_t received_max() const { return received_max_; }
    std::uint64_t bytes() const { return bytes_; }
    std::vector<Section>& sections() { return sections_; }
    const std::vector<Section>& sections() const { return sections_; }

    /// When the id was received, if it is in the section.
    Result<std::optional<std::uint32_t>> find(Section& section, std::uint64_t high, std::uint32_t low) const;
    /// Reads and checks a section's filter.
    Result<std::string> load_filter(std::size_t section) const;

    /// Goes through a section's records in order.
    class Cursor {
    public:
        Cursor(const Run& run, const Section& section) : run_(run), section_(section) {}
        /// Null at the end. Valid until the next call.
        Result<const IdRecord*> next();

    private:
        const Run& run_;
        const Section& section_;
        std::uint64_t next_block_ = 0;
        std::string blocks_;
        std::vector<IdRecord> records_;
        std::size_t at_ = 0;
    };

private:
    Error corrupt(std::string_view what, std::uint64_t at) const;
    Status read_exactly(char* out, std::size_t size, std::uint64_t at) const;
    Result<bool> may_contain(const Section& section, std::uint64_t high, std::uint32_t low) const;
    Status load_fences(Section& section) const;
    /// The records of a block whose bytes are given; checks it.
    Result<std::uint32_t> check_block(const char* block, std::uint64_t at) const;

    std::string path_;
    File file_;
    std::uint64_t number_ = 0;
    std::uint64_t bytes_ = 0;
    std::uint64_t records_ = 0;
    std::uint32_t received_max_ = 0;
    std::vector<Section> sections_;
};

}  // namespace footfall::ingest
