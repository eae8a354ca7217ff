#include <algorithm>
#include <charconv>
#include <cstring>
#include <unordered_map>

#include <simdjson.h>

#include "base/bytes.h"
#include "base/json.h"
#include "event/event.h"

namespace footfall::event {
namespace {

// How each kind is written. `key` is ready text: ,"name":
void write_string(std::string& out, std::string_view key, std::string_view value) {
    if (value.empty()) return;
    out += key;
    json::append_string(out, value);
}
void write_uuid(std::string& out, std::string_view key, const Uuid& value) {
    if (value.is_nil()) return;
    out += key;
    const std::size_t at = out.size();
    out.resize(at + 38);
    out[at] = out[at + 37] = '"';
    value.write(out.data() + at + 1);
}
void write_time(std::string& out, std::string_view key, std::int64_t value) {
    if (value == 0) return;
    out += key;
    json::append_number(out, value);
}
void write_hash64(std::string& out, std::string_view key, std::uint64_t value) {
    if (value == 0) return;
    out += key;
    out += '"';
    out += hex64(value);
    out += '"';
}
void write_bool(std::string& out, std::string_view key, bool value) {
    if (!value) return;
    out += key;
    out += "true";
}
void write_float(std::string& out, std::string_view key, double value) {
    if (value == 0) return;
    out += key;
    json::append_number(out, value);
}
void write_decimal(std::string& out, std::string_view key, std::int64_t value) {
    if (value == 0) return;
    out += key;
    out += '"';
    out += format_decimal(value);
    out += '"';
}
void write_map(std::string& out, std::string_view key, const kind::map& value) {
    if (value.empty()) return;
    out += key;
    char before = '{';
    for (const auto& [name, text] : value) {
        out += before;
        before = ',';
        json::append_string(out, name);
        out += ':';
        json::append_string(out, text);
    }
    out += '}';
}
void write_ip(std::string& out, std::string_view key, const kind::ip& value) {
    if (value == kind::ip{}) return;
    write_string(out, key, format_ip(value));
}

// How each kind is read. False: the member is not of its kind.
using Element = simdjson::dom::element;

bool read_string(const Element& in, std::string_view& out) { return in.get(out) == simdjson::SUCCESS; }
bool read_uuid(const Element& in, Uuid& out) {
    std::string_view text;
    if (in.get(text) != simdjson::SUCCESS) return false;
    const auto uuid = parse_uuid(text);
    if (uuid) out = *uuid;
    return uuid.has_value();
}
bool read_time(const Element& in, std::int64_t& out) { return in.get(out) == simdjson::SUCCESS; }
bool read_hash64(const Element& in, std::uint64_t& out) {
    std::string_view text;
    if (in.get(text) != simdjson::SUCCESS) return false;
    const auto value = parse_hex64(text);
    if (value) out = *value;
    return value.has_value();
}
bool read_bool(const Element& in, bool& out) { return in.get(out) == simdjson::SUCCESS; }
bool read_float(const Element& in, double& out) { return in.get(out) == simdjson::SUCCESS; }
bool read_decimal(const Element& in, std::int64_t& out) {
    std::string_view text;
    if (in.get(text) != simdjson::SUCCESS) return false;
    const auto value = parse_decimal(text);
    if (value) out = *value;
    return value.has_value();
}
bool read_map(const Element& in, kind::map& out) {
    simdjson::dom::object object;
    if (in.get(object) != simdjson::SUCCESS) return false;
    for (const auto [name, value] : object) {
        std::string_view text;
        if (value.get(text) != simdjson::SUCCESS) return false;
        out.emplace_back(name, text);
    }
    return true;
}
bool read_ip(const Element& in, kind::ip& out) {
    std::string_view text;
    if (in.get(text) != simdjson::SUCCESS) return false;
    const auto ip = parse_ip(text);
    if (ip) out = *ip;
    return ip.has_value();
}

struct Member {
    std::string_view name;
    bool (*read)(const Element&, Event&);
};

constexpr Member kMembers[] = {
#define FOOTFALL_FIELD(name, kind_name, column_type) \
    {#name, [](const Element& in, Event& event) { return read_##kind_name(in, event.name); }},
#include "event/fields.inc"
#undef FOOTFALL_FIELD
};

}  // namespace

void write_record(const Event& event, std::string& out) {
    out += "{\"v\":";
    json::append_number(out, std::int64_t{FOOTFALL_RECORD_VERSION});
#define FOOTFALL_FIELD(name, kind_name, column_type) write_##kind_name(out, ",\"" #name "\":", event.name);
#include "event/fields.inc"
#undef FOOTFALL_FIELD
    out += '}';
}

struct RecordReader::State {
    simdjson::dom::parser parser;
    simdjson::ondemand::parser head_parser;
    std::string padded;
    std::unordered_map<std::string_view, const Member*> by_name;

    /// simdjson reads beyond the end of what it parses.
    void pad(std::string_view record) {
        padded.assign(record);
        padded.append(simdjson::SIMDJSON_PADDING, '\0');
    }
};

RecordReader::RecordReader() : state_(std::make_unique<State>()) {
    for (const Member& member : kMembers) state_->by_name.emplace(member.name, &member);
}
RecordReader::~RecordReader() = default;
RecordReader::RecordReader(RecordReader&&) noexcept = default;

Result<Event> RecordReader::read(std::string_view record) {
    State& state = *state_;
    state.pad(record);
    simdjson::dom::object object;
    if (state.parser.parse(state.padded.data(), record.size(), false).get(object) != simdjson::SUCCESS)
        return Error(Code::kCorrupt, "a record of the log is not a JSON object");
    Event event;
    // Members come in the schema's order, so the next expected one is nearly always it; the map is for the rest.
    const Member* expected = std::begin(kMembers);
    for (const auto [name, value] : object) {
        if (name == "v") {
            std::int64_t version = 0;
            if (value.get(version) != simdjson::SUCCESS || version != FOOTFALL_RECORD_VERSION)
                return Error(Code::kCorrupt,
                             "a record of the log has a version that this program does not know; update it", "v");
            continue;
        }
        while (expected != std::end(kMembers) && expected->name != name) ++expected;
        const Member* member = expected;
        if (member == std::end(kMembers)) {
            const auto found = state.by_name.find(name);
            expected = std::begin(kMembers);
            if (found == state.by_name.end()) continue;
            member = found->second;
            expected = member;
        }
        if (!member->read(value, event))
            return Error(Code::kCorrupt, "a record of the log has a wrong value", std::string(name));
    }
    return event;
}

Result<Event> RecordReader::read_head(std::string_view record) {
    namespace ondemand = simdjson::ondemand;
    State& state = *state_;
    state.pad(record);
    const Error damaged(Code::kCorrupt, "a record of the log is not a JSON object of ours");
    ondemand::document document;
    ondemand::object object;
    if (state.head_parser.iterate(state.padded.data(), record.size(), state.padded.size()).get(document) !=
            simdjson::SUCCESS ||
        document.get_object().get(object) != simdjson::SUCCESS)
        return damaged;
    Event event;
    for (auto member : object) {
        std::string_view name;
        ondemand::value value;
        if (member.unescaped_key().get(name) != simdjson::SUCCESS || member.value().get(value) != simdjson::SUCCESS)
            return damaged;
        std::int64_t number = 0;
        std::string_view text;
        bool is_right = true;
        if (name == "v") {
            if (value.get(number) != simdjson::SUCCESS || number != FOOTFALL_RECORD_VERSION)
                return Error(Code::kCorrupt,
                             "a record of the log has a version that this program does not know; update it", "v");
        } else if (name == "timestamp" || name == "received_at") {
            is_right = value.get(number) == simdjson::SUCCESS;
            (name == "timestamp" ? event.timestamp : event.received_at) = number;
        } else if (name == "website_id" || name == "event_type" || name == "user_id") {
            is_right = value.get(text) == simdjson::SUCCESS;
            (name == "website_id" ? event.website_id : name == "event_type" ? event.event_type : event.user_id) = text;
        } else if (name == "event_id") {
            const auto uuid = value.get(text) == simdjson::SUCCESS ? parse_uuid(text) : std::nullopt;
            is_right = uuid.has_value();
            event.event_id = uuid.value_or(Uuid{});
        } else if (name == "visitor_id") {
            const auto id = value.get(text) == simdjson::SUCCESS ? parse_hex64(text) : std::nullopt;
            is_right = id.has_value();
            event.visitor_id = id.value_or(0);
        } else {
            break;
        }
        if (!is_right) return Error(Code::kCorrupt, "a record of the log has a wrong value", std::string(name));
    }
    return event;
}

}  // namespace footfall::event
