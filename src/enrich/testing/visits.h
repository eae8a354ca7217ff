#pragma once

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "enrich/identity.h"

/// Events of some visitors by chance, for tests that compare what several Identities give with what one does.
namespace footfall::enrich::visits {

inline constexpr std::int64_t kMinute = 60'000;
inline constexpr std::int64_t kHour = 60 * kMinute;
inline constexpr std::int64_t kDay = 24 * kHour;
inline constexpr std::int64_t kMidnight = 20'001 * kDay;

inline Result<Salt> salt_of(std::int64_t day) {
    Salt salt{};
    salt[0] = static_cast<unsigned char>(day);
    return salt;
}

struct Visit {
    std::int64_t at = 0;
    int visitor = 0;
    std::string type;
    std::string user;
};

inline Sender sender_of(const Visit& visit, std::int64_t timeout_ms) {
    event::kind::ip address{};
    address[15] = static_cast<unsigned char>(visit.visitor + 1);
    return {.site = "site",
            .address = address,
            .user_agent = "Mozilla/5.0",
            .user_id = visit.user,
            .event_type = visit.type,
            .receive_ms = visit.at,
            .timestamp = visit.at,
            .session_timeout_ms = timeout_ms};
}

/// Around two midnights, and some between.
inline std::vector<Visit> visits_by_chance(std::mt19937& random, std::int64_t timeout_ms) {
    std::vector<Visit> out;
    std::int64_t at = kMidnight - std::min(kHour, 8 * timeout_ms);
    const auto short_ms = static_cast<unsigned>(std::min(timeout_ms, 20 * kMinute) / 4);
    while (at < kMidnight + kDay + kHour && out.size() < 400) {
        // Gaps on either side of the timeout, and exactly it; now and then most of a day.
        switch (random() % 8) {
            case 0: at += random() % 4 == 0 ? timeout_ms : 0; break;
            case 1: at += random() % 4 == 0 ? timeout_ms - 1 : 1; break;
            case 2: at += random() % 20 == 0 ? 20 * kHour : 0; break;
            default: at += static_cast<std::int64_t>(random() % short_ms); break;
        }
        Visit visit{.at = at, .visitor = static_cast<int>(random() % 4), .type = {}, .user = {}};
        switch (random() % 10) {
            case 0:
                visit.type = "identify";
                visit.user = "u" + std::to_string(random() % 3);
                break;
            case 1: visit.type = "ping"; break;
            case 2: visit.type = "event"; break;
            default: visit.type = "pageview"; break;
        }
        out.push_back(std::move(visit));
    }
    return out;
}

}  // namespace footfall::enrich::visits
