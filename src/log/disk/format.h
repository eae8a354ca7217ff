#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "log/log.h"

/// The disk log's format, version 1. Everything that another reader or writer needs stands here. All integers are
/// little-endian, all CRCs are CRC-32C (Castagnoli, reflected, initial value and final XOR ~0; "123456789" gives
/// E3069283). crc32c(data, seed) continues a sum: crc32c(b, crc32c(a)) = crc32c(a + b), and a seed of 0 starts one.
///
/// A log is a directory:
///
///     log.meta                which log this is and where it begins (below)
///     000000000041.segment    a segment; the digits are its number, in decimal, without a gap
///     spare                   the next segment made ahead: zeros only, synced; given header and name when it is needed
///     *.tmp                   a file in the making; of no meaning after a crash and removed at opening
///     reserve                 bytes to give back when the disk is full, so that checkpoints can still be written
///     damage                  ranges of entries known to be unreadable, a line each: "FIRST LAST WHERE\n", decimal
///     lock                    flock(2)ed by the process that has the log open
///
/// A new file is made under a temporary name, filled, synced, renamed, and the directory synced, before anything in it
/// counts.
///
/// log.meta, 48 bytes. It is rewritten (atomically) before segments are deleted: segments of a smaller number than
/// `first_number` are leftovers of a deletion, whatever order the file system undid it in.
///
///      0 u32 magic "FFLM"      4 u32 version = 1
///      8 u64 log id            random, given when the log was made
///     16 u64 first_number      number of the oldest segment that counts
///     24 u64 first_offset      offset of that segment's first entry
///     32 u64 0
///     40 u32 0                44 u32 CRC of bytes 0..43
///
/// Segment: a block of 4,096 bytes with the header, frames one after the other from byte 4,096 on, each starting at a
/// multiple of 8 (the bytes between are zero), then the footer if the segment is sealed, and nothing behind it. Before
/// that the file is longer than its frames and full of zeros (preallocated, so that an append changes no metadata): 8
/// zero bytes where a frame could start are the end. Header and frames share no disk block: an append never rewrites
/// the header.
///
///   header, 64 bytes at 0, zeros up to 4,096
///      0 u32 magic "FFLS"      4 u32 version = 1
///      8 u64 number           16 u64 first offset
///     24 u64 log id           32 i64 created, epoch ms
///     40 u64 0, u64 0, u32 0  60 u32 CRC of bytes 0..59
///
///   footer, 64 bytes, at a multiple of 8 behind the last frame; then the file ends (or, after a crash while sealing,
///   zeros follow)
///      0 u32 magic "FFLE"      4 u32 version = 1
///      8 u64 number           16 u64 first offset
///     24 u64 log id           32 i64 sealed, epoch ms
///     40 u64 count of readable entries
///     48 u64 last offset      56 u32 how often the segment was rewritten
///     60 u32 CRC of bytes 0..59
///
///   frame: one group of entries, appended and synced as a whole; header of 32 bytes, then the payload
///      0 u32 magic+version, bytes F6 'F' 'L' 01. F6 never occurs in UTF-8, so no event's text can look like a frame.
///      4 u8  type: 1 entries, 2 entries compressed as one zstd frame
///      5 u8  flags = 0         6 u16 0
///      8 u32 count of entries, at least 1
///     12 u32 len               payload bytes as stored, without the padding
///     16 u32 raw_len           bytes of the entries (type 1: equal to len), at most 64 MiB
///     20 u32 CRC of the header with this field 0, then the payload, started with the seed
///     24 u64 seq               offset of the first entry
///
///   entries: count × { u8 kind, LEB128 length, bytes }, filling raw_len exactly
///
/// The seed of a segment is the CRC of its log id and number (two u64): a stale frame of another segment or log, left
/// in reused disk blocks or copied by hand, is not valid here. A frame counts only if its CRC is right *and* its seq is
/// the offset that follows the frame before it (the segment's first offset for the first frame).
///
/// What an invalid frame means: in the last segment, with no valid frame of a higher seq behind it, it is the torn tail
/// of a group that was never acknowledged, and is zeroed. Anywhere else it is damage: the entries up to the next valid
/// frame (found by trying every multiple of 8) are lost, and named.
///
/// A sealed segment changes in one case: where entries of it are erased, or bots are judged again, another file of the
/// same number takes its place, with the same entries in the same frames but for those: erased ones are of kind 3 then,
/// the others have another payload. Bytes that were damaged are not in it.
namespace footfall::log {

inline constexpr std::uint64_t kSegmentHeaderBlock = 4096;
inline constexpr std::size_t kMetaBytes = 48;
inline constexpr std::size_t kSegmentEndBytes = 64;  // header without its padding, and footer
inline constexpr std::size_t kFrameHeaderBytes = 32;
inline constexpr std::size_t kFrameAlign = 8;
/// Bound of a group's entries, so that a reader's memory has one too.
inline constexpr std::size_t kGroupBytesMax = 64u << 20;
inline constexpr std::uint32_t kFrameMagic = 0x014C46F6;

struct LogMeta {
    std::uint64_t log_id = 0;
    std::uint64_t first_number = 1;
    std::uint64_t first_offset = 0;
};
std::string encode_meta(const LogMeta& meta);
std::optional<LogMeta> decode_meta(std::string_view bytes);

struct SegmentHeader {
    std::uint64_t number = 0;
    std::uint64_t first_offset = 0;
    std::uint64_t log_id = 0;
    std::int64_t created_ms = 0;
};
/// kSegmentEndBytes bytes.
std::string encode_segment_header(const SegmentHeader& header);
std::optional<SegmentHeader> decode_segment_header(std::string_view bytes);

struct SegmentFooter {
    std::uint64_t number = 0;
    std::uint64_t first_offset = 0;
    std::uint64_t log_id = 0;
    std::int64_t sealed_ms = 0;
    std::uint64_t count = 0;
    std::uint64_t last_offset = 0;
    std::uint32_t rewritten = 0;
};
std::string encode_segment_footer(const SegmentFooter& footer);
std::optional<SegmentFooter> decode_segment_footer(std::string_view bytes);

std::string segment_name(std::uint64_t number);
/// The number in a segment's file name; nullopt for other names.
std::optional<std::uint64_t> parse_segment_name(std::string_view name);

/// What the CRCs of a segment's frames start from.
std::uint32_t frame_seed(std::uint64_t log_id, std::uint64_t segment_number);

enum class FrameType : std::uint8_t { kEntries = 1, kEntriesZstd = 2 };

struct FrameHeader {
    FrameType type = FrameType::kEntries;
    std::uint32_t count = 0;
    std::uint32_t length = 0;
    std::uint32_t raw_length = 0;
    std::uint32_t crc = 0;
    std::uint64_t first_offset = 0;

    std::uint64_t end_offset() const { return first_offset + count; }
};
/// The header if its fields can be a frame's; says nothing about the CRC. `bytes` has at least kFrameHeaderBytes.
std::optional<FrameHeader> decode_frame_header(const char* bytes);
/// The CRC that a frame should carry. `header` points at its kFrameHeaderBytes bytes; their CRC field is taken as 0.
std::uint32_t frame_crc(const char* header, std::string_view payload, std::uint32_t seed);

inline std::uint64_t align_frame(std::uint64_t at) { return (at + kFrameAlign - 1) / kFrameAlign * kFrameAlign; }

/// Builds frames. Keeps its buffers and its compression context from one group to the next: one per writer.
class FrameWriter {
public:
    FrameWriter();
    ~FrameWriter();
    FrameWriter(const FrameWriter&) = delete;
    FrameWriter& operator=(const FrameWriter&) = delete;

    /// Takes the group's entries in. kTooLarge beyond kGroupBytesMax.
    Status build(std::span<const Entry> group);
    /// Bytes of the built frame, padding included.
    std::size_t size() const { return frame_.size(); }
    /// Completes the built frame for its place; the view is valid until the next build().
    std::string_view finish(std::uint64_t first_offset, std::uint32_t seed);

private:
    struct Compressor;
    std::unique_ptr<Compressor> compressor_;
    std::string entries_;
    std::string frame_;
    std::size_t payload_length_ = 0;
};

/// Takes a frame's payload apart. Keeps its decompression context: one per reader.
class FrameReader {
public:
    FrameReader();
    ~FrameReader();
    FrameReader(const FrameReader&) = delete;
    FrameReader& operator=(const FrameReader&) = delete;

    /// Fills `buffer` with the entries' bytes and `out` with views into it. False where they are not what the header
    /// says, which after a right CRC means that the writer was wrong. Never reads or allocates beyond the header's
    /// raw_length.
    bool unpack(const FrameHeader& header, std::string_view payload, std::string& buffer,
                std::vector<StoredEntry>& out);

private:
    struct Decompressor;
    std::unique_ptr<Decompressor> decompressor_;
};

}  // namespace footfall::log
