#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "process/sessions/session.h"

// What the tests of sessions share: the definition in its plainest form, and events to hold it against.
namespace footfall::process {

inline constexpr std::int64_t kMinute = 60'000;
inline constexpr std::int64_t kSessionsNow = 1'795'500'000'000;

inline event::Event event_at(std::int64_t timestamp, std::string_view page = "/", std::string_view type = "pageview",
                             std::uint64_t visitor = 1) {
    event::Event event;
    event.website_id = "site";
    event.event_id = make_uuid_v7(timestamp);
    event.event_type = type;
    event.timestamp = timestamp;
    event.received_at = kSessionsNow;
    event.visitor_id = visitor;
    event.page = page;
    return event;
}

/// The definition, naively: a visitor's events by time, cut where the timeouts of all before are over.
struct ExpectedSession {
    std::vector<std::size_t> events;  // places in the list
    std::uint32_t pageviews = 0;
    std::uint32_t interactions = 0;
    float engaged = 0;
    std::string entry_page, exit_page;
    std::int64_t started_at = 0, ended_at = 0, open_until = 0;
    std::map<std::string, std::int64_t> revenue;  ///< by currency, ten-thousandths
    bool is_mixed = false;
    SessionAttributes attributes;
};

inline std::vector<ExpectedSession> naive(const std::vector<event::Event>& events) {
    std::map<std::tuple<std::string, std::uint64_t, bool>, std::vector<std::size_t>> by_visitor;
    std::map<std::array<unsigned char, 16>, float> engaged;
    for (std::size_t i = 0; i < events.size(); ++i) {
        const auto& e = events[i];
        if (makes_sessions(e.event_type)) by_visitor[{std::string(e.website_id), e.visitor_id, e.is_bot}].push_back(i);
        else if (e.event_type == "ping")
            engaged[e.pageview_id.bytes] = std::max(engaged[e.pageview_id.bytes], static_cast<float>(e.time_on_page));
    }
    std::vector<ExpectedSession> out;
    for (auto& [visitor, places] : by_visitor) {
        std::sort(places.begin(), places.end(),
                  [&](std::size_t a, std::size_t b) { return events[a].timestamp < events[b].timestamp; });
        std::int64_t open_until = INT64_MIN;
        for (const std::size_t place : places) {
            if (events[place].timestamp >= open_until) out.emplace_back();
            const std::int64_t minutes = events[place].session_timeout > 0 ? events[place].session_timeout : 30;
            open_until = std::max(open_until, events[place].timestamp + minutes * kMinute);
            out.back().events.push_back(place);
            out.back().open_until = open_until;
        }
    }
    for (ExpectedSession& session : out) {
        session.started_at = events[session.events.front()].timestamp;
        session.ended_at = events[session.events.back()].timestamp;
        std::optional<std::pair<std::int64_t, std::string>> entry, exit;
        bool has_attributes = false;
        for (const std::size_t place : session.events) {
            const auto& e = events[place];
            const std::pair<std::int64_t, std::string> view = {e.timestamp, std::string(e.page)};
            if (e.event_type == "pageview") {
                ++session.pageviews;
                if (!entry || view < *entry) entry = view;
                if (!exit || view > *exit) exit = view;
            } else if (!e.non_interactive) {
                ++session.interactions;
            }
            if (e.revenue != 0) session.revenue[std::string(e.currency)] += e.revenue;
            const auto& first = events[session.events.front()];
            if (e.hostname != first.hostname || e.country != first.country) session.is_mixed = true;
            const auto attributes = SessionAttributes::of(e);
            if (e.timestamp == session.started_at && (!has_attributes || attributes < session.attributes)) {
                session.attributes = attributes;
                has_attributes = true;
            }
        }
        if (entry) session.entry_page = entry->second;
        if (exit) session.exit_page = exit->second;
        if (session.events.size() == 1 && session.pageviews == 1)
            session.engaged = engaged[events[session.events.front()].event_id.bytes];
    }
    return out;
}

/// Days of a few visitors, as a server receives them: mostly at once, some hours late, in any order.
inline std::vector<event::Event> random_events(std::mt19937_64& random, std::size_t count) {
    static const char* const pages[] = {"/", "/a", "/b", "/c"};
    static const char* const sources[] = {"", "Google", "news"};
    static const char* const sites[] = {"one", "two"};
    static const std::uint32_t timeouts[] = {1, 5, 45, 100};
    static const char* const currencies[] = {"", "EUR", "USD"};
    std::vector<std::pair<std::int64_t, event::Event>> received;
    for (std::size_t i = 0; i < count; ++i) {
        const auto kind = random() % 20;
        auto event = event_at(kSessionsNow + static_cast<std::int64_t>(random() % 1'000) * kMinute +
                                  static_cast<std::int64_t>(random() % 3),
                              pages[random() % 4],
                              kind < 11   ? "pageview"
                              : kind < 15 ? "event"
                              : kind < 18 ? "ping"
                              : kind < 19 ? "vitals"
                                          : "identify",
                              1 + random() % 5);
        if (random() % 5 == 0) event.event_id.bytes[6] = 0x40;  // not every client sends version 7
        event.website_id = sites[random() % 2];
        event.is_bot = random() % 10 == 0;
        event.source = sources[random() % 3];
        if (random() % 16 == 0) event.hostname = "shop.example.com";
        if (random() % 16 == 0) event.country = "FR";
        event.non_interactive = random() % 4 == 0;
        // The site's timeout, which somebody changes all the time.
        if (random() % 4 == 0) event.session_timeout = timeouts[random() % 4];
        if (event.event_type == "event" && random() % 2 == 0) {
            event.revenue = static_cast<std::int64_t>(random() % 2'000'000) - 500'000;
            event.currency = currencies[random() % 3];
        }
        if (event.event_type == "ping" && !received.empty()) {
            const auto& view = received[random() % received.size()].second;
            event.pageview_id = view.event_id;
            event.website_id = view.website_id;
            event.visitor_id = view.visitor_id;
            event.is_bot = view.is_bot;
            event.timestamp = view.timestamp + static_cast<std::int64_t>(random() % 90) * kMinute / 10;
            event.time_on_page = static_cast<float>(random() % 100);
        }
        const auto late = random() % 10;
        const std::int64_t delay = late < 6   ? 0
                                   : late < 9 ? static_cast<std::int64_t>(random() % 40) * kMinute
                                              : static_cast<std::int64_t>(random() % (24 * 60)) * kMinute;
        received.emplace_back(event.timestamp + delay, event);
    }
    std::stable_sort(received.begin(), received.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    std::vector<event::Event> events;
    for (auto& [at, event] : received) {
        event.received_at = at;
        events.push_back(event);
    }
    return events;
}

}  // namespace footfall::process
