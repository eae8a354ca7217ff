#include "loadgen/history.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numbers>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "base/json.h"

namespace footfall::loadgen {
namespace {

constexpr std::size_t kPages = 50'000;
constexpr std::int64_t kDayMs = 86'400'000;
constexpr std::int64_t kSessionGapMs = 30 * 60'000;
/// Of events in a session, by the shares below: 1 + 0.6 / 0.3 pageviews, and a custom event after every eighth.
constexpr double kEventsPerSession = 3.0 * 1.125;
constexpr std::size_t kCampaigns = 20;
constexpr std::string_view kCampaignSource = "newsletter";

/// Where a session comes from, in a number: a referrer, or for one in ten the newsletter.
constexpr std::size_t kOrigins = std::size(kReferrers) * 10;
bool is_campaign(std::uint16_t origin) { return origin / std::size(kReferrers) == 0; }
const Referrer& referrer_of(std::uint16_t origin) { return kReferrers[origin % std::size(kReferrers)]; }

std::string day_text(std::int64_t day) { return fmt::format("{:%F}", std::chrono::sys_days(std::chrono::days(day))); }

std::uint64_t distinct(std::vector<std::uint32_t> visitors) {
    std::sort(visitors.begin(), visitors.end());
    return static_cast<std::uint64_t>(std::unique(visitors.begin(), visitors.end()) - visitors.begin());
}

void write_numbers(json::Writer& writer, const HistoryFigures::Numbers& numbers, std::uint64_t visitors) {
    writer.begin_object();
    writer.member("visitors", visitors);
    writer.member("sessions", numbers.sessions);
    writer.member("pageviews", numbers.pageviews);
    writer.member("events", numbers.events);
    writer.member("bounces", numbers.bounces);
    writer.member("duration_ms", numbers.duration_ms);
    writer.end_object();
}

}  // namespace

void HistoryFigures::add_session(std::int64_t started_at, std::int64_t duration_ms, bool is_bounce) {
    Numbers& numbers = by_day_[started_at / kDayMs];
    ++numbers.sessions;
    numbers.bounces += is_bounce ? 1 : 0;
    numbers.duration_ms += duration_ms;
}

void HistoryFigures::add_event(std::int64_t at, bool is_pageview, std::uint32_t visitor) {
    Numbers& numbers = by_day_[at / kDayMs];
    ++numbers.events;
    numbers.pageviews += is_pageview ? 1 : 0;
    add_visitor("date", day_text(at / kDayMs), visitor);
}

void HistoryFigures::add_visitor(std::string_view dimension, std::string_view value, std::uint32_t visitor) {
    auto values = visitors_.find(dimension);
    if (values == visitors_.end()) values = visitors_.emplace(dimension, Values{}).first;
    auto known = values->second.find(value);
    if (known == values->second.end()) known = values->second.emplace(value, std::vector<std::uint32_t>{}).first;
    // Most repetitions follow one another; the others are taken out at the end.
    if (known->second.empty() || known->second.back() != visitor) known->second.push_back(visitor);
}

std::string HistoryFigures::as_json() const {
    std::string out;
    json::Writer writer(out);
    writer.begin_object();
    Numbers total;
    std::vector<std::uint32_t> everyone;
    writer.key("date");
    writer.begin_object();
    for (const auto& [day, numbers] : by_day_) {
        const auto& visitors = visitors_.find("date")->second.find(day_text(day))->second;
        everyone.insert(everyone.end(), visitors.begin(), visitors.end());
        total.sessions += numbers.sessions;
        total.pageviews += numbers.pageviews;
        total.events += numbers.events;
        total.bounces += numbers.bounces;
        total.duration_ms += numbers.duration_ms;
        writer.key(day_text(day));
        write_numbers(writer, numbers, distinct(visitors));
    }
    writer.end_object();
    writer.key("total");
    write_numbers(writer, total, distinct(everyone));
    for (const auto& [dimension, values] : visitors_) {
        if (dimension == "date") continue;
        writer.key(dimension);
        writer.begin_object();
        for (const auto& [value, visitors] : values) {
            writer.key(value);
            writer.begin_object();
            writer.member("visitors", distinct(visitors));
            const auto named = named_events_.find(value);
            if (dimension == "event_name" && named != named_events_.end()) writer.member("events", named->second);
            writer.end_object();
        }
        writer.end_object();
    }
    writer.end_object();
    return out;
}

History::History(const HistoryOptions& options)
    : options_(options),
      random_(options.seed),
      page_(zipf(kPages)),
      agents_(make_agents()),
      sessions_(std::max<std::uint64_t>(
          1, static_cast<std::uint64_t>(static_cast<double>(options.events) / kEventsPerSession))) {}

/// Even over the days, and in a day most at noon. Grows with `made_`.
std::int64_t History::session_start() const {
    constexpr double kTurn = 2 * std::numbers::pi;
    const double place =
        static_cast<double>(options_.days) * static_cast<double>(made_) / static_cast<double>(sessions_);
    const double in_day = place - std::floor(place);
    const double days = std::floor(place) + in_day + 0.6 / kTurn * std::sin(kTurn * in_day);
    return options_.from_ms + static_cast<std::int64_t>(days * static_cast<double>(kDayMs));
}

/// One in three is new; another was here before, and not in the last half an hour.
std::uint32_t History::choose_visitor(std::int64_t at) {
    constexpr int kTries = 8;
    if (random_() % 3 != 0 && !last_seen_.empty()) {
        for (int i = 0; i < kTries; ++i) {
            const std::size_t visitor = random_() % last_seen_.size();
            if (at - last_seen_[visitor] >= kSessionGapMs) return static_cast<std::uint32_t>(visitor);
        }
    }
    last_seen_.push_back(0);
    return static_cast<std::uint32_t>(last_seen_.size() - 1);
}

void History::make_session() {
    const std::int64_t started_at = session_start();
    const std::int64_t end = options_.from_ms + options_.days * kDayMs;
    ++made_;
    std::exponential_distribution<double> gap_s(1.0 / 60);
    const auto later = [&](std::int64_t at) {
        return at + std::clamp<std::int64_t>(static_cast<std::int64_t>(gap_s(random_) * 1000), 1, kSessionGapMs - 1);
    };
    const std::uint32_t visitor = choose_visitor(started_at);
    const auto origin = static_cast<std::uint16_t>(random_() % kOrigins);
    Event event{.at = started_at, .visitor = visitor, .detail = origin, .is_first = true};
    std::int64_t ended_at = started_at;
    std::uint64_t views = 0;
    bool is_interactive = false;
    do {
        event.page = static_cast<std::uint32_t>(page_(random_));
        pending_.push(event);
        ++views;
        ended_at = event.at;
        event.is_first = false;
        if (const std::int64_t at = later(ended_at); random_() % 8 == 0 && at < end) {
            pending_.push({.at = at,
                           .visitor = visitor,
                           .page = event.page,
                           .detail = static_cast<std::uint16_t>(random_() % std::size(kNames)),
                           .kind = Kind::kCustom});
            is_interactive = true;
            ended_at = at;
        }
        event.at = later(ended_at);
    } while (event.at < end && random_() % 10 < (views == 1 ? 6 : 7));
    last_seen_[visitor] = ended_at;
    figures_.add_session(started_at, ended_at - started_at, views == 1 && !is_interactive);
    figures_.add_visitor("source", is_campaign(origin) ? kCampaignSource : referrer_of(origin).source, visitor);
    figures_.add_visitor("device_type", agents_[visitor % agents_.size()].device_type, visitor);
}

void History::append(const Event& event) {
    const std::string path = page_path(event.page);
    const bool is_pageview = event.kind == Kind::kPageview;
    std::string query;
    std::string_view referrer = is_pageview ? "https://shop.example/" : "";
    if (event.is_first) {
        referrer = is_campaign(event.detail) ? "" : referrer_of(event.detail).url;
        if (is_campaign(event.detail))
            query = fmt::format("?utm_source={}&utm_medium=email&utm_campaign=week-{}", kCampaignSource,
                                event.visitor % kCampaigns);
    }
    fmt::format_to(
        std::back_inserter(body_),
        R"({{"event_id":"{}","type":"{}","tracking_id":"{}","user_id":"{}-{}","data":{{"page":"{}{}","title":"Page {} of the shop",)",
        random_uuid_v7(event.at, random_).text(), is_pageview ? "pageview" : "event", options_.site_id, options_.seed,
        event.visitor, path, query, event.page);
    if (!is_pageview)
        fmt::format_to(std::back_inserter(body_), R"("name":"{}","properties":{{"plan":"{}"}},)", kNames[event.detail],
                       event.page % 3 == 0 ? "pro" : "free");
    // All that is a visitor's own follows from the number; the factor spreads neighbours over the networks.
    char address[] = "000.000.000.000";
    put_address(address, (event.visitor + 1) * 0x9E3779B97F4A7C15ULL >> 16);
    const std::string_view screen = kScreens[event.visitor % std::size(kScreens)];
    fmt::format_to(
        std::back_inserter(body_),
        R"("referrer":"{}","timestamp":{}}},"context":{{"url":"https://shop.example{}{}","screen":"{}","viewport":"{}","language":"{}",)"
        R"("timezone":"{}","sdk":"web/1.0.0","ip":"{}","user_agent":"{}"}}}})",
        referrer, event.at, path, query, screen, screen, kLanguages[event.visitor % std::size(kLanguages)],
        kZones[event.visitor % std::size(kZones)], address, agents_[event.visitor % agents_.size()].text);

    figures_.add_event(event.at, is_pageview, event.visitor);
    figures_.add_visitor("page", path, event.visitor);
    if (!is_pageview) {
        figures_.add_visitor("event_name", kNames[event.detail], event.visitor);
        figures_.add_custom_event(kNames[event.detail]);
    }
}

std::string_view History::next() {
    body_ = "[";
    for (std::size_t i = 0; i < options_.events_per_body; ++i) {
        // Whoever begins before the next event is due comes first.
        while (made_ < sessions_ && (pending_.empty() || pending_.top().at >= session_start())) make_session();
        if (pending_.empty()) break;
        if (i > 0) body_ += ',';
        append(pending_.top());
        pending_.pop();
    }
    if (body_.size() == 1) return {};
    body_ += ']';
    request_ = fmt::format(
        "POST {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: footfall-loadgen\r\nAuthorization: Bearer {}\r\n"
        "Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{}",
        options_.path, options_.host, options_.key, body_.size(), body_);
    return request_;
}

}  // namespace footfall::loadgen
