#include "erase/erase.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <system_error>
#include <utility>
#include <vector>

#include "base/failpoint.h"
#include "base/file.h"
#include "base/logging.h"
#include "erase/store_rows.h"
#include "process/erased.h"

namespace footfall::erase {
namespace {

constexpr std::size_t kEntriesAtOnce = 4'000;
constexpr std::size_t kBytesAtOnce = 16u << 20;
constexpr int kForgetTimeoutMs = 60'000;
/// The log's last entries are erased while the loader is held, when it is known which of them the store has: those that
/// it has not loaded by then never made a session. More than these are not left for that time.
constexpr std::uint64_t kTailEntriesMax = 1'000'000;
/// Each further one is for a store that was started anew amid the one before.
constexpr int kTriesMax = 5;
constexpr std::string_view kAside = "store.broken-";

/// One reading of the logs. Nothing where it showed more of the subject than was known: then another one is needed.
class Search {
public:
    explicit Search(const Subject& subject) : subject_(subject), reader_(subject_) { found_.subject = subject; }

    Status read(const log::EventLog& log, log::ErasureRange range) {
        log::Position first = log.begin();
        first.offset = std::max(range.begin, first.offset);
        if (first.offset >= range.end) return {};
        TRY(const auto reader, log.reader(first));
        std::vector<log::StoredEntry> entries;
        while (reader->position().offset < range.end) {
            entries.clear();
            const log::Position before = reader->position();
            if (const Status read = reader->read(entries, kEntriesAtOnce, kBytesAtOnce);
                !read && reader->position() == before)
                return read.error();
            for (const log::StoredEntry& entry : entries)
                if (entry.position.offset < range.end) look_at(entry);
        }
        return {};
    }
    std::optional<Found> take() {
        found_.visitors = visitors_.size();
        if (grew_) return std::nullopt;
        return std::move(found_);
    }
    const Subject& grown() const { return found_.subject; }

private:
    void look_at(const log::StoredEntry& entry) {
        if (reader_.follow(entry, found_.subject)) grew_ = true;
        if (entry.kind == log::EntryKind::kErased) {
            const auto erased = process::read_erased(entry.payload);
            if (erased && erased->kind == log::EntryKind::kRejected && erased->website_id == subject_.website_id)
                found_.rejected_places.push_back(entry.position);
            return;
        }
        if (!reader_.holds(entry)) return;
        if (entry.kind == log::EntryKind::kRejected) {
            ++found_.rejected;
            found_.rejected_places.push_back(entry.position);
        }
        if (entry.kind != log::EntryKind::kEvent) return;
        ++found_.events;
        if (const auto event = records_.read(entry.payload, event::ReadTo::kUserId))
            visitors_.insert(event->visitor_id);
    }

    const Subject subject_;
    SubjectReader reader_;
    event::RecordReader records_;
    Found found_;
    std::set<std::uint64_t> visitors_;
    bool grew_ = false;
};

}  // namespace

Result<Found> find(std::vector<Stretch> stretches, Subject subject) {
    for (;;) {
        Search search(subject);
        for (const Stretch& stretch : stretches) TRY_STATUS(search.read(*stretch.log, stretch.range));
        if (auto found = search.take()) return std::move(*found);
        subject = search.grown();
        for (Stretch& stretch : stretches) stretch.range.begin = 0;
    }
}

Result<Found> find(const log::EventLog& log, Subject subject, log::ErasureRange range) {
    return find({{.log = &log, .range = range}}, std::move(subject));
}

Eraser::Eraser(log::DiskLog& log, store::Client& store, process::Loader& loader, Clock& clock, EraserOptions options,
               std::function<void(const Subject&)> forget)
    : log_(log),
      history_(options.history != nullptr ? *options.history : log),
      store_(store),
      loader_(loader),
      clock_(clock),
      options_(std::move(options)),
      forget_(std::move(forget)),
      pending_(options_.data_dir + "/erasure.pending"),
      end_at_start_(log.end().offset) {}

Result<bool> Eraser::is_pending() const {
    TRY(const auto subject, pending_.read());
    return subject.has_value();
}

Result<Report> Eraser::erase(const Subject& subject, log::ErasurePace pace) {
    TRY(const bool is_busy, is_pending());
    // One file says what is pending.
    if (is_busy) TRY_STATUS(resume());
    std::uint64_t end = log_.end().offset;
    if (const std::uint64_t loaded = loader_.state().loaded.offset; loaded + kTailEntriesMax >= end)
        end = std::min(end, loaded);
    TRY(Found found, find(history_, subject, {.begin = 0, .end = end}));
    return carry_out(std::move(found), end, Extent::kUpToNow, pace);
}

Status Eraser::resume() {
    TRY(const auto subject, pending_.read());
    const auto end = std::exchange(end_at_start_, std::nullopt);
    if (!subject) return pending_.remove();
    const std::uint64_t last = end.value_or(log_.end().offset);
    TRY(Found found, find(history_, *subject, {.begin = 0, .end = last}));
    TRY([[maybe_unused]] const Report report,
        carry_out(std::move(found), last, end ? Extent::kUpToEnd : Extent::kUpToNow, log::ErasurePace::kAtOnce));
    return {};
}

Result<Report> Eraser::carry_out(Found found, std::uint64_t end, Extent extent, log::ErasurePace pace) {
    const std::int64_t began_ns = clock_.steady_ns();
    TRY_STATUS(pending_.write(found.subject));
    (void)failpoint("erase.pending");
    Report report;
    const auto rewrite = [&](const log::ErasureRange& range, log::ErasurePace how) -> Status {
        // They are told by the store while it has them: the log says of no event by itself that it began one.
        TRY(const std::vector<std::uint64_t> sessions, session_keys(store_, found.subject));
        SubjectReader reader(found.subject, sessions);
        const log::Rewriting to_tombstones =
            [&reader](const log::StoredEntry& entry) -> Result<std::optional<log::Rewritten>> {
            if (!reader.holds(entry)) return std::optional<log::Rewritten>();
            return std::optional<log::Rewritten>({.payload = reader.tombstone(entry)});
        };
        TRY(const log::Erased erased, log_.rewrite(range, to_tombstones, how));
        report.segments += erased.segments;
        (void)failpoint("erase.before_archive");
        // After the log: what is archived from now on has nothing of the subject.
        if (!options_.rewrite_archive) return {};
        return options_.rewrite_archive(range, std::span(&found.subject.website_id, 1), to_tombstones);
    };
    // The long part, beside everybody else.
    TRY_STATUS(rewrite({.begin = 0, .end = end}, pace));
    (void)failpoint("erase.log");

    for (int attempt = 0;; ++attempt) {
        // From here on nothing is loaded: what the tables have of the subject is of entries before `last`.
        TRY(const process::TablesHeld held, loader_.hold(options_.hold_timeout_ms));
        const std::uint64_t last = extent == Extent::kUpToEnd && attempt == 0 ? end : log_.end().offset;
        if (last > end) {
            // What was found before is erased already, and so not found again.
            TRY(Found more, find(history_, found.subject, {.begin = end, .end = last}));
            const bool is_more_of_it = more.subject != found.subject;
            if (is_more_of_it) TRY_STATUS(pending_.write(more.subject));
            more.events += found.events;
            more.rejected += found.rejected;
            more.visitors = std::max(more.visitors, found.visitors);
            more.rejected_places.insert(more.rejected_places.end(), found.rejected_places.begin(),
                                        found.rejected_places.end());
            found = std::move(more);
            TRY_STATUS(rewrite({.begin = is_more_of_it ? 0 : end, .end = last}, log::ErasurePace::kAtOnce));
            end = last;
        }
        (void)failpoint("erase.before_rows");
        TRY(const std::uint64_t sessions, delete_rows(store_, found.subject, found.rejected_places));
        TRY_STATUS(remove_detached_parts(store_));
        report.sessions = std::max(report.sessions, sessions);
        (void)failpoint("erase.rows");
        TRY_STATUS(loader_.forget(kForgetTimeoutMs));
        if (held.is_intact()) break;
        if (attempt + 1 == kTriesMax)
            return Error(Code::kUnavailable,
                         "the store was started anew again and again during the erasure, which goes on by itself");
    }
    TRY_STATUS(remove_stores_aside());
    forget_(found.subject);
    (void)failpoint("erase.forgotten");
    TRY_STATUS(pending_.remove());
    report.events = found.events;
    report.rejected = found.rejected;
    report.visitors = found.visitors;
    // Nothing of the subject goes into a log that is kept.
    logging::info("erase.done", {{"site", found.subject.website_id},
                                 {"events", report.events},
                                 {"rejected", report.rejected},
                                 {"segments", report.segments},
                                 {"ms", (clock_.steady_ns() - began_ns) / 1'000'000}});
    return report;
}

Status Eraser::remove_stores_aside() const {
    TRY(const auto names, list_directory(options_.data_dir));
    for (const std::string& name : names) {
        if (!name.starts_with(kAside)) continue;
        std::error_code error;
        std::filesystem::remove_all(options_.data_dir + "/" + name, error);
        if (error) return Error(Code::kIo, "remove " + options_.data_dir + "/" + name + ": " + error.message());
    }
    return {};
}

}  // namespace footfall::erase
