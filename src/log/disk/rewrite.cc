#include "log/disk/rewrite.h"

#include <chrono>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <fcntl.h>

#include "base/failpoint.h"
#include "log/disk/format.h"
#include "log/disk/scanner.h"

namespace footfall::log {
namespace {

constexpr std::string_view kTemporaryName = "/rewrite.tmp";

/// The readable frames of a segment, one after the other, each with its entries.
class FrameWalk {
public:
    FrameWalk(const File& file, const Segment& segment, std::uint32_t seed)
        : scanner_(file, seed, kSegmentHeaderBlock, segment.bytes, segment.first_offset, ReadErrors::kTakeAsZeros) {}

    /// False at the end. What is damaged is passed over: readers name it.
    Result<bool> next() {
        for (;;) {
            FrameScanner::Frame frame;
            at_ = scanner_.at();
            TRY(const FrameScanner::Step step, scanner_.next(frame));
            if (step == FrameScanner::Step::kLimit) return false;
            if (step != FrameScanner::Step::kFrame) {
                TRY(const bool found, scanner_.resync());
                if (!found) return false;
                continue;
            }
            header_ = frame.header;
            entries_.clear();
            if (reader_.unpack(frame.header, frame.payload, buffer_, entries_)) return true;
        }
    }
    std::uint64_t at() const { return at_; }
    const FrameHeader& header() const { return header_; }
    const std::vector<StoredEntry>& entries() const { return entries_; }

private:
    FrameScanner scanner_;
    FrameReader reader_;
    std::uint64_t at_ = 0;
    FrameHeader header_;
    std::string buffer_;
    std::vector<StoredEntry> entries_;
};

class SegmentRewriter {
public:
    SegmentRewriter(const RewriteAccess& access, const ErasureRange& range, const Rewriting& rewriting)
        : access_(access), range_(range), rewriting_(rewriting) {}

    /// Whether an entry of the segment is to be another.
    Result<bool> needs(const Segment& segment) {
        TRY(const File file, File::open(access_.table.path(segment.number), O_RDONLY));
        FrameWalk walk(file, segment, seed_of(segment));
        for (;;) {
            TRY(const bool found, walk.next());
            if (!found) return false;
            for (const StoredEntry& entry : walk.entries()) {
                TRY(const auto other, rewritten(entry));
                if (other) return true;
            }
        }
    }

    Status rewrite(const Segment& segment) {
        const std::string from = access_.table.path(segment.number);
        const std::string to = access_.table.directory() + std::string(kTemporaryName);
        TRY(const File old, File::open(from, O_RDONLY));
        std::uint64_t bytes = 0;
        {
            TRY(const File fresh, File::open(to, O_RDWR | O_CREAT | O_TRUNC));
            TRY(bytes, write(segment, old, fresh));
            if (failpoint("log.rewrite.before_sync") == Fault::kError)
                return Error(Code::kIo, "rewriting a segment: injected error");
            TRY_STATUS(fresh.sync());
        }
        (void)failpoint("log.rewrite.before_rename");
        TRY(const bool is_there, access_.table.replace(segment.number, to, bytes));
        if (!is_there) return remove_file(to);
        (void)failpoint("log.rewrite.after_rename");
        ++erased_.segments;
        return access_.directory.sync();
    }

    Erased erased() const { return erased_; }

private:
    std::uint32_t seed_of(const Segment& segment) const { return frame_seed(access_.table.log_id(), segment.number); }

    Result<std::optional<Rewritten>> rewritten(const StoredEntry& entry) const {
        if (entry.kind == EntryKind::kErased || entry.position.offset < range_.begin ||
            entry.position.offset >= range_.end)
            return std::optional<Rewritten>();
        return rewriting_(entry);
    }

    /// The whole new file; gives back where its frames end.
    Result<std::uint64_t> write(const Segment& segment, const File& old, const File& fresh) {
        TRY(const std::string head, old.read_at(0, kSegmentEndBytes));
        TRY(const std::string foot, old.read_at(segment.bytes, kSegmentEndBytes));
        auto header = decode_segment_header(head);
        if (!header)
            header = SegmentHeader{.number = segment.number,
                                   .first_offset = segment.first_offset,
                                   .log_id = access_.table.log_id(),
                                   .created_ms = segment.sealed_ms};
        const auto former = decode_segment_footer(foot);
        std::string block = encode_segment_header(*header);
        block.resize(kSegmentHeaderBlock, '\0');
        TRY_STATUS(fresh.write_at(block, 0));

        std::uint64_t at = kSegmentHeaderBlock;
        std::uint64_t count = 0;
        FrameWalk walk(old, segment, seed_of(segment));
        for (;;) {
            TRY(const bool found, walk.next());
            if (!found) break;
            TRY(const std::string frame, frame_of(walk, old, seed_of(segment)));
            TRY_STATUS(fresh.write_at(frame, at));
            at += frame.size();
            count += walk.header().count;
        }
        const SegmentFooter footer{.number = segment.number,
                                   .first_offset = segment.first_offset,
                                   .log_id = access_.table.log_id(),
                                   .sealed_ms = segment.sealed_ms,
                                   .count = count,
                                   .last_offset = segment.end_offset - 1,
                                   .rewritten = (former ? former->rewritten : 0) + 1};
        TRY_STATUS(fresh.write_at(encode_segment_footer(footer), at));
        return at;
    }

    /// The frame as it is, or with what takes the place of some of its entries.
    Result<std::string> frame_of(const FrameWalk& walk, const File& old, std::uint32_t seed) {
        std::vector<Entry> entries;
        std::vector<std::string> payloads;
        payloads.reserve(walk.entries().size());  // entries borrow from it
        for (const StoredEntry& entry : walk.entries()) {
            entries.push_back({.kind = entry.kind, .payload = entry.payload});
            TRY(auto other, rewritten(entry));
            if (!other) continue;
            payloads.push_back(std::move(other->payload));
            entries.back() = {.kind = other->kind, .payload = payloads.back()};
        }
        erased_.entries += payloads.size();
        if (payloads.empty())
            return old.read_at(walk.at(), static_cast<std::size_t>(
                                              align_frame(kFrameHeaderBytes + std::uint64_t{walk.header().length})));
        TRY_STATUS(writer_.build(entries));
        return std::string(writer_.finish(walk.header().first_offset, seed));
    }

    const RewriteAccess& access_;
    const ErasureRange range_;
    const Rewriting& rewriting_;
    FrameWriter writer_;
    Erased erased_;
};

}  // namespace

Result<Erased> rewrite_segments(const RewriteAccess& access, const ErasureRange& range, const Rewriting& rewriting,
                                ErasurePace pace) {
    SegmentRewriter rewriter(access, range, rewriting);
    for (const Segment& listed : access.table.all()) {
        if (listed.end_offset <= range.begin || listed.first_offset >= range.end) continue;
        const std::int64_t began = access.clock.steady_ns();
        // One that release() deletes meanwhile has nothing left to change.
        auto needed = rewriter.needs(listed);
        if (!needed && !access.table.find(listed.number)) continue;
        if (!needed)
            return needed.error().context("looking for what is to be rewritten in " + segment_name(listed.number));
        if (*needed) {
            TRY_STATUS(access.seal(listed.number));
            const auto segment = access.table.find(listed.number);
            if (!segment) continue;
            if (const Status done = rewriter.rewrite(*segment); !done)
                return done.error().context("rewriting " + segment_name(listed.number));
        }
        if (pace == ErasurePace::kBesideOthers)
            std::this_thread::sleep_for(std::chrono::nanoseconds(access.clock.steady_ns() - began));
    }
    return rewriter.erased();
}

}  // namespace footfall::log
