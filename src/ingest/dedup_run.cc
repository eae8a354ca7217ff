#include "ingest/dedup_run.h"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "base/bytes.h"

namespace footfall::ingest {
namespace {

constexpr std::uint32_t kMagic = 0x52444646;  // "FFDR"
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kFooterBytes = 64;
constexpr std::size_t kDirectoryEntryBytes = 64;
constexpr std::uint64_t kPage = 4096;
constexpr std::size_t kLineBytes = 64;
constexpr std::size_t kLineBits = 480;
constexpr std::uint64_t kIdsPerLine = 44;
constexpr int kBitsPerId = 7;
constexpr std::size_t kBlockBytes = 4096;
constexpr std::size_t kRecordsPerBlock = 255;
constexpr std::size_t kStreamBytes = 1u << 20;
/// Written bytes are synced in steps, so that the log's syncs never wait behind a whole run.
constexpr std::uint64_t kSyncStep = 4u << 20;
constexpr std::uint64_t kCursorBlocks = 64;

std::uint32_t place_seed(std::uint64_t number, std::uint64_t at) {
    return static_cast<std::uint32_t>(number * 2654435761u + at / 64);
}

std::uint64_t line_of(std::uint64_t high, std::uint64_t lines) {
    return static_cast<std::uint64_t>((static_cast<unsigned __int128>(high) * lines) >> 64);
}

std::array<std::uint16_t, kBitsPerId> bits_of(std::uint64_t high, std::uint32_t low) {
    std::uint64_t rest = static_cast<std::uint64_t>(low) << 32 | static_cast<std::uint32_t>(high);
    std::array<std::uint16_t, kBitsPerId> out{};
    for (auto& bit : out) {
        bit = static_cast<std::uint16_t>((rest & 511) * kLineBits >> 9);
        rest >>= 9;
    }
    return out;
}

std::uint64_t next_page(std::uint64_t at) { return (at + kPage - 1) / kPage * kPage; }

}  // namespace

Result<RunWriter> RunWriter::create(const std::string& path, std::uint64_t number, const std::atomic<bool>& stopping) {
    TRY(File file, File::open(path, O_RDWR | O_CREAT | O_TRUNC));
    return RunWriter(std::move(file), number, stopping);
}

Status RunWriter::flush(Stream& stream) {
    if (*stopping_) return Error(Code::kUnavailable, "stopping");
    TRY_STATUS(file_.write_at(stream.bytes, stream.at));
    stream.at += stream.bytes.size();
    unsynced_ += stream.bytes.size();
    stream.bytes.clear();
    if (unsynced_ < kSyncStep) return {};
    unsynced_ = 0;
    return file_.sync_data();
}

Status RunWriter::write(Stream& stream, std::string_view bytes) {
    stream.bytes.append(bytes);
    if (stream.bytes.size() < kStreamBytes) return {};
    return flush(stream);
}

Status RunWriter::begin_section(std::uint32_t bucket, std::uint64_t records_max) {
    bucket_ = bucket;
    section_records_ = 0;
    lines_ = (records_max + kIdsPerLine - 1) / kIdsPerLine;
    lines_at_ = next_page(end_);
    blocks_at_ = next_page(lines_at_ + lines_ * kLineBytes);
    line_stream_ = {.at = lines_at_, .bytes = {}};
    block_stream_ = {.at = blocks_at_, .bytes = {}};
    line_ = 0;
    line_bits_.assign(kLineBytes - 4, '\0');
    blocks_ = 0;
    block_.clear();
    fences_.clear();
    last_.reset();
    return {};
}

Status RunWriter::add(const IdRecord& record) {
    if (last_ && last_->same_id(record)) return {};
    FOOTFALL_CHECK(!last_ || *last_ < record);
    for (const std::uint64_t line = line_of(record.high, lines_); line_ < line;) TRY_STATUS(close_line());
    for (const std::uint16_t bit : bits_of(record.high, record.low))
        line_bits_[bit / 8] |= static_cast<char>(1 << bit % 8);
    if (block_.empty()) put(fences_, static_cast<std::uint32_t>(record.high >> 32));
    put(block_, record.high);
    put(block_, record.low);
    put(block_, record.received_s);
    if (block_.size() == kRecordsPerBlock * sizeof(IdRecord)) TRY_STATUS(close_block());
    received_min_ = section_records_ == 0 ? record.received_s : std::min(received_min_, record.received_s);
    received_max_ = section_records_ == 0 ? record.received_s : std::max(received_max_, record.received_s);
    ++section_records_;
    last_ = record;
    return {};
}

Status RunWriter::close_line() {
    put(line_bits_, crc32c(line_bits_, place_seed(number_, lines_at_ + line_ * kLineBytes)));
    TRY_STATUS(write(line_stream_, line_bits_));
    line_bits_.assign(kLineBytes - 4, '\0');
    ++line_;
    return {};
}

Status RunWriter::close_block() {
    const auto count = static_cast<std::uint32_t>(block_.size() / sizeof(IdRecord));
    block_.resize(kRecordsPerBlock * sizeof(IdRecord), '\0');
    put(block_, count);
    put(block_, std::uint64_t{0});
    put(block_, crc32c(block_, place_seed(number_, blocks_at_ + blocks_ * kBlockBytes)));
    TRY_STATUS(write(block_stream_, block_));
    block_.clear();
    ++blocks_;
    return {};
}

Status RunWriter::end_section() {
    if (section_records_ == 0) return {};
    while (line_ < lines_) TRY_STATUS(close_line());
    if (!block_.empty()) TRY_STATUS(close_block());
    TRY_STATUS(flush(line_stream_));
    TRY_STATUS(flush(block_stream_));
    const std::uint64_t fences_at = blocks_at_ + blocks_ * kBlockBytes;
    Stream fence_stream{.at = fences_at, .bytes = fences_};
    TRY_STATUS(flush(fence_stream));
    end_ = fence_stream.at;
    records_ += section_records_;
    ++sections_;

    put(directory_, bucket_);
    put(directory_, crc32c(fences_, place_seed(number_, fences_at)));
    put(directory_, section_records_);
    put(directory_, received_min_);
    put(directory_, received_max_);
    for (const std::uint64_t value : {lines_at_, lines_, blocks_at_, blocks_, fences_at}) put(directory_, value);
    return {};
}

Status RunWriter::finish() {
    const std::uint64_t directory_at = next_page(end_);
    std::string footer;
    put(footer, kMagic);
    put(footer, kVersion);
    put(footer, number_);
    put(footer, directory_at);
    put(footer, sections_);
    put(footer, crc32c(directory_));
    put(footer, records_);
    footer.resize(kFooterBytes - 4, '\0');
    put(footer, crc32c(footer));
    TRY_STATUS(file_.write_at(directory_ + footer, directory_at));
    return file_.sync();
}

Error Run::corrupt(std::string_view what, std::uint64_t at) const {
    return Error(
        Code::kCorrupt,
        "the duplicate index is damaged: " + path_ + ", " + std::string(what) + " at byte " + std::to_string(at) +
            "; restore the file, or remove the index to have it rebuilt from the log as far as that goes back");
}

Status Run::read_exactly(char* out, std::size_t size, std::uint64_t at) const {
    auto done = file_.read_into(out, size, at);
    if (!done) return done.error().context(path_);
    if (*done != size) return corrupt("end of file", at + *done);
    return {};
}

Result<std::shared_ptr<Run>> Run::open(const std::string& path, std::uint64_t number) {
    auto run = std::make_shared<Run>();
    run->path_ = path;
    run->number_ = number;
    TRY(run->file_, File::open(path, O_RDONLY));
    TRY(run->bytes_, run->file_.size());
    if (run->bytes_ < kFooterBytes) return run->corrupt("end of file", run->bytes_);

    char footer[kFooterBytes];
    const std::uint64_t footer_at = run->bytes_ - kFooterBytes;
    TRY_STATUS(run->read_exactly(footer, sizeof(footer), footer_at));
    const auto directory_at = get<std::uint64_t>(footer + 16);
    const std::uint64_t sections = get<std::uint32_t>(footer + 24);
    if (get<std::uint32_t>(footer) != kMagic || get<std::uint32_t>(footer + 4) != kVersion ||
        get<std::uint64_t>(footer + 8) != number ||
        get<std::uint32_t>(footer + 60) != crc32c({footer, kFooterBytes - 4}) ||
        directory_at + sections * kDirectoryEntryBytes != footer_at)
        return run->corrupt("footer", footer_at);
    run->records_ = get<std::uint64_t>(footer + 32);

    std::string directory(sections * kDirectoryEntryBytes, '\0');
    TRY_STATUS(run->read_exactly(directory.data(), directory.size(), directory_at));
    if (crc32c(directory) != get<std::uint32_t>(footer + 28)) return run->corrupt("directory", directory_at);
    for (const char* entry = directory.data(); entry != directory.data() + directory.size();
         entry += kDirectoryEntryBytes) {
        Section section;
        section.bucket = get<std::uint32_t>(entry);
        section.fences_crc = get<std::uint32_t>(entry + 4);
        section.records = get<std::uint64_t>(entry + 8);
        section.received_min = get<std::uint32_t>(entry + 16);
        section.received_max = get<std::uint32_t>(entry + 20);
        section.lines_at = get<std::uint64_t>(entry + 24);
        section.lines = get<std::uint64_t>(entry + 32);
        section.blocks_at = get<std::uint64_t>(entry + 40);
        section.blocks = get<std::uint64_t>(entry + 48);
        section.fences_at = get<std::uint64_t>(entry + 56);
        run->received_max_ = std::max(run->received_max_, section.received_max);
        run->sections_.push_back(std::move(section));
    }
    return run;
}

Result<bool> Run::may_contain(const Section& section, std::uint64_t high, std::uint32_t low) const {
    const std::uint64_t line = line_of(high, section.lines);
    char raw[kLineBytes];
    const char* bits = raw;
    if (!section.filter.empty()) {
        bits = section.filter.data() + line * kLineBytes;
    } else {
        const std::uint64_t at = section.lines_at + line * kLineBytes;
        TRY_STATUS(read_exactly(raw, kLineBytes, at));
        if (get<std::uint32_t>(raw + kLineBytes - 4) != crc32c({raw, kLineBytes - 4}, place_seed(number_, at)))
            return corrupt("filter", at);
    }
    for (const std::uint16_t bit : bits_of(high, low))
        if ((bits[bit / 8] >> bit % 8 & 1) == 0) return false;
    return true;
}

Result<std::string> Run::load_filter(std::size_t index) const {
    const Section& section = sections_[index];
    std::string filter(section.lines * kLineBytes, '\0');
    TRY_STATUS(read_exactly(filter.data(), filter.size(), section.lines_at));
    for (std::uint64_t line = 0; line < section.lines; ++line) {
        const char* raw = filter.data() + line * kLineBytes;
        const std::uint64_t at = section.lines_at + line * kLineBytes;
        if (get<std::uint32_t>(raw + kLineBytes - 4) != crc32c({raw, kLineBytes - 4}, place_seed(number_, at)))
            return corrupt("filter", at);
    }
    return filter;
}

Status Run::load_fences(Section& section) const {
    std::vector<std::uint32_t> fences(section.blocks);
    auto* raw = reinterpret_cast<char*>(fences.data());
    const std::size_t size = fences.size() * sizeof(std::uint32_t);
    TRY_STATUS(read_exactly(raw, size, section.fences_at));
    if (crc32c({raw, size}, place_seed(number_, section.fences_at)) != section.fences_crc)
        return corrupt("fences", section.fences_at);
    section.fences = std::move(fences);
    return {};
}

Result<std::uint32_t> Run::check_block(const char* block, std::uint64_t at) const {
    const auto count = get<std::uint32_t>(block + kBlockBytes - 16);
    if (get<std::uint32_t>(block + kBlockBytes - 4) != crc32c({block, kBlockBytes - 4}, place_seed(number_, at)) ||
        count > kRecordsPerBlock)
        return corrupt("block", at);
    return count;
}

Result<std::optional<std::uint32_t>> Run::find(Section& section, std::uint64_t high, std::uint32_t low) const {
    ++section.touches;
    TRY(const bool maybe, may_contain(section, high, low));
    if (!maybe) return std::optional<std::uint32_t>();
    if (section.fences.empty()) TRY_STATUS(load_fences(section));

    // The block before the first whose fence is not smaller may hold it, and every one whose fence is equal.
    const auto prefix = static_cast<std::uint32_t>(high >> 32);
    const auto from = std::lower_bound(section.fences.begin(), section.fences.end(), prefix);
    auto block = static_cast<std::uint64_t>(from - section.fences.begin());
    if (block > 0) --block;
    char raw[kBlockBytes];
    for (; block < section.blocks && section.fences[block] <= prefix; ++block) {
        const std::uint64_t at = section.blocks_at + block * kBlockBytes;
        TRY_STATUS(read_exactly(raw, kBlockBytes, at));
        TRY(const std::uint32_t count, check_block(raw, at));
        std::uint32_t begin = 0;
        for (std::uint32_t end = count; begin < end;) {
            const std::uint32_t middle = (begin + end) / 2;
            const auto record = get<IdRecord>(raw + middle * sizeof(IdRecord));
            if (record.high == high && record.low == low) return std::optional(record.received_s);
            if (record.high < high || (record.high == high && record.low < low)) begin = middle + 1;
            else end = middle;
        }
    }
    return std::optional<std::uint32_t>();
}

Result<const IdRecord*> Run::Cursor::next() {
    if (at_ == records_.size()) {
        records_.clear();
        at_ = 0;
        const std::uint64_t blocks = std::min(kCursorBlocks, section_.blocks - next_block_);
        if (blocks == 0) return nullptr;
        blocks_.resize(blocks * kBlockBytes);
        std::uint64_t at = section_.blocks_at + next_block_ * kBlockBytes;
        TRY_STATUS(run_.read_exactly(blocks_.data(), blocks_.size(), at));
        for (const char* block = blocks_.data(); block != blocks_.data() + blocks_.size();
             block += kBlockBytes, at += kBlockBytes) {
            TRY(const std::uint32_t count, run_.check_block(block, at));
            const std::size_t before = records_.size();
            records_.resize(before + count);
            std::memcpy(records_.data() + before, block, count * sizeof(IdRecord));
        }
        next_block_ += blocks;
    }
    return &records_[at_++];
}

}  // namespace footfall::ingest
