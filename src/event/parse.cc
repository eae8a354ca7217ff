#include "event/parse.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include <simdjson.h>

#include "base/json_reader.h"
#include "event/rejection.h"
#include "event/url.h"

namespace footfall::event {
namespace {

using simdjson::dom::element;
using simdjson::dom::element_type;
using simdjson::dom::object;

using reason::kInvalid;
using reason::kMissing;
using reason::kOutOfRange;
using reason::kWrongType;
constexpr std::string_view kBlanks = " \t\n\r";

std::string_view cut(std::string_view text, std::size_t max, std::uint32_t& cut_count) {
    if (text.size() <= max) return text;
    ++cut_count;
    while (max > 0 && (static_cast<unsigned char>(text[max]) & 0xc0) == 0x80) --max;
    return text.substr(0, max);
}

/// One event: reads members by name and remembers the first thing that is wrong.
class EventParser {
public:
    EventParser(const ParseOptions& options, Arena& arena, Batch& batch)
        : options_(options), arena_(arena), batch_(batch) {}

    void run(std::uint32_t index, const element& value) {
        object top;
        Incoming in;
        in.index = index;
        if (value.get(top) != simdjson::SUCCESS) fail("", kWrongType);
        else read_event(top, in);
        if (reason_.empty()) batch_.events.push_back(std::move(in));
        else batch_.rejections.push_back({index, std::move(field_), reason_, in.event.website_id});
    }

private:
    void fail(std::string_view field, std::string_view reason) {
        if (!reason_.empty()) return;
        field_ = field;
        reason_ = reason;
    }

    // A member that is null counts as absent: many serialisers write null for "not set".
    static std::optional<element> member(const object& from, std::string_view name) {
        element found;
        if (from.at_key(name).get(found) != simdjson::SUCCESS || found.is_null()) return std::nullopt;
        return found;
    }

    // `path` is what a rejection names, e.g. "data.page"; its last part is the member's name.
    std::string_view text(const object& from, std::string_view path, std::size_t max) {
        const auto found = member(from, path.substr(path.rfind('.') + 1));
        if (!found) return {};
        std::string_view value;
        if (found->get(value) != simdjson::SUCCESS) {
            fail(path, kWrongType);
            return {};
        }
        return cut(value, max, batch_.values_cut);
    }

    std::optional<double> number(const object& from, std::string_view path) {
        const auto found = member(from, path.substr(path.rfind('.') + 1));
        if (!found) return std::nullopt;
        double value = 0;
        if (found->get(value) != simdjson::SUCCESS) {
            fail(path, kWrongType);
            return std::nullopt;
        }
        return value;
    }

    bool flag(const object& from, std::string_view path) {
        const auto found = member(from, path.substr(path.rfind('.') + 1));
        bool value = false;
        if (found && found->get(value) != simdjson::SUCCESS) fail(path, kWrongType);
        return value;
    }

    Uuid uuid(const object& from, std::string_view path) {
        const std::string_view value = text(from, path, 1'000);
        if (value.empty()) return {};
        const auto parsed = parse_uuid(value);
        if (!parsed || parsed->is_nil()) {
            fail(path, kInvalid);
            return {};
        }
        return *parsed;
    }

    // Epoch ms; a fraction of a millisecond is dropped.
    std::optional<std::int64_t> epoch_ms(const object& from, std::string_view path) {
        const auto value = number(from, path);
        if (!value) return std::nullopt;
        // The year 9999 fits; beyond it arithmetic is not worth defining.
        if (!(*value >= -1e15 && *value <= 1e15)) {
            fail(path, kOutOfRange);
            return std::nullopt;
        }
        return static_cast<std::int64_t>(*value);
    }

    object section(const object& top, std::string_view name) {
        object out;
        if (const auto found = member(top, name); found && found->get(out) != simdjson::SUCCESS) fail(name, kWrongType);
        return out;
    }
    static bool is_present(const object& top, std::string_view name) {
        const auto found = member(top, name);
        return found && found->is_object();
    }

    void read_event(const object& top, Incoming& in) {
        Event& event = in.event;
        event.website_id = text(top, "tracking_id", 1'000);
        event.event_type = text(top, "type", 1'000);
        if (event.event_type.empty()) fail("type", kMissing);
        if (event.website_id.empty()) fail("tracking_id", kMissing);
        event.event_id = uuid(top, "event_id");
        event.user_id = text(top, "user_id", Limits::kId);
        event.session_id = text(top, "session_id", Limits::kId);
        const auto sent_at = epoch_ms(top, "sent_at");
        const bool has_data = is_present(top, "data");
        const bool has_context = is_present(top, "context");
        const object data = section(top, "data");
        const object context = section(top, "context");
        if (!reason_.empty()) return;

        event.received_at = options_.receive_ms;
        event.timestamp = options_.receive_ms;
        if (has_data) read_time(data, sent_at, event);
        if (has_context) read_context(context, in);
        read_page(has_data ? &data : nullptr, in);

        if (event.event_type == "pageview") {
            // The contract asks for one of the two, so a URL that is unusable matters only where it is the one.
            if (event.page.empty() && is_url_unusable_) fail("context.url", kInvalid);
            else if (event.page.empty()) fail("data.page", kMissing);
        } else if (event.event_type == "event") {
            if (has_data) read_custom_event(data, event);
        } else if (event.event_type == "identify") {
            if (has_data) read_identify(data, event);
        } else if (event.event_type == "ping") {
            if (has_data) read_ping(data, event);
        } else if (event.event_type == "vitals") {
            if (has_data) read_vitals(data, event);
        } else {
            fail("type", kInvalid);
        }
    }

    void read_time(const object& data, std::optional<std::int64_t> sent_at, Event& event) {
        const auto timestamp = epoch_ms(data, "data.timestamp");
        if (!timestamp) return;
        event.timestamp = *timestamp;
        // The client's clock may be wrong, but the time between the event and its sending is measured by that one
        // clock.
        if (sent_at) event.timestamp += options_.receive_ms - *sent_at;
        const std::int64_t oldest = options_.trusted ? 1 : options_.receive_ms - Limits::kLateMs;
        if (event.timestamp < oldest || event.timestamp > options_.receive_ms + Limits::kEarlyMs)
            fail("data.timestamp", kOutOfRange);
    }

    void read_context(const object& context, Incoming& in) {
        in.event.screen = text(context, "context.screen", Limits::kShort);
        in.event.viewport = text(context, "context.viewport", Limits::kShort);
        in.event.language = text(context, "context.language", Limits::kShort);
        in.event.timezone = text(context, "context.timezone", Limits::kShort);
        in.event.sdk = text(context, "context.sdk", Limits::kShort);
        in.consent = text(context, "context.consent", Limits::kShort);
        if (!in.consent.empty() && in.consent != kGranted && in.consent != kDenied) fail("context.consent", kInvalid);
        const std::string_view address = text(context, "context.url", Limits::kUrl);
        if (!address.empty()) {
            const Url url = split_url(address);
            in.page_query = url.query;
            if (can_be_of_page(url)) {
                in.event.hostname = lower_case(url.host, arena_);
                in.event.page = url.path;
            } else {
                is_url_unusable_ = true;
            }
        }
        if (options_.trusted) {
            in.ip = text(context, "context.ip", Limits::kShort);
            if (!in.ip.empty() && !parse_ip(in.ip)) fail("context.ip", kInvalid);
            in.user_agent = text(context, "context.user_agent", Limits::kUserAgent);
        }
    }

    // Apps have schemes of their own, with a host or without: app:///cart. Behind these two stands code and no place.
    bool can_be_of_page(const Url& url) {
        const std::string_view scheme = lower_case(url.scheme, arena_);
        if (scheme == "javascript" || scheme == "data") return false;
        if (!url.host.empty()) return can_be_host(url.host);
        return scheme != "http" && scheme != "https" && url.path.starts_with('/');
    }

    // data.page wins over context.url for the path, where it has one, and for the campaign parameters.
    void read_page(const object* data, Incoming& in) {
        if (data == nullptr) return;
        if (const std::string_view page = text(*data, "data.page", Limits::kUrl); !page.empty()) {
            const Url url = split_page(page);
            if (!url.path.empty()) in.event.page = url.path;
            if (!url.query.empty()) in.page_query = url.query;
            if (in.event.hostname.empty() && can_be_host(url.host)) in.event.hostname = lower_case(url.host, arena_);
        }
        in.event.title = text(*data, "data.title", Limits::kTitle);
        in.event.referrer = text(*data, "data.referrer", Limits::kUrl);
    }

    void read_custom_event(const object& data, Event& event) {
        event.event_name = text(data, "data.name", Limits::kName);
        event.event_category = text(data, "data.category", Limits::kName);
        event.event_action = text(data, "data.action", Limits::kName);
        event.event_label = text(data, "data.label", Limits::kLabel);
        event.event_value = number(data, "data.value").value_or(0);
        event.non_interactive = flag(data, "data.non_interactive");
        // The older category/action form has no name; its action is what a list of events shows.
        if (event.event_name.empty()) event.event_name = event.event_action;
        read_map(data, "data.properties", event.properties);
        read_revenue(data, event);
    }

    void read_identify(const object& data, Event& event) {
        if (const std::string_view user = text(data, "data.user_id", Limits::kId); !user.empty()) event.user_id = user;
        read_map(data, "data.traits", event.properties);
    }

    void read_ping(const object& data, Event& event) {
        event.pageview_id = uuid(data, "data.pageview_id");
        event.time_on_page = std::clamp(number(data, "data.time_on_page").value_or(0), 0.0, 86'400.0);
        event.scroll_depth = std::clamp(number(data, "data.scroll_depth").value_or(0), 0.0, 100.0);
    }

    void read_vitals(const object& data, Event& event) {
        event.pageview_id = uuid(data, "data.pageview_id");
        const auto vital = [&](std::string_view path) {
            return std::clamp(number(data, path).value_or(0), 0.0, 3'600'000.0);
        };
        event.lcp = vital("data.lcp");
        event.inp = vital("data.inp");
        event.cls = vital("data.cls");
        event.fcp = vital("data.fcp");
        event.ttfb = vital("data.ttfb");
    }

    void read_map(const object& data, std::string_view path, kind::map& out) {
        const auto found = member(data, path.substr(path.rfind('.') + 1));
        if (!found) return;
        object properties;
        if (found->get(properties) != simdjson::SUCCESS) return fail(path, kWrongType);
        for (const auto [name, value] : properties) {
            if (value.is_null()) continue;
            if (out.size() == Limits::kProperties) {
                ++batch_.values_cut;
                break;
            }
            const std::string_view key = cut(name, Limits::kPropertyKey, batch_.values_cut);
            switch (value.type()) {
                case element_type::STRING:
                    out.emplace_back(key, cut(std::string_view(value), Limits::kPropertyValue, batch_.values_cut));
                    break;
                case element_type::BOOL: out.emplace_back(key, bool(value) ? "true" : "false"); break;
                case element_type::INT64: out.emplace_back(key, format(std::int64_t(value))); break;
                case element_type::UINT64: out.emplace_back(key, format(std::uint64_t(value))); break;
                case element_type::DOUBLE: out.emplace_back(key, format(double(value))); break;
                default: return fail(std::string(path) + "." + std::string(key), kWrongType);
            }
        }
    }

    void read_revenue(const object& data, Event& event) {
        if (const auto found = member(data, "revenue")) {
            std::string_view value;
            char digits[400];
            double real = 0;
            if (found->get(value) != simdjson::SUCCESS) {
                if (found->get(real) != simdjson::SUCCESS) return fail("data.revenue", kWrongType);
                const auto end = std::to_chars(digits, digits + sizeof digits, real, std::chars_format::fixed);
                value = {digits, static_cast<std::size_t>(end.ptr - digits)};
            }
            const auto amount = parse_decimal(value);
            if (!amount) return fail("data.revenue", kInvalid);
            event.revenue = *amount;
        }
        const std::string_view currency = text(data, "data.currency", 1'000);
        if (currency.empty()) return;
        char* code = arena_.allocate(3);
        if (currency.size() != 3) return fail("data.currency", kInvalid);
        for (std::size_t i = 0; i < 3; ++i) {
            const char upper = static_cast<char>(currency[i] & ~0x20);
            if (upper < 'A' || upper > 'Z') return fail("data.currency", kInvalid);
            code[i] = upper;
        }
        event.currency = {code, 3};
    }

    template <class T>
    std::string_view format(T value) {
        char digits[40];
        const auto end = std::to_chars(digits, digits + sizeof digits, value);
        return arena_.copy({digits, static_cast<std::size_t>(end.ptr - digits)});
    }

    const ParseOptions& options_;
    Arena& arena_;
    Batch& batch_;
    std::string field_;
    std::string_view reason_;
    bool is_url_unusable_ = false;  // context.url was sent, and no page can have it
};

/// Of the JSON string that `text` begins with, its quotes included.
std::size_t string_size(std::string_view text) {
    std::size_t at = 1;
    while (at < text.size() && text[at] != '"') at += text[at] == '\\' ? 2 : 1;
    return std::min(at + 1, text.size());
}

/// Of the JSON value that `text` begins with. What is no JSON gives some size that is not more than the text's.
std::size_t value_size(std::string_view text) {
    std::size_t depth = 0;
    std::size_t at = 0;
    while (at < text.size()) {
        const char c = text[at];
        if (c == '"') {
            at += string_size(text.substr(at));
        } else if (c == '{' || c == '[') {
            ++depth;
            ++at;
        } else if (c == '}' || c == ']') {
            if (depth == 0) return at;
            --depth;
            ++at;
        } else if (depth == 0 && (c == ',' || kBlanks.find(c) != kBlanks.npos)) {
            return at;
        } else {
            ++at;
            continue;  // within a number or word, or between the members of what is open
        }
        if (depth == 0) return at;
    }
    return at;
}

}  // namespace

void Batch::clear() {
    count = 0;
    values_cut = 0;
    events.clear();
    rejections.clear();
}

struct Parser::State {
    json::Reader reader;
};

Parser::Parser() : state_(std::make_unique<State>()) {}
Parser::~Parser() = default;

Status Parser::parse(std::string_view body, const ParseOptions& options, Arena& arena, Batch& out) {
    out.clear();
    TRY(const element root, state_->reader.read(body, json::Reader::Padding::kPresent));
    simdjson::dom::array events;
    if (root.get(events) == simdjson::SUCCESS) {
        // size() saturates far above the limit, so it may be trusted here.
        if (events.size() > Limits::kEventsPerBody)
            return Error(Code::kTooLarge, "a body holds at most 1000 events; send the rest in another request");
        for (const element value : events) EventParser(options, arena, out).run(out.count++, value);
        return {};
    }
    if (!root.is_object())
        return Error(Code::kInvalidArgument, "the body must be a JSON array of events or one event object");
    EventParser(options, arena, out).run(out.count++, root);
    return {};
}

EventTexts::EventTexts(std::string_view body) : rest_(body) {
    // A lone event is an array of one.
    rest_.remove_prefix(std::min(rest_.find_first_of("[{"), rest_.size()));
    if (rest_.starts_with('[')) rest_.remove_prefix(1);
}

std::string_view EventTexts::at(std::uint32_t index) {
    while (count_ <= index) {
        text_ = next();
        ++count_;
    }
    return text_;
}

std::string_view EventTexts::next() {
    while (!rest_.empty() && (rest_.front() == ',' || kBlanks.find(rest_.front()) != kBlanks.npos))
        rest_.remove_prefix(1);
    const std::string_view text = rest_.substr(0, value_size(rest_));
    rest_.remove_prefix(text.size());
    return text;
}

}  // namespace footfall::event
