#include "demo/demo.h"

#include <unistd.h>

#include <algorithm>
#include <deque>
#include <functional>
#include <queue>
#include <random>
#include <span>

#include "base/logging.h"
#include "demo/journal.h"
#include "demo/sender.h"
#include "demo/world.h"

namespace footfall::demo {
namespace {

constexpr std::size_t kEventsPerBody = 500;
/// The history leaves room for the page and the loader on two cores: 300,000 events are there in 75 s, where the server
/// could take them in 15.
constexpr std::int64_t kEventsPerSecond = 4'000;
constexpr std::int64_t kNoteEveryMs = 30'000;
constexpr std::int64_t kReportEveryMs = 5'000;
constexpr std::int64_t kRestMs = 100;

/// Visitors on top of the plan: this many a second at the start, so that some 70 were there within five minutes, and
/// ever fewer as the day's share is used up: a day gets no more than about twice its ordinary visitors.
constexpr double kExtraPerSecond = 0.16;
constexpr double kExtraPerDay = 2'000;
/// Where the demo did not run, they are under way for this long already when it starts.
constexpr std::int64_t kExtraAheadMs = 30 * 60'000;

struct Later {
    bool operator()(const Hit& a, const Hit& b) const { return a.timestamp_ms > b.timestamp_ms; }
};

class Traffic {
public:
    Traffic(const Options& options, const World& world, Journal journal, Clock& clock)
        : days_(options.days),
          clock_(clock),
          world_(world),
          journal_(std::move(journal)),
          sender_(options.address, options.key, clock),
          dice_{std::random_device{}(), std::random_device{}()},
          started_ms_(clock.wall_ms()),
          next_arrival_ms_(std::max(started_ms_ - kExtraAheadMs, journal_.sent_until(world_.day_of(started_ms_)))) {}

    /// One body at most, or a short rest.
    Status step() {
        const std::int64_t now_ms = clock_.wall_ms();
        if (world_.day_of(now_ms) != today_ || is_first_) begin_day(world_.day_of(now_ms));
        let_arrive(now_ms);
        std::vector<Hit> due = take_due(now_ms);
        if (!due.empty()) TRY_STATUS(post(due));
        const bool is_today_whole = due.size() < kEventsPerBody;
        if (is_today_whole && (!is_today_there_ || now_ms - noted_ms_ >= kNoteEveryMs)) {
            TRY_STATUS(note(today_, now_ms));
            if (!is_today_there_) ++days_there_;
            is_today_there_ = true;
            noted_ms_ = now_ms;
        }
        if (!is_today_whole) return {};
        if (!missing_.empty()) {
            if (clock_.steady_ns() >= next_history_ns_) return send_history();
        } else if (!is_complete_) {
            is_complete_ = true;
            logging::info("demo.history_complete",
                          {{"days", days_there_}, {"events", events_}, {"seconds", seconds()}});
        }
        if (due.empty()) rest();
        return {};
    }

private:
    void begin_day(Day today) {
        is_first_ = false;
        today_ = today;
        is_today_there_ = is_complete_ = false;
        days_there_ = 0;
        extra_ = 0;
        plan_ = world_.day(today);
        skip_sent(plan_, journal_.sent_until(today));
        planned_ = 0;
        missing_.clear();
        history_.clear();
        for (Day day = today - 1; day > today - days_; --day) {
            if (journal_.sent_until(day) < world_.start_ms(day + 1)) missing_.push_back(day);
            else ++days_there_;
        }
    }

    static void skip_sent(std::vector<Hit>& hits, std::int64_t until_ms) {
        std::erase_if(hits, [&](const Hit& hit) { return hit.timestamp_ms < until_ms; });
    }

    void let_arrive(std::int64_t now_ms) {
        while (next_arrival_ms_ <= now_ms) {
            for (Hit& hit : world_.visit(dice_.next(), next_arrival_ms_)) extras_.push(std::move(hit));
            ++extra_;
            const double left = std::max(0.02, 1 - extra_ / kExtraPerDay);
            next_arrival_ms_ += static_cast<std::int64_t>(dice_.exponential(1'000 / (kExtraPerSecond * left)));
        }
    }

    std::vector<Hit> take_due(std::int64_t now_ms) {
        std::vector<Hit> due;  // who is here now before this morning's
        while (due.size() < kEventsPerBody && !extras_.empty() && extras_.top().timestamp_ms < now_ms) {
            due.push_back(extras_.top());
            extras_.pop();
        }
        while (due.size() < kEventsPerBody && planned_ < plan_.size() && plan_[planned_].timestamp_ms < now_ms)
            due.push_back(std::move(plan_[planned_++]));
        return due;
    }

    Status send_history() {
        const Day day = missing_.front();
        if (history_.empty()) {
            std::vector<Hit> hits = world_.day(day);
            skip_sent(hits, journal_.sent_until(day));
            history_.assign(std::make_move_iterator(hits.begin()), std::make_move_iterator(hits.end()));
        }
        const auto count = static_cast<std::ptrdiff_t>(std::min(kEventsPerBody, history_.size()));
        const std::vector<Hit> hits(history_.begin(), history_.begin() + count);
        history_.erase(history_.begin(), history_.begin() + count);
        next_history_ns_ = clock_.steady_ns() + count * 1'000'000'000 / kEventsPerSecond;
        if (!hits.empty()) TRY_STATUS(post(hits));
        if (!history_.empty()) return {};
        TRY_STATUS(note(day, world_.start_ms(day + 1)));
        missing_.pop_front();
        ++days_there_;
        const std::int64_t now_ms = clock_.wall_ms();
        if (now_ms - reported_ms_ < kReportEveryMs) return {};
        reported_ms_ = now_ms;
        logging::info("demo.history",
                      {{"days", days_there_}, {"of", days_}, {"events", events_}, {"seconds", seconds()}});
        return {};
    }

    Status post(std::span<const Hit> hits) {
        body_ = "[";
        for (const Hit& hit : hits) {
            if (body_.size() > 1) body_ += ',';
            append_json(body_, hit);
        }
        body_ += ']';
        TRY_STATUS(sender_.send(body_));
        events_ += hits.size();
        return {};
    }

    Status note(Day day, std::int64_t until_ms) { return journal_.note(day, until_ms, today_ - days_); }

    /// Until the next body of the history may go, or a moment.
    void rest() const {
        std::int64_t us = kRestMs * 1'000;
        if (!missing_.empty()) us = std::clamp<std::int64_t>((next_history_ns_ - clock_.steady_ns()) / 1'000, 1, us);
        ::usleep(static_cast<useconds_t>(us));
    }
    std::int64_t seconds() const { return (clock_.wall_ms() - started_ms_) / 1'000; }

    const int days_;
    Clock& clock_;
    const World world_;
    Journal journal_;
    Sender sender_;
    Dice dice_;
    const std::int64_t started_ms_;

    bool is_first_ = true;
    Day today_;
    std::vector<Hit> plan_;  // of today, sent as its moments come
    std::size_t planned_ = 0;
    bool is_today_there_ = false;
    std::int64_t noted_ms_ = 0;

    std::int64_t next_arrival_ms_;
    double extra_ = 0;  // arrivals of today that are not of the plan
    std::priority_queue<Hit, std::vector<Hit>, Later> extras_;

    std::deque<Day> missing_;  // days before today, newest first
    std::deque<Hit> history_;  // what is left of the first of them
    std::int64_t next_history_ns_ = 0;
    std::int64_t reported_ms_ = 0;
    int days_there_ = 0;
    bool is_complete_ = false;
    std::size_t events_ = 0;
    std::string body_;
};

Status run_traffic(const Options& options, Clock& clock) {
    cctz::time_zone zone;
    if (!cctz::load_time_zone(options.timezone, &zone))
        return Error(Code::kInvalidArgument, "the time zone '" + options.timezone +
                                                 "' is not known to this machine; install its tzdata package");
    const Day today = World(options.seed, Day(), zone).day_of(clock.wall_ms());
    TRY(Journal journal, Journal::open(options.journal, today - (options.days - 1)));
    const World world(options.seed, journal.first_day(), zone);
    Traffic traffic(options, world, std::move(journal), clock);
    for (;;) TRY_STATUS(traffic.step());
}

}  // namespace

Error run(const Options& options, Clock& clock) { return run_traffic(options, clock).error(); }

}  // namespace footfall::demo
