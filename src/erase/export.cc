#include "erase/export.h"

#include <algorithm>
#include <charconv>
#include <memory>
#include <utility>
#include <variant>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/clock.h"
#include "base/csv.h"
#include "base/json.h"
#include "erase/erase.h"
#include "erase/sql.h"
#include "event/event.h"
#include "event/parse.h"
#include "process/rejected.h"

namespace footfall::erase {
namespace {

constexpr std::size_t kEntriesAtOnce = 1'000;
constexpr std::size_t kBytesAtOnce = 4u << 20;
/// A visitor of more ids than fit, some ten thousand, is looked for anew for each page: a mark is an argument of the
/// next command, of which the server takes 1 MiB.
constexpr std::size_t kMarkBytesMax = 256u << 10;

using Logs = std::span<const log::EventLog* const>;

/// Where a page begins, and what the first one found out. Its text is "<begin>-<end>", for a visitor with "-" and
/// Subject::json() behind it, and of any log but the first with "<log>/" before it.
struct Mark {
    std::size_t log = 0;
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
    std::optional<Subject> subject{};

    std::string text() const {
        std::string out = log > 0 ? fmt::format("{}/", log) : "";
        out += fmt::format("{}-{}", begin, end);
        if (!subject || subject->is_whole_site) return out;
        const std::string json = subject->json();
        if (json.size() <= kMarkBytesMax) out += "-" + json;
        return out;
    }
};

/// Whether `found` is what a search for `asked` can have given.
bool is_grown_from(const Subject& found, const Subject& asked) {
    const auto has_all = [](const auto& in, const auto& these) {
        return std::ranges::all_of(these, [&](const auto& one) { return std::ranges::find(in, one) != in.end(); });
    };
    return !asked.is_whole_site && !found.is_whole_site && found.website_id == asked.website_id &&
           has_all(found.user_ids, asked.user_ids) && has_all(found.visitor_ids, asked.visitor_ids);
}

std::optional<Mark> read_mark(std::string_view text, const Subject& asked) {
    Mark mark;
    const char* const end = text.data() + text.size();
    // A subject's text may have such a character too.
    if (const std::size_t slash = text.find('/'); slash < text.find('-')) {
        const auto number = std::from_chars(text.data(), text.data() + slash, mark.log);
        if (number.ec != std::errc() || number.ptr != text.data() + slash) return std::nullopt;
        text.remove_prefix(slash + 1);
    }
    const auto first = std::from_chars(text.data(), end, mark.begin);
    if (first.ec != std::errc() || first.ptr == end || *first.ptr != '-') return std::nullopt;
    const auto last = std::from_chars(first.ptr + 1, end, mark.end);
    if (last.ec != std::errc()) return std::nullopt;
    if (last.ptr == end) return mark;
    if (*last.ptr != '-') return std::nullopt;
    mark.subject = Subject::of_json({last.ptr + 1, end});
    if (!mark.subject || !is_grown_from(*mark.subject, asked)) return std::nullopt;
    return mark;
}

Result<Mark> mark_of(Logs logs, const Subject& asked, std::string_view from) {
    std::optional<Mark> mark;
    if (from.empty()) mark = Mark{.begin = logs[0]->begin().offset, .end = logs[0]->end().offset};
    else mark = read_mark(from, asked);
    if (!mark || mark->log >= logs.size() || mark->end > logs[mark->log]->end().offset)
        return Error(Code::kInvalidArgument, "an export does not go on at '" + std::string(from) + "'", "--page");
    if (asked.is_whole_site) mark->subject = asked;
    if (mark->subject) return std::move(*mark);
    std::vector<Stretch> stretches;
    for (const log::EventLog* const log : logs) stretches.push_back({.log = log, .range = {.end = log->end().offset}});
    stretches[mark->log].range.end = mark->end;
    TRY(Found found, find(std::move(stretches), asked));
    mark->subject = std::move(found.subject);
    return std::move(*mark);
}

void member_if(json::Writer& writer, std::string_view name, std::string_view value) {
    if (!value.empty()) writer.member(name, value);
}
void member_if(json::Writer& writer, std::string_view name, double value) {
    if (value != 0) writer.member(name, value);
}
void member_if(json::Writer& writer, std::string_view name, const event::kind::map& values) {
    if (values.empty()) return;
    writer.key(name);
    writer.begin_object();
    for (const auto& [key, value] : values) writer.member(key, value);
    writer.end_object();
}

void append_parameter(std::string& query, std::string_view name, std::string_view value) {
    if (value.empty()) return;
    query += fmt::format("{}{}=", query.empty() ? '?' : '&', name);
    for (const char c : value) {
        const auto byte = static_cast<unsigned char>(c);
        // Bytes of other scripts stay: a URL has room for so many.
        const bool is_plain = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                              (byte >= '0' && byte <= '9') || byte == '-' || byte == '.' || byte == '_' || byte >= 0x80;
        query += is_plain ? std::string(1, c) : fmt::format("%{:02X}", byte);
    }
}

/// A query that gives the same acquisition again, also where it came by the referrer: the record does not say by which.
std::string campaign_query(const event::Event& event) {
    std::string query;
    append_parameter(query, "utm_source", event.source);
    append_parameter(query, "utm_medium", event.medium);
    append_parameter(query, "utm_campaign", event.campaign);
    append_parameter(query, "utm_term", event.term);
    append_parameter(query, "utm_content", event.content);
    // Its value was never kept.
    if (!event.click_id.empty()) append_parameter(query, event.click_id, "1");
    return query;
}

/// What data.page and context.url say together: path, host and campaign. data.page has the path, and goes before the
/// URL; each has room for Limits::kUrl bytes.
struct Address {
    std::string page{};
    std::string url{};
};

Address address_of(const event::Event& event) {
    const std::string query = campaign_query(event);
    Address address{.page = std::string(event.page)};
    const bool fits = event.page.size() + query.size() <= event::Limits::kUrl;
    if (fits) address.page += query;
    if (event.hostname.find(':') != event.hostname.npos) address.url = fmt::format("https://[{}]", event.hostname);
    else if (!event.hostname.empty()) address.url = fmt::format("https://{}", event.hostname);
    else if (!fits) address.url = "app://";
    else return address;
    if (!fits) address.url += "/" + query;
    else address.url += fmt::format("{}{}", event.page.starts_with('/') ? "" : "/", event.page);
    return address;
}

void write_data(json::Writer& writer, const event::Event& event, std::string_view page) {
    writer.member("timestamp", event.timestamp);
    member_if(writer, "page", page);
    member_if(writer, "title", event.title);
    member_if(writer, "referrer", event.referrer);
    if (event.event_type == "identify") {
        member_if(writer, "user_id", event.user_id);
        member_if(writer, "traits", event.properties);
        return;
    }
    member_if(writer, "name", event.event_name);
    member_if(writer, "category", event.event_category);
    member_if(writer, "action", event.event_action);
    member_if(writer, "label", event.event_label);
    // The record does not tell 0 from none; who sent 0 finds it again.
    if (event.event_type == "event") writer.member("value", event.event_value);
    if (event.non_interactive) writer.member("non_interactive", true);
    member_if(writer, "properties", event.properties);
    if (event.revenue != 0 || !event.currency.empty()) writer.member("revenue", event::format_decimal(event.revenue));
    member_if(writer, "currency", event.currency);
    if (!event.pageview_id.is_nil()) writer.member("pageview_id", event.pageview_id.text());
    for (const auto& [name, value] : {std::pair{"time_on_page", event.time_on_page},
                                      {"scroll_depth", event.scroll_depth},
                                      {"lcp", event.lcp},
                                      {"inp", event.inp},
                                      {"cls", event.cls},
                                      {"fcp", event.fcp},
                                      {"ttfb", event.ttfb}})
        member_if(writer, name, value);
}

void write_context(json::Writer& writer, const event::Event& event, std::string_view url) {
    member_if(writer, "url", url);
    member_if(writer, "screen", event.screen);
    member_if(writer, "viewport", event.viewport);
    member_if(writer, "language", event.language);
    member_if(writer, "timezone", event.timezone);
    member_if(writer, "sdk", event.sdk);
    // Without these two the event would be of the browser and the place of whoever sends it again.
    member_if(writer, "user_agent", event.user_agent);
    member_if(writer, "ip", event::format_ip(event.ip));
}

void write_event(std::string& out, const event::Event& event, std::string_view record) {
    const Address address = address_of(event);
    json::Writer writer(out);
    writer.begin_object();
    writer.member("event_id", event.event_id.text());
    writer.member("type", event.event_type);
    writer.member("tracking_id", event.website_id);
    member_if(writer, "session_id", event.session_id);
    if (event.event_type != "identify") member_if(writer, "user_id", event.user_id);
    writer.key("data");
    writer.begin_object();
    write_data(writer, event, address.page);
    writer.end_object();
    writer.key("context");
    writer.begin_object();
    write_context(writer, event, address.url);
    writer.end_object();
    writer.key("record");
    writer.raw(record);
    writer.end_object();
    out += '\n';
}

void write_rejected(std::string& out, const process::RejectedSample& sample) {
    json::Writer writer(out);
    writer.begin_object();
    writer.key("rejected");
    writer.begin_object();
    writer.member("received_at", iso_text(sample.received_at));
    process::write_sample_members(writer, sample);
    writer.end_object();
    writer.end_object();
    out += '\n';
}

// A field of the record in CSV, by its kind.
void csv_string(std::string& out, std::string_view value) { csv::append_text(out, value); }
void csv_uuid(std::string& out, const Uuid& value) {
    if (!value.is_nil()) out += value.text();
}
void csv_time(std::string& out, std::int64_t value) { out += iso_text(value); }
void csv_hash64(std::string& out, std::uint64_t value) { out += visitor_text(value); }
void csv_bool(std::string& out, bool value) { out += value ? "true" : "false"; }
void csv_float(std::string& out, double value) { json::append_number(out, value); }
void csv_integer(std::string& out, std::uint32_t value) { json::append_number(out, std::uint64_t{value}); }
void csv_decimal(std::string& out, std::int64_t value) { out += event::format_decimal(value); }
void csv_map(std::string& out, const event::kind::map& value) {
    if (value.empty()) return;
    std::string text;
    json::Writer writer(text);
    writer.begin_object();
    for (const auto& [key, cell] : value) writer.member(key, cell);
    writer.end_object();
    csv::append_text(out, text);
}
void csv_ip(std::string& out, const event::kind::ip& value) { out += event::format_ip(value); }

void write_csv_header(std::string& out) {
#define FOOTFALL_FIELD(name, kind_name, column_type) out += #name ",";
#include "event/fields.inc"
#undef FOOTFALL_FIELD
    out.pop_back();
    out += "\r\n";
}

void write_csv(std::string& out, const event::Event& event) {
#define FOOTFALL_FIELD(name, kind_name, column_type) \
    csv_##kind_name(out, event.name);                \
    out += ',';
#include "event/fields.inc"
#undef FOOTFALL_FIELD
    out.pop_back();
    out += "\r\n";
}

Status write_sessions(std::string& out, store::Client& store, const Subject& subject) {
    TRY(const store::Answer answer,
        store.query({.sql = std::string(sql::text("export-sessions.sql")),
                     .parameters = {{"site", subject.website_id},
                                    {"visitors", fmt::format("[{}]", fmt::join(subject.visitor_ids, ","))}},
                     .timeout_ms = 120'000}));
    for (const auto& row : answer.rows) {
        json::Writer writer(out);
        writer.begin_object();
        writer.key("session");
        writer.begin_object();
        for (std::size_t i = 0; i < row.size(); ++i) {
            const std::string& name = answer.columns[i].name;
            const auto* const number = std::get_if<std::uint64_t>(&row[i]);
            // Programs take a number of 64 bits for one of 53.
            if (number != nullptr && name == "visitor_id") writer.member(name, visitor_text(*number));
            else if (number != nullptr && name == "session_key") writer.member(name, std::to_string(*number));
            else
                std::visit(
                    [&](const auto& value) {
                        if constexpr (!std::is_same_v<std::decay_t<decltype(value)>, std::monostate>)
                            writer.member(name, value);
                    },
                    row[i]);
        }
        writer.end_object();
        writer.end_object();
        out += '\n';
    }
    return {};
}

}  // namespace

Result<ExportPage> export_page(const log::EventLog& log, store::Client& store, const ExportRequest& request,
                               std::string_view from) {
    const log::EventLog* const logs[] = {&log};
    return export_page(logs, store, request, from);
}

Result<ExportPage> export_page(Logs logs, store::Client& store, const ExportRequest& request, std::string_view from) {
    TRY(Mark mark, mark_of(logs, request.subject, from));
    const Subject& subject = *mark.subject;
    const bool is_csv = request.format == ExportRequest::Format::kCsv;
    const auto is_in_range = [&](std::int64_t ms) { return ms >= request.since_ms && ms < request.until_ms; };
    ExportPage page;
    if (is_csv && from.empty()) write_csv_header(page.text);
    SubjectReader subject_reader(subject);
    event::RecordReader records;
    std::vector<log::StoredEntry> entries;
    for (;;) {
        const log::EventLog& log = *logs[mark.log];
        // What was deleted since is gone.
        log::Position first = log.begin();
        first.offset = std::max(first.offset, mark.begin);
        std::unique_ptr<log::LogReader> reader;
        if (first.offset < mark.end) {
            TRY(reader, log.reader(first));
        }
        while (reader && reader->position().offset < mark.end) {
            if (page.text.size() >= request.page_bytes) {
                mark.begin = reader->position().offset;
                page.next = mark.text();
                return page;
            }
            entries.clear();
            const log::Position before = reader->position();
            if (const Status read = reader->read(entries, kEntriesAtOnce, kBytesAtOnce);
                !read && reader->position() == before)
                return read.error();
            for (const log::StoredEntry& entry : entries) {
                if (entry.position.offset >= mark.end || !subject_reader.holds(entry)) continue;
                if (entry.kind == log::EntryKind::kEvent) {
                    const auto event = records.read(entry.payload);
                    if (!event || !is_in_range(event->timestamp)) continue;
                    if (is_csv) write_csv(page.text, *event);
                    else write_event(page.text, *event, entry.payload);
                } else if (entry.kind == log::EntryKind::kRejected && !is_csv) {
                    const auto sample = process::read_rejected(entry);
                    if (sample && is_in_range(sample->received_at)) write_rejected(page.text, *sample);
                }
            }
        }
        if (++mark.log == logs.size()) break;
        mark.begin = 0;
        mark.end = logs[mark.log]->end().offset;
    }
    if (!is_csv && !subject.is_whole_site) TRY_STATUS(write_sessions(page.text, store, subject));
    return page;
}

}  // namespace footfall::erase
