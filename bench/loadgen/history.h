#pragma once

#include <cstdint>
#include <map>
#include <queue>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "loadgen/requests.h"
#include "loadgen/traffic.h"

namespace footfall::loadgen {

struct HistoryOptions {
    std::string site_id;
    std::string host;
    std::string path = "/api/v1/events";
    std::string key;  ///< secret of a collect key, which may send old timestamps
    std::size_t events_per_body = 200;
    std::uint64_t events = 0;  ///< of the whole; a session is not cut, so it becomes some per cent more or less
    std::int64_t from_ms = 0;  ///< midnight in UTC
    std::int64_t days = 30;
    std::uint64_t seed = 1;
};

/// What a report over the history must say, counted while it is made and not from what was stored. Days are UTC's.
class HistoryFigures {
public:
    struct Numbers {
        std::uint64_t sessions = 0;  ///< that started then
        std::uint64_t pageviews = 0;
        std::uint64_t events = 0;
        std::uint64_t bounces = 0;
        std::int64_t duration_ms = 0;
    };

    void add_session(std::int64_t started_at, std::int64_t duration_ms, bool is_bounce);
    void add_event(std::int64_t at, bool is_pageview, std::uint32_t visitor);
    /// One visitor more for that value of a dimension, where it is not known yet.
    void add_visitor(std::string_view dimension, std::string_view value, std::uint32_t visitor);
    void add_custom_event(std::string_view name) { ++named_events_[std::string(name)]; }

    /// {"total": …, "date": {day: …}, "page": {value: visitors}, …, "event_name": {name: {"events", "visitors"}}}
    std::string as_json() const;

private:
    using Values = std::map<std::string, std::vector<std::uint32_t>, std::less<>>;

    std::map<std::int64_t, Numbers> by_day_;
    std::map<std::string, Values, std::less<>> visitors_;  ///< with repetitions
    std::map<std::string, std::uint64_t> named_events_;
};

/// The past of a site, event by event in the order of time: visitors who come back, sessions of several pageviews (a
/// good third bounces), busy hours, a long tail of 50,000 pages, sources of the session's first event. A visitor is a
/// sent user_id; address and browser are set by a collect key. Single-threaded; 2 µs an event.
class History : public RequestSource {
public:
    explicit History(const HistoryOptions& options);

    std::string_view next() override;
    /// Complete when next() has given the last request.
    const HistoryFigures& figures() const { return figures_; }

private:
    enum class Kind : std::uint8_t { kPageview, kCustom };
    struct Event {
        std::int64_t at = 0;
        std::uint32_t visitor = 0;
        std::uint32_t page = 0;
        std::uint16_t detail =
            0;  ///< of a session's first pageview its referrer or campaign, of a custom event its name
        Kind kind = Kind::kPageview;
        bool is_first = false;
        bool operator>(const Event& other) const { return at > other.at; }
    };

    void make_session();
    std::int64_t session_start() const;
    std::uint32_t choose_visitor(std::int64_t at);
    void append(const Event& event);

    const HistoryOptions options_;
    std::mt19937_64 random_;
    std::discrete_distribution<std::size_t> page_;
    const std::vector<Agent> agents_;
    const std::uint64_t sessions_;
    std::uint64_t made_ = 0;
    std::vector<std::int64_t> last_seen_;  ///< by visitor
    std::priority_queue<Event, std::vector<Event>, std::greater<>> pending_;
    std::string body_;
    std::string request_;
    HistoryFigures figures_;
};

}  // namespace footfall::loadgen
