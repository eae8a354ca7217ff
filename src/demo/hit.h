#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/uuid.h"

namespace footfall::demo {

enum class HitType : std::uint8_t { kPageview, kEvent, kPing, kVitals };

/// One event of the demo, before it is JSON. Views lead into the tables, which live as long as the program.
struct Hit {
    std::int64_t timestamp_ms = 0;
    Uuid event_id;
    HitType type = HitType::kPageview;

    // Who.
    std::string user_id;  ///< empty for bots
    std::string ip;
    std::string_view user_agent;
    std::string_view screen;
    std::string_view viewport;
    std::string_view language;
    std::string_view timezone;

    // Where; the query carries campaign parameters and stands at the first page alone, as the referrer does.
    std::string_view page;
    std::string_view title;
    std::string_view query;
    std::string_view referrer;

    // Custom events.
    struct Property {
        std::string_view name;
        std::string_view value;
    };
    std::string_view name;
    std::string_view category;  ///< category and action, the older form, where there is no name
    std::string_view action;
    std::string_view label;
    std::vector<Property> properties;
    std::string_view revenue;  ///< in EUR, decimal
    bool is_interactive = true;

    // Pings and vitals, of a pageview.
    Uuid pageview_id;
    double time_on_page = 0;  ///< seconds
    double scroll_depth = 0;  ///< percent
    double lcp = 0, inp = 0, cls = 0, fcp = 0, ttfb = 0;
};

/// Id and domain of the site that the hits are of.
inline constexpr std::string_view kSiteId = "demo";
inline constexpr std::string_view kSiteDomain = "demo.example";

/// Appends the hit as one event of POST /api/v1/events, as a sender with a key may write it.
void append_json(std::string& out, const Hit& hit);

}  // namespace footfall::demo
