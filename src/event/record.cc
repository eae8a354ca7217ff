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
void write_integer(std::string& out, std::string_view key, std::uint32_t value) {
    if (value == 0) return;
    out += key;
    json::append_number(out, std::uint64_t{value});
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

// How each kind is read. False: the member is not of its kind. Texts without escapes borrow from the record's copy, the
// others from the parser.
namespace ondemand = simdjson::ondemand;

bool read_string(ondemand::value& in, std::string_view& out) { return in.get(out) == simdjson::SUCCESS; }
bool read_uuid(ondemand::value& in, Uuid& out) {
    std::string_view text;
    if (in.get(text) != simdjson::SUCCESS) return false;
    const auto uuid = parse_uuid(text);
    if (uuid) out = *uuid;
    return uuid.has_value();
}
bool read_time(ondemand::value& in, std::int64_t& out) { return in.get(out) == simdjson::SUCCESS; }
bool read_hash64(ondemand::value& in, std::uint64_t& out) {
    std::string_view text;
    if (in.get(text) != simdjson::SUCCESS) return false;
    const auto value = parse_hex64(text);
    if (value) out = *value;
    return value.has_value();
}
bool read_bool(ondemand::value& in, bool& out) { return in.get(out) == simdjson::SUCCESS; }
bool read_float(ondemand::value& in, double& out) { return in.get(out) == simdjson::SUCCESS; }
bool read_decimal(ondemand::value& in, std::int64_t& out) {
    std::string_view text;
    if (in.get(text) != simdjson::SUCCESS) return false;
    const auto value = parse_decimal(text);
    if (value) out = *value;
    return value.has_value();
}
bool read_integer(ondemand::value& in, std::uint32_t& out) {
    std::uint64_t value = 0;
    if (in.get(value) != simdjson::SUCCESS || value > UINT32_MAX) return false;
    out = static_cast<std::uint32_t>(value);
    return true;
}
bool read_map(ondemand::value& in, kind::map& out) {
    ondemand::object object;
    if (in.get(object) != simdjson::SUCCESS) return false;
    for (auto member : object) {
        std::string_view name;
        std::string_view text;
        if (member.unescaped_key().get(name) != simdjson::SUCCESS || member.value().get(text) != simdjson::SUCCESS)
            return false;
        out.emplace_back(name, text);
    }
    return true;
}
bool read_ip(ondemand::value& in, kind::ip& out) {
    std::string_view text;
    if (in.get(text) != simdjson::SUCCESS) return false;
    const auto ip = parse_ip(text);
    if (ip) out = *ip;
    return ip.has_value();
}

struct Member {
    std::string_view name;
    bool (*read)(ondemand::value&, Event&);
};

constexpr Member kMembers[] = {
#define FOOTFALL_FIELD(name, kind_name, column_type) \
    {#name, [](ondemand::value& in, Event& event) { return read_##kind_name(in, event.name); }},
#include "event/fields.inc"
#undef FOOTFALL_FIELD
};

/// Behind the last member of a part.
constexpr const Member* end_of(ReadTo part) {
    const std::string_view last = part == ReadTo::kUserId ? "user_id" : "event_name";
    if (part == ReadTo::kAll) return std::end(kMembers);
    const Member* member = kMembers;
    while (member->name != last) ++member;
    return member + 1;
}

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
    ondemand::parser parser;
    std::string padded;
    std::unordered_map<std::string_view, const Member*> by_name;
};

RecordReader::RecordReader() : state_(std::make_unique<State>()) {
    for (const Member& member : kMembers) state_->by_name.emplace(member.name, &member);
}
RecordReader::~RecordReader() = default;
RecordReader::RecordReader(RecordReader&&) noexcept = default;

Result<Event> RecordReader::read(std::string_view record, ReadTo part) {
    State& state = *state_;
    const Error damaged(Code::kCorrupt, "a record of the log is not a JSON object");
    // simdjson reads beyond the end of what it parses.
    state.padded.assign(record);
    state.padded.append(simdjson::SIMDJSON_PADDING, '\0');
    ondemand::document document;
    ondemand::object object;
    if (state.parser.iterate(state.padded.data(), record.size(), state.padded.size()).get(document) !=
            simdjson::SUCCESS ||
        document.get_object().get(object) != simdjson::SUCCESS)
        return damaged;
    Event event;
    const Member* const end = end_of(part);
    // Members come in the schema's order, so the next expected one is nearly always it; the map is for the rest.
    const Member* expected = std::begin(kMembers);
    for (auto field : object) {
        std::string_view name;
        ondemand::value value;
        if (field.unescaped_key().get(name) != simdjson::SUCCESS || field.value().get(value) != simdjson::SUCCESS)
            return damaged;
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
        if (member >= end) return event;
        if (!member->read(value, event))
            return Error(Code::kCorrupt, "a record of the log has a wrong value", std::string(name));
    }
    return event;
}

}  // namespace footfall::event
