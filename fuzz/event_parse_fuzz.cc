#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "enrich/enrich.h"
#include "event/parse.h"

// Bodies of POST /api/v1/events on the way that ingest/ingest.cc takes them: parsed, enriched, written, and read back
// as the loader does. A record that cannot be read stops the loader, so this is the promise that matters most. The
// first byte of the input is the sender: 'k' has a collect key, 'c' sends to a cookieless site, everybody else is a
// browser.

namespace {

using namespace footfall;
using event::Limits;

constexpr std::int64_t kNow = 1'795'500'000'000;
constexpr std::size_t kPaddingBytes = 64;  // which the server keeps behind a body, for simdjson

// Without the files of npm: what they give is read by other targets, and loading them takes most of a short run.
std::shared_ptr<const enrich::Tables> tables() {
    auto loaded = enrich::Tables::load({});
    FOOTFALL_CHECK(loaded.has_value());
    return *loaded;
}

/// What a loop of the server keeps from request to request.
struct Loop {
    event::Parser parser;
    event::Arena arena;
    event::Batch batch;
    ManualClock clock{kNow};
    enrich::Identity identity{[](std::int64_t) -> Result<enrich::Salt> { return enrich::Salt{}; }};
    enrich::Enricher enricher{tables(), identity, clock};
    event::RecordReader reader;
};

void check_rejections(const event::Batch& batch) {
    constexpr std::array<std::string_view, 4> kReasons = {"missing", "wrong_type", "invalid", "out_of_range"};
    for (const event::Rejection& rejection : batch.rejections)
        FOOTFALL_CHECK(std::find(kReasons.begin(), kReasons.end(), rejection.reason) != kReasons.end());
}

// Each event of a body is either taken or refused, once.
void check_indices(const event::Batch& batch) {
    std::set<std::uint32_t> indices;
    for (const event::Incoming& in : batch.events) indices.insert(in.index);
    for (const event::Rejection& rejection : batch.rejections) indices.insert(rejection.index);
    FOOTFALL_CHECK(batch.events.size() + batch.rejections.size() == batch.count && indices.size() == batch.count);
    FOOTFALL_CHECK(indices.empty() || *indices.rbegin() < batch.count);
}

void check_limits(const event::Event& event, bool is_trusted) {
    FOOTFALL_CHECK(!event.website_id.empty() && !event.event_type.empty());
    FOOTFALL_CHECK(event.received_at == kNow && event.timestamp <= kNow + Limits::kEarlyMs);
    FOOTFALL_CHECK(event.timestamp >= (is_trusted ? 1 : kNow - Limits::kLateMs));
    FOOTFALL_CHECK(event.event_type != "pageview" || !event.page.empty());
    for (const std::string_view text : {event.page, event.hostname, event.referrer})
        FOOTFALL_CHECK(text.size() <= Limits::kUrl);
    for (const std::string_view text : {event.title, event.event_label}) FOOTFALL_CHECK(text.size() <= Limits::kTitle);
    for (const std::string_view text :
         {event.event_name, event.event_category, event.event_action, event.user_id, event.session_id})
        FOOTFALL_CHECK(text.size() <= Limits::kName);
    for (const std::string_view text : {event.screen, event.viewport, event.language, event.timezone, event.sdk})
        FOOTFALL_CHECK(text.size() <= Limits::kShort);
    FOOTFALL_CHECK(event.currency.empty() || event.currency.size() == 3);
    FOOTFALL_CHECK(event.properties.size() <= Limits::kProperties);
    for (const auto& [key, value] : event.properties)
        FOOTFALL_CHECK(key.size() <= Limits::kPropertyKey && value.size() <= Limits::kPropertyValue);
}

void check_record(const event::Event& event, event::RecordReader& reader) {
    std::string record;
    event::write_record(event, record);
    FOOTFALL_CHECK(record.find('\n') == std::string::npos);
    const auto read = reader.read(record);
    FOOTFALL_CHECK(read.has_value());
#define FOOTFALL_FIELD(name, kind_name, column_type) FOOTFALL_CHECK(read->name == event.name);
#include "event/fields.inc"
#undef FOOTFALL_FIELD
    std::string again;
    event::write_record(*read, again);
    FOOTFALL_CHECK(again == record);
}

/// The text of each event, taken alone, is judged as it was in its body.
void check_texts(std::string_view body, const event::Batch& batch, bool is_trusted) {
    static event::Parser parser;
    event::Arena arena;
    event::Batch alone;
    event::EventTexts texts(body);
    auto rejection = batch.rejections.begin();
    for (std::uint32_t i = 0; i < batch.count; ++i) {
        const std::string_view text = texts.at(i);
        const bool is_object = text.starts_with('{');
        std::string one = (is_object ? "" : "[") + std::string(text) + (is_object ? "" : "]");
        one.reserve(one.size() + kPaddingBytes);
        FOOTFALL_CHECK(parser.parse(one, {.receive_ms = kNow, .trusted = is_trusted}, arena, alone).has_value());
        const bool is_rejected = rejection != batch.rejections.end() && rejection->index == i;
        FOOTFALL_CHECK(alone.count == 1 && alone.rejections.size() == (is_rejected ? 1u : 0u));
        if (!is_rejected) continue;
        FOOTFALL_CHECK(alone.rejections[0].field == rejection->field &&
                       alone.rejections[0].reason == rejection->reason);
        ++rejection;
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    static Loop loop;
    const bool is_trusted = data[0] == 'k';
    std::string body(reinterpret_cast<const char*>(data) + 1, size - 1);
    body.reserve(body.size() + kPaddingBytes);
    loop.arena.clear();
    const Status parsed = loop.parser.parse(body, {.receive_ms = kNow, .trusted = is_trusted}, loop.arena, loop.batch);
    if (!parsed) {
        FOOTFALL_CHECK(parsed.error().code == Code::kInvalidArgument || parsed.error().code == Code::kTooLarge);
        FOOTFALL_CHECK(!parsed.error().message.empty() && loop.batch.events.empty() && loop.batch.rejections.empty());
        return 0;
    }
    check_indices(loop.batch);
    check_rejections(loop.batch);
    check_texts(body, loop.batch, is_trusted);
    FOOTFALL_CHECK(loop.identity.prepare(kNow).has_value());
    for (event::Incoming& in : loop.batch.events) {
        check_limits(in.event, is_trusted);
        FOOTFALL_CHECK(is_trusted || (in.ip.empty() && in.user_agent.empty()));
        if (in.event.event_id.is_nil()) in.event.event_id = make_uuid_v7(kNow);
        // As the endpoint fills it.
        enrich::Context context{.page_query = in.page_query, .receive_ms = kNow};
        const auto peer = event::parse_ip("198.51.100.7").value_or(event::kind::ip{});
        context.address = event::parse_ip(in.ip).value_or(peer);
        if (in.user_agent.empty()) {
            context.user_agent = "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/145.0";
            context.accept_language = "de-DE,de;q=0.9";
            context.is_senders_agent = is_trusted;
        } else {
            context.user_agent = in.user_agent;
        }
        loop.enricher.enrich(in.event, context, {.domain = "shop.example", .cookieless = data[0] == 'c'}, loop.arena);
        FOOTFALL_CHECK(in.event.visitor_id != 0 && (data[0] != 'c' || in.event.user_id.empty()));
        check_record(in.event, loop.reader);
    }
    return 0;
}
