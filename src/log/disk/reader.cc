#include <algorithm>
#include <memory>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>

#include "log/disk/scanner.h"
#include "log/disk/segments.h"

namespace footfall::log {
namespace {

/// Bytes of buffers that are kept from one reading to the next.
constexpr std::size_t kBuffersMax = 8u << 20;

class DiskReader final : public LogReader {
public:
    DiskReader(std::shared_ptr<SegmentTable> table, std::uint64_t offset) : table_(std::move(table)), next_(offset) {}

    Status read(std::vector<StoredEntry>& out, std::size_t max_entries, std::size_t max_bytes) override;
    Position position() const override { return {.partition = 0, .offset = next_}; }

private:
    enum class Load : unsigned char { kFrame, kEnd };
    /// Unpacks the next frame that holds an entry at or behind next_ into entries_.
    Result<Load> load();
    Result<Load> unpack(const FrameScanner::Frame& frame);
    Status open_segment(const Segment& segment);
    /// Where the present segment's frames are all read: goes on to the next one. kEnd: there is none yet.
    Result<Load> leave_segment(const Segment& segment);
    Status skip_damage(const Segment& segment);
    /// The error for entries [next_, end), which cannot be read. Reading goes on at `end` once it was returned.
    Error lost(std::uint64_t end, const std::string& where);

    /// The same for entries that were released and deleted under this reader.
    Error deleted();

    std::string& fresh_buffer();

    const std::shared_ptr<SegmentTable> table_;
    std::uint64_t next_;
    /// An error found behind entries that are given out first, and where to go on behind it.
    std::optional<Error> pending_;
    std::uint64_t resume_at_ = 0;

    std::optional<std::uint64_t> segment_;
    std::uint64_t replaced_ = 0;  // of the segment when its file was opened
    File file_;
    std::optional<FrameScanner> scanner_;

    FrameReader frame_reader_;
    std::vector<StoredEntry> entries_;  // of the last frame
    std::size_t given_ = 0;             // how many of them were given out
    std::vector<std::unique_ptr<std::string>> buffers_;
    std::size_t buffers_used_ = 0;
};

std::string& DiskReader::fresh_buffer() {
    if (buffers_used_ == buffers_.size()) buffers_.push_back(std::make_unique<std::string>());
    return *buffers_[buffers_used_++];
}

Status DiskReader::read(std::vector<StoredEntry>& out, std::size_t max_entries, std::size_t max_bytes) {
    // A frame that was given out in part keeps its buffer; the others are free again.
    if (given_ < entries_.size()) {
        std::swap(buffers_.front(), buffers_[buffers_used_ - 1]);
        buffers_used_ = 1;
    } else {
        buffers_used_ = 0;
    }
    // Of many small frames and then of large ones there would be many large buffers.
    std::size_t held = 0;
    for (const auto& buffer : buffers_) held += buffer->capacity();
    if (held > kBuffersMax)
        buffers_.erase(buffers_.begin() + static_cast<std::ptrdiff_t>(buffers_used_), buffers_.end());

    std::size_t taken = 0;
    std::size_t bytes = 0;
    while (taken < max_entries && bytes < max_bytes) {
        if (given_ < entries_.size()) {
            const StoredEntry& entry = entries_[given_++];
            out.push_back(entry);
            next_ = entry.position.offset + 1;
            bytes += entry.payload.size();
            ++taken;
            continue;
        }
        if (!pending_) {
            auto loaded = load();
            if (loaded && *loaded == Load::kEnd) break;
            if (loaded) continue;
            pending_ = std::move(loaded.error());
        }
        if (taken > 0) break;
        next_ = std::max(next_, std::exchange(resume_at_, 0));
        return *std::exchange(pending_, std::nullopt);
    }
    return {};
}

Error DiskReader::lost(std::uint64_t end, const std::string& where) {
    table_->add_damage({.partition = 0, .first = next_, .last = end - 1, .where = where});
    resume_at_ = end;
    return Error(Code::kCorrupt,
                 fmt::format("entries {} to {} of the event log cannot be read ({})", next_, end - 1, where));
}

Error DiskReader::deleted() {
    const std::uint64_t begin = table_->begin();
    resume_at_ = begin;
    return Error(Code::kNotFound, fmt::format("entries {} to {} of the event log were deleted", next_, begin - 1));
}

Status DiskReader::open_segment(const Segment& segment) {
    scanner_.reset();
    segment_.reset();
    const std::string path = table_->path(segment.number);
    auto file = File::open(path, O_RDONLY);
    if (!file && !path_exists(path) && next_ < segment.end_offset && table_->find(segment.number))
        return lost(segment.end_offset, segment_name(segment.number) + " is missing");
    if (!file) return file.error().context("reading the event log");
    file_ = std::move(*file);
    segment_ = segment.number;
    replaced_ = segment.replaced;
    scanner_.emplace(file_, frame_seed(table_->log_id(), segment.number), kSegmentHeaderBlock, segment.bytes,
                     segment.first_offset, ReadErrors::kTakeAsZeros);
    return {};
}

Result<DiskReader::Load> DiskReader::load() {
    for (;;) {
        if (!segment_) {
            const auto segment = table_->at(next_);
            if (!segment || segment->end_offset <= next_) return Load::kEnd;
            if (next_ < table_->begin()) return deleted();
            if (segment->first_offset > next_)
                return lost(segment->first_offset, "before " + segment_name(segment->number));
            TRY_STATUS(open_segment(*segment));
        }
        auto segment = table_->find(*segment_);
        // Deleted, or another file since: what was found when its file was opened need not be what was opened.
        if (!segment || segment->replaced != replaced_) {
            scanner_.reset();
            segment_.reset();
            continue;
        }
        scanner_->extend(segment->bytes);

        FrameScanner::Frame frame;
        TRY(const FrameScanner::Step step, scanner_->next(frame));
        if (step == FrameScanner::Step::kLimit) {
            TRY(const Load left, leave_segment(*segment));
            if (left == Load::kEnd) return Load::kEnd;
            continue;
        }
        if (step != FrameScanner::Step::kFrame) {
            TRY_STATUS(skip_damage(*segment));
            continue;
        }
        if (frame.header.end_offset() <= next_) continue;
        return unpack(frame);
    }
}

Result<DiskReader::Load> DiskReader::unpack(const FrameScanner::Frame& frame) {
    entries_.clear();
    given_ = 0;
    if (!frame_reader_.unpack(frame.header, frame.payload, fresh_buffer(), entries_))
        return lost(frame.header.end_offset(), segment_name(*segment_) + ": a frame that its writer made wrong");
    while (given_ < entries_.size() && entries_[given_].position.offset < next_) ++given_;
    return Load::kFrame;
}

Result<DiskReader::Load> DiskReader::leave_segment(const Segment& segment) {
    if (scanner_->expected() < segment.end_offset) {
        // The frames end before the entries do: the file lost its end.
        scanner_->expect(segment.end_offset);
        if (next_ < segment.end_offset)
            return lost(segment.end_offset, segment_name(segment.number) + ": its end is missing");
    }
    if (!segment.sealed) return Load::kEnd;
    const auto following = table_->after(segment.number);
    // One without entries may yet be replaced by another file of its number.
    if (!following || following->end_offset <= next_) return Load::kEnd;
    const std::uint64_t from = following->first_offset;
    TRY_STATUS(open_segment(*following));
    if (next_ < from)
        return lost(from, "between " + segment_name(segment.number) + " and " + segment_name(following->number));
    return Load::kFrame;
}

Status DiskReader::skip_damage(const Segment& segment) {
    const std::uint64_t byte = scanner_->at();
    TRY(const bool found, scanner_->resync());
    if (!found) {
        // Nothing valid up to what is durable now; what is appended later follows from there.
        scanner_->expect(segment.end_offset);
        scanner_->skip_to_limit();
    }
    if (next_ >= scanner_->expected()) return {};
    return lost(scanner_->expected(), fmt::format("{} from byte {}", segment_name(segment.number), byte));
}

}  // namespace

std::unique_ptr<LogReader> make_disk_reader(std::shared_ptr<SegmentTable> table, std::uint64_t offset) {
    return std::make_unique<DiskReader>(std::move(table), offset);
}

}  // namespace footfall::log
