#include "erase/subject.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>
#include <simdjson.h>

#include "base/json.h"
#include "enrich/identity.h"
#include "process/erased.h"
#include "process/kept_day.h"
#include "process/rejected.h"
#include "process/sessions/session.h"
#include "process/tally.h"

namespace footfall::erase {
namespace {

/// A shorter user_id must be a whole value of a rejected event to be taken for this user's: parts of that length stand
/// in anything.
constexpr std::size_t kPartBytesMin = 4;

template <class T, class U>
bool contains(const std::vector<T>& values, const U& value) {
    return std::find(values.begin(), values.end(), value) != values.end();
}

template <class T>
bool add(std::vector<T>& values, T value) {
    if (contains(values, value)) return false;
    values.push_back(std::move(value));
    return true;
}

bool names_in_text(std::string_view text, std::string_view user_id) {
    return user_id.size() >= kPartBytesMin ? text.find(user_id) != text.npos : text == user_id;
}

/// Whether a value or name anywhere in it has the user_id. Depth is bounded by the parser.
bool names(const simdjson::dom::element& value, std::string_view user_id) {
    switch (value.type()) {
        case simdjson::dom::element_type::STRING: return names_in_text(std::string_view(value), user_id);
        case simdjson::dom::element_type::INT64: return std::to_string(std::int64_t(value)) == user_id;
        case simdjson::dom::element_type::UINT64: return std::to_string(std::uint64_t(value)) == user_id;
        case simdjson::dom::element_type::ARRAY:
            for (const auto child : simdjson::dom::array(value))
                if (names(child, user_id)) return true;
            return false;
        case simdjson::dom::element_type::OBJECT:
            for (const auto [name, child] : simdjson::dom::object(value))
                if (names_in_text(name, user_id) || names(child, user_id)) return true;
            return false;
        default: return false;
    }
}

}  // namespace

std::string visitor_text(std::uint64_t visitor_id) { return fmt::format("{:016x}", visitor_id); }

Subject Subject::of_visitor(std::string website_id, std::string_view visitor) {
    Subject subject{.website_id = std::move(website_id)};
    subject.user_ids.emplace_back(visitor);
    subject.visitor_ids.push_back(enrich::Identity::known_id(subject.website_id, visitor));
    std::uint64_t id = 0;
    const auto [end, error] = std::from_chars(visitor.data(), visitor.data() + visitor.size(), id, 16);
    if (visitor.size() == 16 && error == std::errc() && end == visitor.data() + visitor.size())
        add(subject.visitor_ids, id);
    return subject;
}

Subject Subject::of_site(std::string website_id) {
    return {.website_id = std::move(website_id), .is_whole_site = true};
}

std::string Subject::json() const {
    std::string text;
    json::Writer writer(text);
    writer.begin_object();
    writer.member("website_id", website_id);
    writer.member("is_whole_site", is_whole_site);
    writer.key("user_ids");
    writer.begin_array();
    for (const std::string& user_id : user_ids) writer.string(user_id);
    writer.end_array();
    writer.key("visitor_ids");
    writer.begin_array();
    for (const std::uint64_t id : visitor_ids) writer.number(id);
    writer.end_array();
    writer.end_object();
    return text;
}

std::optional<Subject> Subject::of_json(std::string_view text) {
    simdjson::dom::parser parser;
    simdjson::dom::object root;
    const simdjson::padded_string padded(text);
    std::string_view website_id;
    simdjson::dom::array user_ids;
    simdjson::dom::array visitor_ids;
    Subject subject;
    if (parser.parse(padded).get(root) != simdjson::SUCCESS ||
        root["website_id"].get(website_id) != simdjson::SUCCESS ||
        root["is_whole_site"].get(subject.is_whole_site) != simdjson::SUCCESS ||
        root["user_ids"].get(user_ids) != simdjson::SUCCESS ||
        root["visitor_ids"].get(visitor_ids) != simdjson::SUCCESS)
        return std::nullopt;
    subject.website_id = website_id;
    for (const auto value : user_ids) {
        std::string_view user_id;
        if (value.get(user_id) != simdjson::SUCCESS) return std::nullopt;
        subject.user_ids.emplace_back(user_id);
    }
    for (const auto value : visitor_ids) {
        std::uint64_t id = 0;
        if (value.get(id) != simdjson::SUCCESS) return std::nullopt;
        subject.visitor_ids.push_back(id);
    }
    return subject;
}

SubjectReader::SubjectReader(const Subject& subject, std::span<const std::uint64_t> session_keys)
    : subject_(subject), session_keys_(session_keys) {
    for (const std::uint64_t id : subject.visitor_ids) needles_.push_back(visitor_text(id));
    for (const std::string& user_id : subject.user_ids) {
        std::string escaped;
        json::append_string(escaped, user_id);
        needles_.push_back(std::move(escaped));
    }
}

bool SubjectReader::can_be(std::string_view payload) const {
    return subject_.is_whole_site || std::ranges::any_of(needles_, [payload](const std::string& needle) {
               return payload.find(needle) != payload.npos;
           });
}

bool SubjectReader::holds_event(const log::StoredEntry& entry) {
    if (!can_be(entry.payload)) return false;
    const auto event = records_.read(entry.payload, event::ReadTo::kUserId);
    return event && event->website_id == subject_.website_id &&
           (subject_.is_whole_site || contains(subject_.visitor_ids, event->visitor_id));
}

bool SubjectReader::holds_rejected(const log::StoredEntry& entry) const {
    const auto sample = process::read_rejected(entry);
    if (!sample) return false;  // the loader names it
    const std::string& site = subject_.website_id;
    if (subject_.is_whole_site)
        return sample->website_id == site || sample->tracking_id == site || sample->key_site_id == site;
    if (sample->website_id != site && sample->tracking_id != site) return false;
    simdjson::dom::parser parser;
    simdjson::dom::element root;
    const simdjson::padded_string padded(sample->event);
    const bool is_whole = parser.parse(padded).get(root) == simdjson::SUCCESS;
    return std::ranges::any_of(subject_.user_ids, [&](const std::string& user_id) {
        // Of one that was cut nobody can tell where a value ends.
        return is_whole ? names(root, user_id) : sample->event.find(user_id) != std::string::npos;
    });
}

bool SubjectReader::holds(const log::StoredEntry& entry) {
    switch (entry.kind) {
        case log::EntryKind::kEvent: return holds_event(entry);
        case log::EntryKind::kRejected: return holds_rejected(entry);
        case log::EntryKind::kTally: {
            if (!subject_.is_whole_site) return false;
            const auto tally = process::read_tally(entry.payload);
            return tally && tally->website_id == subject_.website_id;
        }
        case log::EntryKind::kKeptDay: {
            if (!subject_.is_whole_site) return false;
            const auto kept = process::read_kept_day(entry.payload);
            return kept && kept->website_id == subject_.website_id;
        }
        case log::EntryKind::kErased: return false;
    }
    return false;
}

bool SubjectReader::follow(const log::StoredEntry& entry, Subject& subject) {
    if (subject.is_whole_site || entry.kind != log::EntryKind::kEvent || !can_be(entry.payload)) return false;
    const auto event = records_.read(entry.payload, event::ReadTo::kUserId);
    if (!event || event->website_id != subject.website_id || event->user_id.empty()) return false;
    if (contains(subject.user_ids, event->user_id)) return add(subject.visitor_ids, event->visitor_id);
    // Of an anonymous id that somebody was named under, the user's other devices are not followed.
    return contains(subject.visitor_ids, event->visitor_id) &&
           enrich::Identity::known_id(event->website_id, event->user_id) == event->visitor_id &&
           add(subject.user_ids, std::string(event->user_id));
}

std::string SubjectReader::tombstone(const log::StoredEntry& entry) {
    process::ErasedEntry erased{.website_id = subject_.website_id, .kind = entry.kind};
    if (entry.kind == log::EntryKind::kEvent) {
        if (const auto event = records_.read(entry.payload, event::ReadTo::kUserId)) {
            erased.event_id = event->event_id;
            erased.received_at = event->received_at;
            erased.began_session = std::ranges::binary_search(session_keys_, process::session_key_of(event->event_id));
        }
    }
    return process::write_erased(erased);
}

}  // namespace footfall::erase
