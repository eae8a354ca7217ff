#include "rescore/rescore.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/failpoint.h"
#include "base/logging.h"

namespace footfall::rescore {
namespace {

constexpr std::size_t kEntriesAtOnce = 4'000;
constexpr std::size_t kBytesAtOnce = 16u << 20;
constexpr int kForgetTimeoutMs = 60'000;
/// Each further one is for a store that was started anew amid the one before.
constexpr int kTriesMax = 5;
/// Ids are made one of each when so many more have come.
constexpr std::size_t kIdsUnsorted = 100'000;

/// Tells what becomes of the log's events.
class EventJudge {
public:
    EventJudge(const Request& request, const Judge& judge) : request_(request), judge_(judge) {}

    struct Change {
        std::string_view website_id;
        std::uint64_t visitor_id = 0;
        event::Verdict verdict;
    };
    /// Nothing for an entry that stays as it is. Valid until the next call.
    std::optional<Change> judge(const log::StoredEntry& entry) {
        if (entry.kind != log::EntryKind::kEvent || entry.position.offset >= request_.end) return std::nullopt;
        const auto head = records_.read(entry.payload, event::ReadTo::kUserId);
        if (!head || head->timestamp < request_.since_ms || head->timestamp >= request_.until_ms ||
            !std::binary_search(request_.sites.begin(), request_.sites.end(), head->website_id))
            return std::nullopt;
        const auto event = records_.read(entry.payload);
        if (!event) return std::nullopt;
        const event::Verdict verdict = judge_(*event);
        if (verdict.bot_reason == event->bot_reason) return std::nullopt;
        return Change{.website_id = event->website_id, .visitor_id = event->visitor_id, .verdict = verdict};
    }

private:
    const Request& request_;
    const Judge& judge_;
    event::RecordReader records_;
};

}  // namespace

Rescorer::Rescorer(log::DiskLog& log, store::Client& store, process::Loader& loader, Clock& clock,
                   RescorerOptions options, std::function<Judge()> make_judge, std::function<void()> remade)
    : log_(log),
      history_(options.history != nullptr ? *options.history : log),
      store_(store),
      loader_(loader),
      clock_(clock),
      options_(std::move(options)),
      make_judge_(std::move(make_judge)),
      remade_(std::move(remade)),
      pending_(options_.data_dir + "/rescore.pending") {}

Result<bool> Rescorer::is_pending() const {
    TRY(const auto begun, pending_.read());
    return begun.has_value();
}

Status Rescorer::go_on() const {
    if (!is_stopping_) return {};
    return Error(Code::kUnavailable, "Footfall is stopping");
}

Result<Report> Rescorer::rescore(Request request, log::ErasurePace pace) {
    TRY(const bool is_busy, is_pending());
    // One file says what is pending.
    if (is_busy) TRY_STATUS(resume());
    request.end = log_.end().offset;
    std::sort(request.sites.begin(), request.sites.end());
    // So that what is loaded meanwhile was judged once, by whatever lists.
    TRY_STATUS(loader_.wait_loaded({.partition = 0, .offset = request.end}, options_.loaded_timeout_ms));
    const Judge judge = make_judge_();
    TRY(Found found, find(request, judge));
    if (found.events == 0) return Report();
    TRY(Report report, carry_out({.request = std::move(request), .visitors = std::move(found.visitors)}, judge, pace));
    report.events = found.events;
    return report;
}

Status Rescorer::resume() {
    TRY(auto begun, pending_.read());
    if (!begun) {
        TRY_STATUS(pending_.remove());
        is_remaking_ = false;
        return {};
    }
    // The lists may be others than those that it was begun with.
    const Judge judge = make_judge_();
    TRY(const Found found, find(begun->request, judge));
    begun->visitors.add(found.visitors);
    TRY([[maybe_unused]] const Report report, carry_out(*begun, judge, log::ErasurePace::kAtOnce));
    return {};
}

Result<Rescorer::Found> Rescorer::find(const Request& request, const Judge& judge) const {
    Found found;
    EventJudge events(request, judge);
    TRY(const auto reader, history_.reader(history_.begin()));
    std::vector<log::StoredEntry> entries;
    process::SomeVisitors more;
    while (reader->position().offset < request.end) {
        TRY_STATUS(go_on());
        entries.clear();
        const log::Position before = reader->position();
        if (const Status read = reader->read(entries, kEntriesAtOnce, kBytesAtOnce);
            !read && reader->position() == before)
            return read.error();
        for (const log::StoredEntry& entry : entries) {
            const auto change = events.judge(entry);
            if (!change) continue;
            ++found.events;
            more.ids.push_back(change->visitor_id);
            if (std::find(more.sites.begin(), more.sites.end(), change->website_id) == more.sites.end())
                more.sites.emplace_back(change->website_id);
        }
        if (more.ids.size() < kIdsUnsorted) continue;
        found.visitors.add(std::exchange(more, {}));
        if (found.visitors.ids.size() > options_.visitors_max) break;
    }
    found.visitors.add(more);
    if (found.visitors.ids.size() > options_.visitors_max)
        return Error(Code::kTooLarge,
                     fmt::format("the verdicts of more than {} visitors would be others; take one site, or some days "
                                 "at a time (--site, --since, --until)",
                                 options_.visitors_max));
    return found;
}

Result<Report> Rescorer::carry_out(const Begun& begun, const Judge& judge, log::ErasurePace pace) {
    const std::int64_t began_ns = clock_.steady_ns();
    TRY_STATUS(pending_.write(begun));
    (void)failpoint("rescore.pending");
    EventJudge events(begun.request, judge);
    const log::Rewriting to_todays = [&](const log::StoredEntry& entry) -> Result<std::optional<log::Rewritten>> {
        TRY_STATUS(go_on());
        const auto change = events.judge(entry);
        if (!change) return std::optional<log::Rewritten>();
        TRY(std::string record, event::with_verdict(entry.payload, change->verdict));
        return std::optional<log::Rewritten>({.kind = entry.kind, .payload = std::move(record)});
    };
    // The long part, beside everybody else.
    TRY(const log::Erased rewritten, log_.rewrite({.begin = 0, .end = begun.request.end}, to_todays, pace));
    (void)failpoint("rescore.log");
    // After the log: what is archived from now on has the new verdicts.
    if (options_.rewrite_archive)
        TRY_STATUS(options_.rewrite_archive({.begin = 0, .end = begun.request.end}, begun.request.sites, to_todays));
    (void)failpoint("rescore.archive");

    process::Remade remade;
    std::int64_t held_ns = 0;
    // From here on nothing is loaded, also where the store is started anew meanwhile.
    const auto still = loader_.keep_still();
    for (int attempt = 0;; ++attempt) {
        TRY(const process::TablesHeld held, loader_.hold(options_.hold_timeout_ms));
        (void)failpoint("rescore.before_rows");
        held_ns = held_ns == 0 ? clock_.steady_ns() : held_ns;
        is_remaking_ = true;
        ++remakes_;
        const auto made =
            process::remake_rows(history_, store_, begun.visitors, held.position, [this] { return go_on(); });
        (void)failpoint("rescore.rows");
        // Also where it failed: what the loader remembers is not in the tables any more.
        const Status forgotten = loader_.forget(kForgetTimeoutMs);
        if (!made) return made.error();
        TRY_STATUS(forgotten);
        remade = *made;
        if (held.is_intact()) break;
        if (attempt + 1 == kTriesMax)
            return Error(Code::kUnavailable,
                         "the store was started anew again and again during the re-scoring, which goes on by itself");
    }
    remade_();
    (void)failpoint("rescore.remade");
    TRY_STATUS(pending_.remove());
    is_remaking_ = false;
    logging::info("rescore.done", {{"visitors", begun.visitors.ids.size()},
                                   {"events", rewritten.entries},
                                   {"rows", remade.events},
                                   {"segments", rewritten.segments},
                                   {"ms", (clock_.steady_ns() - began_ns) / 1'000'000},
                                   {"ms_without_answers", (clock_.steady_ns() - held_ns) / 1'000'000}});
    return Report{.events = rewritten.entries,
                  .visitors = begun.visitors.ids.size(),
                  .rows = remade.events,
                  .sessions_before = remade.sessions_before,
                  .sessions = remade.sessions,
                  .segments = rewritten.segments};
}

}  // namespace footfall::rescore
