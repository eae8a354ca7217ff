#include "process/live/live.h"

#include <algorithm>
#include <chrono>

#include "base/logging.h"
#include "base/metrics.h"
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

}  // namespace

LiveProcessor::LiveProcessor(const log::EventLog& log, Clock& clock, LiveOptions options)
    : log_(log), clock_(clock), options_(options) {}

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

bool LiveProcessor::wait(std::int64_t ms) {
    std::unique_lock lock(mutex_);
    return !stopped_.wait_for(lock, std::chrono::milliseconds(ms), [this] { return stopping_; });
}

void LiveProcessor::run() {
    name_thread("live");
    auto& errors =
        metrics::counter("footfall_live_errors_total", "Readings of the log for the live numbers that failed.");
    do {
        const Status status = reader_ ? step() : rebuild();
        if (status) continue;
        errors.add();
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

Result<log::Position> LiveProcessor::position_of(std::int64_t from_ms) {
    log::Position low = log_.begin();
    log::Position high = log_.end();
    while (high.offset - low.offset > kNearEnough) {
        const log::Position middle{low.partition, low.offset + (high.offset - low.offset) / 2};
        TRY(const std::unique_ptr<log::LogReader> reader, log_.reader(middle));
        // Tallies don't say when they came: the next event does.
        bool is_older = false;
        bool is_found = false;
        while (!is_found && reader->position() < high) {
            entries_.clear();
            const log::Position before = reader->position();
            if (const Status status = reader->read(entries_, 1'000, kBytesMax); !status) {
                if (reader->position() == before) return status.error();
                continue;  // behind what is damaged or was deleted
            }
            for (const log::StoredEntry& entry : entries_) {
                if (entry.kind != log::EntryKind::kEvent) continue;
                const auto event = records_.read(entry.payload, event::ReadTo::kUserId);
                if (!event) continue;
                is_found = true;
                is_older = event->received_at < from_ms;
                break;
            }
        }
        if (is_older) low = middle;
        else high = middle;
    }
    return low;
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
    const log::Position end = log_.end();
    while (reader_->position() < end) {
        TRY_STATUS(step());
        const std::lock_guard lock(mutex_);
        if (stopping_) return {};
    }
    const std::lock_guard lock(mutex_);
    is_ready_ = true;
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
        if (event->received_at <= wall_ms_ - kWindowMs || event->received_at > wall_ms_ + kSetBackMs) continue;
        auto site = sites_.find(event->website_id);
        if (site == sites_.end()) site = sites_.emplace(std::string(event->website_id), Site()).first;
        site->second.window.advance(std::max(wall_ms_, event->received_at));
        site->second.window.add(*event);
        site->second.version = ++versions_;
    }
    if (reader_->position() >= end) as_of_ms_ = now_ms;
    forget_old_sites(now_ms);
    return {};
}

void LiveProcessor::forget_old_sites(std::int64_t now_ms) {
    if (now_ms - forgot_ms_ < SiteWindow::kMinuteMs) return;
    forgot_ms_ = now_ms;
    std::erase_if(sites_, [&](const auto& site) { return site.second.window.is_over(now_ms); });
}

Result<store::LiveNumbers> LiveProcessor::read(std::string_view website_id) {
    const std::int64_t now_ms = clock_.wall_ms();
    const std::lock_guard lock(mutex_);
    if (!is_ready_)
        return Error(Code::kUnavailable, problem_.empty() ? "the live numbers are being rebuilt from the log"
                                                          : "the live numbers can't be read: " + problem_);
    const auto site = sites_.find(website_id);
    SiteWindow nobody;
    SiteWindow& window = site == sites_.end() ? nobody : site->second.window;
    window.advance(now_ms);
    store::LiveNumbers numbers = window.numbers();
    numbers.as_of_ms = as_of_ms_;
    return numbers;
}

std::uint64_t LiveProcessor::version(std::string_view website_id) {
    const std::lock_guard lock(mutex_);
    const auto site = sites_.find(website_id);
    return site == sites_.end() ? 0 : site->second.version;
}

}  // namespace footfall::process
