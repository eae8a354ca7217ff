#include "process/live/live.h"

#include <algorithm>
#include <chrono>
#include <functional>
#include <iterator>
#include <ranges>
#include <utility>

#include "base/logging.h"
#include "base/worker_pool.h"

namespace footfall::process {
namespace {

constexpr std::int64_t kWindowMs = store::kLiveMinutes * SiteWindow::kMinuteMs;
constexpr std::int64_t kRetryMs = 1'000;
/// A clock that goes back by less is NTP's; its events count as of now.
constexpr std::int64_t kSetBackMs = 2'000;
/// Of one turn: who asks for numbers waits that long at most.
constexpr std::size_t kEntriesMax = 4'000;
constexpr std::size_t kBytesMax = 16u << 20;
/// Entries that are read in vain rather than looking for a nearer place to begin.
constexpr std::uint64_t kNearEnough = 20'000;
/// No session is looked for further back: one that never ends would have the whole log read at each start.
constexpr std::int64_t kLookbackMs = 24 * 3'600'000;
/// Numbers wait so long for where the sessions came from.
constexpr std::int64_t kPatienceNs = 500'000'000;
/// Late events of sessions that are not reached yet: the oldest are given up beyond so many.
constexpr std::size_t kPerhapsMax = 100'000;

struct Metrics {
    metrics::Histogram& fold =
        metrics::histogram("footfall_live_fold_seconds", "Reading new entries of the log into the live numbers.");
    metrics::Counter& entries =
        metrics::counter("footfall_live_entries_total", "Entries of the log read for the live numbers.");
    metrics::Counter& left_out =
        metrics::counter("footfall_live_left_out_total", "Times that a site's live visitors were halved to a sample.");
};
Metrics& counters() {
    static Metrics instance;
    return instance;
}

}  // namespace

LiveProcessor::LiveProcessor(const log::EventLog& log, Clock& clock, LiveOptions options)
    : log_(log),
      clock_(clock),
      options_(options),
      errors_(metrics::counter("footfall_live_errors_total", "Readings of the log for the live numbers that failed.")),
      visitors_{.max = options.visitors_max} {}

LiveProcessor::~LiveProcessor() { stop(); }

void LiveProcessor::start() {
    thread_ = std::thread([this] { run(); });
}

void LiveProcessor::stop() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    stopped_.notify_all();
    if (thread_.joinable()) thread_.join();
}

void LiveProcessor::log_was_rewritten() {
    const std::lock_guard lock(mutex_);
    is_rebuild_wanted_ = true;
    is_ready_ = false;  // nobody is told of the erased from here on
    problem_.clear();
}

bool LiveProcessor::wait(std::int64_t ms) {
    std::unique_lock lock(mutex_);
    return !stopped_.wait_for(lock, std::chrono::milliseconds(ms), [this] { return stopping_; });
}

void LiveProcessor::run() {
    name_thread("live");
    do {
        {
            const std::lock_guard lock(mutex_);
            if (std::exchange(is_rebuild_wanted_, false)) reader_.reset();
        }
        const Status status = reader_ ? step() : rebuild();
        if (status && lookback_) look_back();
        if (status) continue;
        errors_.add();
        logging::warn("live.retry", {{"error", status.error().message}, {"in_ms", kRetryMs}});
        {
            const std::lock_guard lock(mutex_);
            is_ready_ = false;
            problem_ = status.error().message;
        }
        reader_.reset();
        if (!wait(kRetryMs)) return;
    } while (wait(options_.interval_ms));
}

Result<log::Position> LiveProcessor::first_since(log::Position from, log::Position end, std::int64_t from_ms,
                                                 Look look) {
    TRY(const std::unique_ptr<log::LogReader> reader, log_.reader(from));
    while (reader->position() < end) {
        entries_.clear();
        const log::Position before = reader->position();
        if (const Status status = reader->read(entries_, 1'000, kBytesMax); !status) {
            if (reader->position() == before) return status.error();
            continue;  // behind what is damaged or was deleted
        }
        for (const log::StoredEntry& entry : entries_) {
            if (entry.kind != log::EntryKind::kEvent) continue;  // tallies don't say when they came
            const auto event = records_.read(entry.payload, event::ReadTo::kUserId);
            if (!event) continue;
            if (event->received_at >= from_ms) return entry.position;
            if (look == Look::kAtOneEvent) return end;
        }
    }
    return end;
}

Result<log::Position> LiveProcessor::position_of(std::int64_t from_ms) {
    log::Position low = log_.begin();
    const log::Position end = log_.end();
    log::Position high = end;
    while (high.offset - low.offset > kNearEnough) {
        const log::Position middle{low.partition, low.offset + (high.offset - low.offset) / 2};
        TRY(const log::Position first, first_since(middle, high, from_ms, Look::kAtOneEvent));
        if (first < high) high = middle;
        else low = middle;
    }
    return first_since(low, end, from_ms, Look::kAtAll);
}

Status LiveProcessor::rebuild() {
    const std::int64_t started_ns = clock_.steady_ns();
    wall_ms_ = clock_.wall_ms();
    TRY(const log::Position from, position_of(wall_ms_ - kWindowMs));
    TRY(reader_, log_.reader(from));
    {
        const std::lock_guard lock(mutex_);
        sites_.clear();
        forgot_ms_ = 0;
        is_ready_ = false;
        problem_.clear();
    }
    lookback_.emplace(log_, from);
    perhaps_.clear();
    const log::Position end = log_.end();
    while (reader_->position() < end) {
        TRY_STATUS(step());
        const std::lock_guard lock(mutex_);
        if (stopping_) return {};
    }
    const std::int64_t read_ns = clock_.steady_ns();
    while (lookback_ && clock_.steady_ns() - read_ns < kPatienceNs) look_back();
    const std::lock_guard lock(mutex_);
    is_ready_ = true;
    ++made_;
    offset_ = reader_->position().offset;
    if (as_of_ms_ == 0) as_of_ms_ = wall_ms_;
    logging::info("live.rebuilt", {{"entries", end.offset - from.offset},
                                   {"sites", sites_.size()},
                                   {"ms", (clock_.steady_ns() - started_ns) / 1'000'000}});
    return {};
}

Status LiveProcessor::step() {
    const std::int64_t now_ms = clock_.wall_ms();
    if (now_ms < wall_ms_ - kSetBackMs) {
        logging::warn("live.clock_set_back", {{"by_ms", wall_ms_ - now_ms}, {"next", "the live numbers are rebuilt"}});
        reader_.reset();
        return rebuild();
    }
    wall_ms_ = std::max(wall_ms_, now_ms);
    const log::Position end = log_.end();
    const std::int64_t began_ns = clock_.steady_ns();
    const log::Position before = reader_->position();
    entries_.clear();
    if (const Status status = reader_->read(entries_, kEntriesMax, kBytesMax); !status) {
        // The log names what is damaged, and audit shows it.
        if (reader_->position() == before) return status;
    }
    const std::lock_guard lock(mutex_);
    for (const log::StoredEntry& entry : entries_) {
        if (entry.kind != log::EntryKind::kEvent) continue;
        const auto event = records_.read(entry.payload, event::ReadTo::kEventName);
        if (!event) continue;  // the loader names it
        // What was received in a future that the clock has left since is of no minute that can be shown.
        if (event->received_at > wall_ms_ + kSetBackMs) continue;
        Site& site = site_of(event->website_id);
        site.window.advance(std::max(wall_ms_, event->received_at));
        site.window.add(*event);
        touch(site);
        if (visitors_.used > visitors_.max) leave_out();
    }
    offset_ = reader_->position().offset;
    if (reader_->position() >= end) as_of_ms_ = now_ms;
    forget_old_sites(now_ms);
    if (!entries_.empty()) {
        counters().fold.observe_ns(clock_.steady_ns() - began_ns);
        counters().entries.add(entries_.size());
    }
    return {};
}

LiveProcessor::Site& LiveProcessor::site_of(std::string_view website_id) {
    const auto site = sites_.find(website_id);
    return site != sites_.end() ? site->second
                                : sites_.try_emplace(std::string(website_id), sightings_, visitors_).first->second;
}

void LiveProcessor::look_back() {
    auto read = lookback_->read(options_.lookback_entries);
    if (!read) {
        logging::warn("live.sources_unknown", {{"error", read.error().message},
                                               {"note", "sessions that began before have their first source since"},
                                               {"since_ms", lookback_->unread_ms()}});
        errors_.add();
        lookback_.reset();
        return;
    }
    std::vector<SeenEvent> seen = std::move(*read);
    const std::int64_t unread_ms = lookback_->unread_ms();
    // Of one millisecond the one that was received first is the first: it comes first here.
    seen.insert(seen.end(), std::make_move_iterator(perhaps_.begin()), std::make_move_iterator(perhaps_.end()));
    perhaps_.clear();
    std::ranges::stable_sort(seen, std::ranges::greater(), &SeenEvent::at_ms);
    const std::lock_guard lock(mutex_);
    for (SeenEvent& event : seen) {
        const auto known = sites_.find(event.website_id);
        if (event.at_ms > wall_ms_) continue;
        if (known == sites_.end() && event.at_ms <= wall_ms_ - SiteWindow::kRememberedMs) continue;
        Site& site = known != sites_.end() ? known->second : site_of(event.website_id);
        advance(site, wall_ms_);
        switch (site.window.remember(event.visitor_id, event.source, event.at_ms, unread_ms)) {
            case SiteWindow::Remembered::kNothing: break;
            case SiteWindow::Remembered::kSource: touch(site); break;
            case SiteWindow::Remembered::kPerhapsLater:
                if (perhaps_.size() < kPerhapsMax) perhaps_.push_back(std::move(event));
        }
        if (visitors_.used > visitors_.max) leave_out();
    }
    const auto needs_more = [&](const auto& site) { return site.second.window.needs(unread_ms); };
    const bool is_needed = unread_ms > wall_ms_ - SiteWindow::kRememberedMs ||
                           (unread_ms > wall_ms_ - kLookbackMs && std::ranges::any_of(sites_, needs_more));
    if (!is_needed || lookback_->is_over()) lookback_.reset();
}

// Asks every site, for half of the visitors of the largest: rarely enough, and no site is any other's loss.
void LiveProcessor::leave_out() {
    const auto largest =
        std::ranges::max_element(sites_, {}, [](const auto& site) { return site.second.window.held(); });
    largest->second.window.leave_out();
    touch(largest->second);
    counters().left_out.add();
}

void LiveProcessor::forget_old_sites(std::int64_t now_ms) {
    if (now_ms - forgot_ms_ < SiteWindow::kMinuteMs) return;
    forgot_ms_ = now_ms;
    std::erase_if(sites_, [&](const auto& site) { return site.second.window.is_over(now_ms); });
}

void LiveProcessor::advance(Site& site, std::int64_t now_ms) {
    if (site.window.advance(now_ms)) site.changed = ++versions_;
}

Error LiveProcessor::not_ready() const {
    return {Code::kUnavailable, problem_.empty() ? "the live numbers are being rebuilt from the log"
                                                 : "the live numbers can't be read: " + problem_};
}

Result<store::LiveNumbers> LiveProcessor::read(std::string_view website_id) {
    const std::int64_t now_ms = clock_.wall_ms();
    std::vector<store::LivePart> parts;
    std::int64_t as_of_ms = 0;
    {
        const std::lock_guard lock(mutex_);
        if (!is_ready_) return not_ready();
        as_of_ms = as_of_ms_;
        if (const auto site = sites_.find(website_id); site != sites_.end()) {
            advance(site->second, now_ms);
            parts.push_back(site->second.window.part({}));
        }
    }
    store::LiveNumbers numbers = store::merge(parts, now_ms);
    numbers.as_of_ms = as_of_ms;
    return numbers;
}

std::uint64_t LiveProcessor::version(std::string_view website_id) {
    const std::lock_guard lock(mutex_);
    const auto site = sites_.find(website_id);
    return site == sites_.end() ? 0 : site->second.version;
}

Result<LiveProcessor::Changes> LiveProcessor::changes(std::uint64_t made, std::uint64_t version) {
    const std::int64_t now_ms = clock_.wall_ms();
    const std::lock_guard lock(mutex_);
    if (!is_ready_) return not_ready();
    if (made != made_) version = 0;
    Changes out{.made = made_, .version = 0, .offset = offset_, .as_of_ms = as_of_ms_, .sites = {}};
    for (auto& [website_id, site] : sites_) {
        advance(site, now_ms);
        if (site.changed > version) out.sites.push_back(website_id);
    }
    out.version = versions_;
    return out;
}

Result<store::LivePart> LiveProcessor::part(std::uint64_t made, std::string_view website_id,
                                            const store::LiveNamesLimits& limits) {
    const std::int64_t now_ms = clock_.wall_ms();
    const std::lock_guard lock(mutex_);
    if (!is_ready_) return not_ready();
    if (made != made_) return Error(Code::kUnavailable, "the live numbers were made anew");
    const auto site = sites_.find(website_id);
    store::LivePart none;
    none.at_ms = now_ms;
    if (site == sites_.end()) return none;
    advance(site->second, now_ms);
    return site->second.window.part(limits);
}

}  // namespace footfall::process
