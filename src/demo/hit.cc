#include "demo/hit.h"

#include "base/json.h"

namespace footfall::demo {
namespace {

constexpr std::string_view kTypes[] = {"pageview", "event", "ping", "vitals"};

void member_if(json::Writer& writer, std::string_view name, std::string_view value) {
    if (!value.empty()) writer.member(name, value);
}

void write_event_data(json::Writer& writer, const Hit& hit) {
    member_if(writer, "name", hit.name);
    member_if(writer, "category", hit.category);
    member_if(writer, "action", hit.action);
    member_if(writer, "label", hit.label);
    if (!hit.properties.empty()) {
        writer.key("properties");
        writer.begin_object();
        for (const Hit::Property& property : hit.properties) writer.member(property.name, property.value);
        writer.end_object();
    }
    if (!hit.revenue.empty()) {
        writer.member("revenue", hit.revenue);
        writer.member("currency", "EUR");
    }
    if (!hit.is_interactive) writer.member("non_interactive", true);
}

void write_data(json::Writer& writer, const Hit& hit) {
    writer.member("page", std::string(hit.page) + std::string(hit.query));
    writer.member("timestamp", hit.timestamp_ms);
    switch (hit.type) {
        case HitType::kPageview:
            writer.member("title", hit.title);
            member_if(writer, "referrer", hit.referrer);
            break;
        case HitType::kEvent: write_event_data(writer, hit); break;
        case HitType::kPing:
            writer.member("pageview_id", hit.pageview_id.text());
            writer.member("time_on_page", hit.time_on_page);
            writer.member("scroll_depth", hit.scroll_depth);
            break;
        case HitType::kVitals:
            writer.member("pageview_id", hit.pageview_id.text());
            writer.member("lcp", hit.lcp);
            writer.member("inp", hit.inp);
            writer.member("cls", hit.cls);
            writer.member("fcp", hit.fcp);
            writer.member("ttfb", hit.ttfb);
            break;
    }
}

}  // namespace

void append_json(std::string& out, const Hit& hit) {
    json::Writer writer(out);
    writer.begin_object();
    writer.member("event_id", hit.event_id.text());
    writer.member("type", kTypes[static_cast<std::size_t>(hit.type)]);
    writer.member("tracking_id", kSiteId);
    member_if(writer, "user_id", hit.user_id);
    writer.key("data");
    writer.begin_object();
    write_data(writer, hit);
    writer.end_object();
    writer.key("context");
    writer.begin_object();
    writer.member("url", "https://" + std::string(kSiteDomain) + std::string(hit.page) + std::string(hit.query));
    member_if(writer, "screen", hit.screen);
    member_if(writer, "viewport", hit.viewport);
    member_if(writer, "language", hit.language);
    member_if(writer, "timezone", hit.timezone);
    writer.member("sdk", "web/1.0.0");
    writer.member("ip", hit.ip);
    writer.member("user_agent", hit.user_agent);
    writer.end_object();
    writer.end_object();
}

}  // namespace footfall::demo
