#include "process/erased.h"

#include <simdjson.h>

#include "base/json.h"

namespace footfall::process {

std::string write_erased(const ErasedEntry& entry) {
    std::string out;
    json::Writer writer(out);
    writer.begin_object();
    writer.member("website_id", entry.website_id);
    writer.member("kind", static_cast<std::uint64_t>(entry.kind));
    if (entry.is_expired) writer.member("expired", true);
    if (entry.kind == log::EntryKind::kEvent && entry.is_expired && entry.event_id.is_nil()) {
        if (entry.began_session) writer.member("began_session", true);
    } else if (entry.kind == log::EntryKind::kEvent) {
        writer.member("event_id", entry.event_id.text());
        writer.member("received_at", entry.received_at);
        if (entry.began_session) writer.member("began_session", true);
    }
    writer.end_object();
    return out;
}

Result<ErasedEntry> read_erased(std::string_view payload) {
    const Error broken(Code::kCorrupt, "an erased entry of the log is not one of ours");
    simdjson::dom::parser parser;
    simdjson::dom::object root;
    const simdjson::padded_string padded(payload);
    std::string_view website_id;
    std::uint64_t kind = 0;
    if (parser.parse(padded).get(root) != simdjson::SUCCESS ||
        root["website_id"].get(website_id) != simdjson::SUCCESS || root["kind"].get(kind) != simdjson::SUCCESS ||
        kind > 0xff)
        return broken;
    ErasedEntry entry{.website_id = std::string(website_id), .kind = static_cast<log::EntryKind>(kind)};
    bool is_expired = false;
    if (root["expired"].get(is_expired) == simdjson::SUCCESS) entry.is_expired = is_expired;
    if (entry.kind != log::EntryKind::kEvent) return entry;
    std::string_view event_id;
    if (entry.is_expired && root["event_id"].get(event_id) == simdjson::NO_SUCH_FIELD) {
        bool began = false;
        if (root["began_session"].get(began) == simdjson::SUCCESS) entry.began_session = began;
        return entry;
    }
    if (root["event_id"].get(event_id) != simdjson::SUCCESS ||
        root["received_at"].get(entry.received_at) != simdjson::SUCCESS)
        return broken;
    const auto id = parse_uuid(event_id);
    if (!id) return broken;
    entry.event_id = *id;
    bool began_session = false;
    // Not there: it began none, or was erased by a release that did not tell.
    if (root["began_session"].get(began_session) == simdjson::SUCCESS) entry.began_session = began_session;
    return entry;
}

}  // namespace footfall::process
