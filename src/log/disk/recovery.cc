#include "log/disk/recovery.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>

#include "base/bytes.h"
#include "base/logging.h"
#include "log/disk/scanner.h"

namespace footfall::log {
namespace {

constexpr std::uint64_t kZeroStep = 1u << 20;

class Recoverer {
public:
    Recoverer(std::string directory, std::int64_t now_ms) : directory_(std::move(directory)), now_ms_(now_ms) {}

    Result<RecoveredLog> run();

private:
    struct Ends {
        std::uint64_t size = 0;
        std::optional<SegmentHeader> header;
        std::optional<SegmentFooter> footer;
    };

    Status list();
    /// log.meta, made anew where it is missing.
    Status read_meta();
    Status remove_leftovers();
    Result<Ends> read_ends(const File& file, std::uint64_t number) const;
    Status take_segment(std::uint64_t number, bool last);
    /// Reads all frames of a segment that has no footer; `segment` and `active` then say where they end.
    Status scan(const File& file, std::uint64_t size, bool last, Segment& segment, ActiveSegment& active);
    Status cut_tail(const File& file, std::uint64_t from, std::uint64_t to, std::uint64_t number);
    std::string path(const std::string& name) const { return directory_ + "/" + name; }

    const std::string directory_;
    const std::int64_t now_ms_;
    std::vector<std::uint64_t> numbers_;
    std::vector<std::string> temporary_;
    RecoveredLog out_;
};

Result<RecoveredLog> Recoverer::run() {
    TRY_STATUS(list());
    TRY_STATUS(read_meta());
    TRY_STATUS(remove_leftovers());
    out_.table = std::make_shared<SegmentTable>(directory_, out_.meta.log_id);
    out_.table->start_at(out_.meta.first_offset);
    TRY_STATUS(out_.table->load_damage());
    if (numbers_.empty() && out_.meta.first_number != 1)
        return Error(Code::kCorrupt, "the event log " + directory_ + " has lost its segments (the oldest was " +
                                         segment_name(out_.meta.first_number) + "); restore them from a backup");
    for (const std::uint64_t number : numbers_) TRY_STATUS(take_segment(number, number == numbers_.back()));
    out_.next_number = numbers_.empty() ? out_.meta.first_number : numbers_.back() + 1;
    out_.summary.segments = numbers_.size();
    return std::move(out_);
}

Status Recoverer::list() {
    TRY(const auto names, list_directory(directory_));
    for (const std::string& name : names) {
        if (const auto number = parse_segment_name(name)) numbers_.push_back(*number);
        if (name.ends_with(".tmp")) temporary_.push_back(name);
    }
    std::sort(numbers_.begin(), numbers_.end());
    return {};
}

/// Version 0 says nothing: a block whose magic is not ours.
Status refuse_newer(std::string_view block, std::string_view magic, const std::string& path) {
    if (block.size() < 8 || block.substr(0, 4) != magic) return {};
    const auto version = get<std::uint32_t>(block.data() + 4);
    // A bit that flipped in the version shows in the CRC of what would be version 1; a block that is whole is believed.
    if (version <= 1) return {};
    const std::string_view body = block.substr(0, block.size() - 4);
    if (get<std::uint32_t>(block.data() + body.size()) != crc32c(body)) return {};
    return Error(
        Code::kUnsupported,
        fmt::format("{} is of format version {}, made by a newer release; this one reads version 1", path, version));
}

Status Recoverer::read_meta() {
    const std::string meta_path = path("log.meta");
    if (path_exists(meta_path)) {
        TRY(const std::string raw, read_file(meta_path));
        TRY_STATUS(refuse_newer(raw, "FFLM", meta_path));
        if (const auto meta = decode_meta(raw)) {
            out_.meta = *meta;
            return {};
        }
        logging::error("log.meta_damaged", {{"path", meta_path}});
    }
    // New, or to be found again from any segment that still has its header or footer.
    bool found = numbers_.empty();
    if (found) random_bytes(&out_.meta.log_id, sizeof(out_.meta.log_id));
    for (const std::uint64_t number : numbers_) {
        TRY(const File file, File::open(path(segment_name(number)), O_RDONLY));
        TRY(const Ends ends, read_ends(file, number));
        if (!ends.header && !ends.footer) continue;
        out_.meta = {.log_id = ends.header ? ends.header->log_id : ends.footer->log_id,
                     .first_number = numbers_.front(),
                     .first_offset = ends.header ? ends.header->first_offset : ends.footer->first_offset};
        found = true;
        break;
    }
    if (!found)
        return Error(Code::kCorrupt, directory_ + " has segments but none that can be read; restore it from a backup");
    return write_file_atomically(meta_path, encode_meta(out_.meta));
}

Status Recoverer::remove_leftovers() {
    for (const std::string& name : temporary_) TRY_STATUS(remove_file(path(name)));
    const auto kept = std::lower_bound(numbers_.begin(), numbers_.end(), out_.meta.first_number);
    for (auto number = numbers_.begin(); number != kept; ++number) TRY_STATUS(remove_file(path(segment_name(*number))));
    numbers_.erase(numbers_.begin(), kept);
    return {};
}

Result<Recoverer::Ends> Recoverer::read_ends(const File& file, std::uint64_t number) const {
    Ends ends;
    TRY(ends.size, file.size());
    TRY(const std::string head, file.read_at(0, kSegmentEndBytes));
    TRY_STATUS(refuse_newer(head, "FFLS", path(segment_name(number))));
    ends.header = decode_segment_header(head);
    if (ends.header && ends.header->number != number) ends.header.reset();
    if (ends.size >= kSegmentHeaderBlock + kSegmentEndBytes) {
        TRY(const std::string foot, file.read_at(ends.size - kSegmentEndBytes, kSegmentEndBytes));
        ends.footer = decode_segment_footer(foot);
        if (ends.footer && ends.footer->number != number) ends.footer.reset();
    }
    return ends;
}

Status Recoverer::take_segment(std::uint64_t number, bool last) {
    const std::string name = segment_name(number);
    TRY(File file, File::open(path(name), last ? O_RDWR : O_RDONLY));
    TRY(const Ends ends, read_ends(file, number));
    const std::uint64_t follows = out_.table->end();
    const std::uint64_t log_id = ends.header   ? ends.header->log_id
                                 : ends.footer ? ends.footer->log_id
                                               : out_.meta.log_id;
    if (log_id != out_.meta.log_id)
        return Error(Code::kCorrupt, path(name) + " belongs to another event log; move it out of the directory");
    if (!ends.header) logging::error("log.segment_header_damaged", {{"segment", name}});

    Segment segment{.number = number, .first_offset = follows};
    if (ends.header) segment.first_offset = ends.header->first_offset;
    if (ends.footer) segment.first_offset = ends.footer->first_offset;
    if (segment.first_offset < follows)
        return Error(Code::kCorrupt,
                     fmt::format("{} begins with entry {}, which another segment holds; move the copy away", path(name),
                                 segment.first_offset));
    if (segment.first_offset > follows) {
        // What should lie between is gone; readers will come to the same.
        out_.table->add_damage(
            {.partition = 0, .first = follows, .last = segment.first_offset - 1, .where = "before " + name});
    }

    if (ends.footer) {
        segment.end_offset = ends.footer->last_offset + 1;
        segment.bytes = ends.size - kSegmentEndBytes;
        segment.sealed = true;
        segment.sealed_ms = ends.footer->sealed_ms;
        out_.table->add(segment);
        return {};
    }
    ActiveSegment active{.number = number, .first_offset = segment.first_offset, .capacity = ends.size};
    TRY_STATUS(scan(file, ends.size, last, segment, active));
    out_.table->add(segment);
    if (last && !segment.sealed) {
        active.file = std::move(file);
        out_.active = std::move(active);
    }
    return {};
}

Status Recoverer::scan(const File& file, std::uint64_t size, bool last, Segment& segment, ActiveSegment& active) {
    const std::string name = segment_name(segment.number);
    FrameScanner scanner(file, frame_seed(out_.meta.log_id, segment.number), kSegmentHeaderBlock, size,
                         segment.first_offset, ReadErrors::kReturn);
    FrameScanner::Frame frame;
    for (;;) {
        TRY(const FrameScanner::Step step, scanner.next(frame));
        if (step == FrameScanner::Step::kFrame) {
            active.count += frame.header.count;
            continue;
        }
        if (step == FrameScanner::Step::kLimit) break;
        // Sealed, but the process died before the rest was cut off.
        TRY(const auto footer, scanner.footer());
        if (footer && footer->number == segment.number && footer->last_offset + 1 == scanner.expected()) {
            segment.sealed = true;
            segment.sealed_ms = footer->sealed_ms;
            break;
        }
        const std::uint64_t byte = scanner.at();
        const std::uint64_t expected = scanner.expected();
        TRY(const bool found, scanner.resync());
        if (!found) {
            if (last && scanner.nonzero_end() > byte)
                TRY_STATUS(cut_tail(file, byte, scanner.nonzero_end(), segment.number));
            break;
        }
        if (scanner.expected() > expected)
            out_.table->add_damage({.partition = 0,
                                    .first = expected,
                                    .last = scanner.expected() - 1,
                                    .where = fmt::format("{} from byte {}", name, byte)});
    }
    active.at = scanner.at();
    segment.bytes = scanner.at();
    segment.end_offset = scanner.expected();
    out_.summary.entries_read += active.count;
    if (!last && !segment.sealed) {
        logging::error("log.segment_footer_damaged", {{"segment", name}});
        segment.sealed = true;
        segment.sealed_ms = now_ms_;
    }
    return {};
}

Status Recoverer::cut_tail(const File& file, std::uint64_t from, std::uint64_t to, std::uint64_t number) {
    logging::warn("log.tail_cut", {{"segment", segment_name(number)}, {"at", from}, {"bytes", to - from}});
    out_.summary.bytes_cut += to - from;
    const std::string zeros(static_cast<std::size_t>(std::min(kZeroStep, to - from)), '\0');
    // From the end to the front: the first invalid frame stays until all behind it is gone, so a death in between
    // changes nothing.
    while (to > from) {
        const std::uint64_t step = std::min(kZeroStep, to - from);
        TRY_STATUS(file.write_at(std::string_view(zeros).substr(0, static_cast<std::size_t>(step)), to - step));
        to -= step;
    }
    return file.sync_data();
}

}  // namespace

Status check_version(const std::string& directory) {
    const auto names = list_directory(directory);
    if (!names) return {};
    std::vector<std::pair<std::string, std::string_view>> blocks = {{directory + "/log.meta", "FFLM"}};
    std::uint64_t newest = 0;
    for (const std::string& name : *names) newest = std::max(newest, parse_segment_name(name).value_or(0));
    if (newest > 0) blocks.emplace_back(directory + "/" + segment_name(newest), "FFLS");
    for (const auto& [path, magic] : blocks) {
        const auto file = File::open(path, O_RDONLY);
        const auto block = file ? file->read_at(0, magic == "FFLM" ? kMetaBytes : kSegmentEndBytes)
                                : Result<std::string>(file.error());
        if (block) TRY_STATUS(refuse_newer(*block, magic, path));
    }
    return {};
}

Result<RecoveredLog> recover(const std::string& directory, std::int64_t now_ms) {
    return Recoverer(directory, now_ms).run();
}

}  // namespace footfall::log
