#include "log/disk/scanner.h"

#include <algorithm>
#include <cstring>

#include <fcntl.h>

#include "base/bytes.h"
#include "base/failpoint.h"
#include "base/logging.h"

namespace footfall::log {
namespace {
constexpr std::size_t kWindowBytes = 256u << 10;
constexpr std::size_t kPage = 4096;
}  // namespace

FrameScanner::FrameScanner(const File& file, std::uint32_t seed, std::uint64_t at, std::uint64_t limit,
                           std::uint64_t expected, ReadErrors on_error)
    : file_(file), seed_(seed), at_(at), limit_(limit), expected_(expected), on_error_(on_error) {}

Result<std::size_t> FrameScanner::read(char* out, std::size_t size, std::uint64_t at) const {
    auto done = file_.read_into(out, size, at);
    if (done || on_error_ == ReadErrors::kReturn) return done;
    // The disk cannot give some page of this range. Take the others, so that only the frames on it are lost.
    logging::error("log.read_failed", {{"offset", at}, {"bytes", size}, {"error", done.error().message}});
    std::memset(out, 0, size);
    std::size_t filled = 0;
    while (filled < size) {
        const std::size_t step = std::min(size - filled, kPage - (at + filled) % kPage);
        const auto part = file_.read_into(out + filled, step, at + filled);
        if (part && *part < step) return filled + *part;
        filled += step;
    }
    return filled;
}

Result<std::string_view> FrameScanner::bytes(std::uint64_t at, std::size_t size) {
    if (at < window_at_ || at + size > window_at_ + window_.size()) {
        const std::size_t want =
            static_cast<std::size_t>(std::min<std::uint64_t>(limit_ - at, std::max<std::uint64_t>(size, kWindowBytes)));
        window_.resize(want);
        window_at_ = at;
        auto got = read(window_.data(), want, at);
        if (!got) {
            window_.clear();
            return Error(std::move(got.error()));
        }
        // A file that ends before the limit was cut from outside; what is missing counts as zeros.
        std::memset(window_.data() + *got, 0, want - *got);
    }
    return std::string_view(window_).substr(static_cast<std::size_t>(at - window_at_), size);
}

Result<bool> FrameScanner::frame_at(std::uint64_t at, Frame& frame) {
    if (limit_ - at < kFrameHeaderBytes) return false;
    TRY(std::string_view head, bytes(at, kFrameHeaderBytes));
    const auto header = decode_frame_header(head.data());
    if (!header || header->length > limit_ - at - kFrameHeaderBytes) return false;
    TRY(const std::string_view whole, bytes(at, kFrameHeaderBytes + header->length));
    frame.header = *header;
    frame.payload = whole.substr(kFrameHeaderBytes);
    return frame_crc(whole.data(), frame.payload, seed_) == header->crc ||
           failpoint("mutant.skip_crc") == Fault::kError;
}

Result<FrameScanner::Step> FrameScanner::next(Frame& frame) {
    if (at_ >= limit_) return Step::kLimit;
    TRY(const bool valid, frame_at(at_, frame));
    if (valid && frame.header.first_offset == expected_) {
        at_ = align_frame(at_ + kFrameHeaderBytes + frame.header.length);
        expected_ = frame.header.end_offset();
        return Step::kFrame;
    }
    const std::size_t size = static_cast<std::size_t>(std::min<std::uint64_t>(kFrameAlign, limit_ - at_));
    TRY(const std::string_view start, bytes(at_, size));
    return start.find_first_not_of('\0') == std::string_view::npos ? Step::kZeros : Step::kInvalid;
}

Result<bool> FrameScanner::resync() {
    nonzero_end_ = at_;
    for (std::uint64_t at = at_; at < limit_; at += kFrameAlign) {
        const std::size_t size = static_cast<std::size_t>(std::min<std::uint64_t>(kFrameAlign, limit_ - at));
        TRY(const std::string_view word, bytes(at, size));
        if (size == kFrameAlign && get<std::uint64_t>(word.data()) == 0) continue;
        if (const auto last = word.find_last_not_of('\0'); last != std::string_view::npos) nonzero_end_ = at + last + 1;
        if (size < sizeof(kFrameMagic) || get<std::uint32_t>(word.data()) != kFrameMagic) continue;
        Frame frame;
        TRY(const bool valid, frame_at(at, frame));
        if (valid && frame.header.first_offset >= expected_) {
            at_ = at;
            expected_ = frame.header.first_offset;
            return true;
        }
    }
    return false;
}

Result<std::optional<SegmentFooter>> FrameScanner::footer() {
    if (at_ >= limit_ || limit_ - at_ < kSegmentEndBytes) return std::optional<SegmentFooter>();
    TRY(const std::string_view raw, bytes(at_, kSegmentEndBytes));
    return decode_segment_footer(raw);
}

Result<ReadablePrefix> readable_prefix(const std::string& path, std::uint64_t log_id, std::uint64_t number,
                                       std::uint64_t first_offset) {
    TRY(const File file, File::open(path, O_RDONLY));
    TRY(const std::uint64_t size, file.size());
    if (size < kSegmentHeaderBlock) return ReadablePrefix{.bytes = 0, .end_offset = first_offset};
    FrameScanner scanner(file, frame_seed(log_id, number), kSegmentHeaderBlock, size, first_offset,
                         ReadErrors::kTakeAsZeros);
    FrameScanner::Frame frame;
    for (;;) {
        TRY(const FrameScanner::Step step, scanner.next(frame));
        if (step != FrameScanner::Step::kFrame) break;
    }
    return ReadablePrefix{.bytes = std::min(scanner.at(), size), .end_offset = scanner.expected()};
}

}  // namespace footfall::log
