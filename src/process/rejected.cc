#include "process/rejected.h"

#include <algorithm>

#include <fmt/format.h>
#include <simdjson.h>

#include "base/clock.h"
#include "base/failpoint.h"
#include "base/json.h"
#include "base/logging.h"
#include "event/event.h"
#include "process/sessions/session.h"
#include "process/sql.h"
#include "process/tally.h"

namespace footfall::process {
namespace {

constexpr int kTimeoutMs = 120'000;
constexpr std::int64_t kHourSeconds = 3'600;

// Table and columns, in the order in which the rows are filled.
constexpr std::string_view kSamples = "rejected";
constexpr std::pair<std::string_view, std::string_view> kSampleColumns[] = {
    {"website_id", "String"},    {"tracking_id", "String"}, {"received_at", "DateTime64(3, 'UTC')"},
    {"field", "String"},         {"reason", "String"},      {"event", "String"},
    {"is_cut", "Bool"},          {"user_agent", "String"},  {"key_site_id", "String"},
    {"log_partition", "UInt16"}, {"log_offset", "UInt64"}};
constexpr std::string_view kCounts = "rejected_counts";
constexpr std::pair<std::string_view, std::string_view> kCountColumns[] = {{"website_id", "String"},
                                                                           {"reason", "String"},
                                                                           {"hour", "DateTime('UTC')"},
                                                                           {"events", "UInt64"},
                                                                           {"last_at", "DateTime64(3, 'UTC')"},
                                                                           {"log_partition", "UInt16"},
                                                                           {"log_offset", "UInt64"}};

template <class Columns>
std::vector<store::NativeColumn> columns_of(const Columns& columns) {
    std::vector<store::NativeColumn> out;
    for (const auto& [name, type] : columns) out.emplace_back(name, type);
    return out;
}

template <class Columns>
std::string insert_into(std::string_view table, const Columns& columns) {
    std::string names;
    for (const auto& [name, type] : columns) names.append(names.empty() ? "" : ", ").append(name);
    return fmt::format("INSERT INTO footfall.{} ({}) FORMAT Native", table, names);
}

std::vector<std::pair<std::string, std::string>> parameters_of(const RejectedFilter& filter) {
    const char* of = filter.of == RejectedFilter::Of::kAll    ? "all"
                     : filter.of == RejectedFilter::Of::kSite ? "site"
                                                              : "named";
    return {{"of", of},
            {"site", filter.site},
            {"reason", filter.reason},
            {"since", std::to_string(std::max<std::int64_t>(0, filter.since_ms))}};
}

void log_unreadable(log::Position position, const Error& error) {
    logging::error("loader.record_unreadable", {{"offset", position.offset}, {"error", error.message}});
}

}  // namespace

Result<RejectedSample> read_rejected(const log::StoredEntry& entry) {
    const Error broken(Code::kCorrupt, "a rejected event of the log is not one of ours");
    simdjson::dom::parser parser;
    simdjson::dom::object root;
    const simdjson::padded_string padded(entry.payload);
    if (parser.parse(padded).get(root) != simdjson::SUCCESS) return broken;
    RejectedSample sample;
    sample.position = entry.position;
    for (const auto& [name, field] : {std::pair{"website_id", &sample.website_id},
                                      {"tracking_id", &sample.tracking_id},
                                      {"field", &sample.field},
                                      {"reason", &sample.reason},
                                      {"event", &sample.event},
                                      {"user_agent", &sample.user_agent},
                                      {"key_site_id", &sample.key_site_id}}) {
        std::string_view text;
        if (root[name].get(text) != simdjson::SUCCESS) return broken;
        *field = text;
    }
    if (root["received_at"].get(sample.received_at) != simdjson::SUCCESS ||
        root["is_cut"].get(sample.is_cut) != simdjson::SUCCESS)
        return broken;
    return sample;
}

void write_sample_members(json::Writer& writer, const RejectedSample& sample) {
    writer.member("tracking_id", sample.tracking_id);
    writer.member("field", sample.field);
    writer.member("reason", sample.reason);
    writer.member("event", sample.event);
    writer.member("is_cut", sample.is_cut);
    writer.member("user_agent", sample.user_agent);
}

RejectedStore::RejectedStore(store::Client& store)
    : store_(store), samples_(columns_of(kSampleColumns)), counts_(columns_of(kCountColumns)) {}

Status RejectedStore::delete_beyond(log::Position position) {
    const std::vector<std::pair<std::string, std::string>> from = {{"partition", std::to_string(position.partition)},
                                                                   {"from", std::to_string(position.offset)}};
    for (const std::string name : {"rejected", "rejected-counts"}) {
        TRY(const store::Answer found,
            store_.query({.sql = std::string(sql::text(name + "-beyond.sql")), .parameters = from}));
        if (std::get<std::uint64_t>(found.rows.at(0).at(0)) == 0) continue;
        TRY_STATUS(store_.execute(
            {.sql = std::string(sql::text(name + "-delete-beyond.sql")), .parameters = from, .timeout_ms = 300'000}));
    }
    return {};
}

void RejectedStore::add_sample(const log::StoredEntry& entry) {
    const auto sample = read_rejected(entry);
    if (!sample) return log_unreadable(entry.position, sample.error());
    std::size_t column = 0;
    samples_[column++].add_string(sample->website_id);
    samples_[column++].add_string(sample->tracking_id);
    samples_[column++].add(sample->received_at);
    samples_[column++].add_string(sample->field);
    samples_[column++].add_string(sample->reason);
    samples_[column++].add_string(sample->event);
    samples_[column++].add(static_cast<std::uint8_t>(sample->is_cut));
    samples_[column++].add_string(sample->user_agent);
    samples_[column++].add_string(sample->key_site_id);
    samples_[column++].add(entry.position.partition);
    samples_[column].add(entry.position.offset);
}

void RejectedStore::add_tally(const log::StoredEntry& entry) {
    const auto tally = read_tally(entry.payload);
    if (!tally) return log_unreadable(entry.position, tally.error());
    // A tally of an earlier version doesn't say when it was; audit counts it.
    if (tally->received_at == 0) return;
    const std::int64_t second = tally->received_at / 1'000;
    for (const auto& [reason, events] : tally->rejected) {
        Counted& counted =
            counted_[{tally->website_id, reason, static_cast<std::uint32_t>(second - second % kHourSeconds)}];
        counted.events += events;
        counted.last_at = std::max(counted.last_at, tally->received_at);
    }
}

Status RejectedStore::insert(std::span<const log::StoredEntry> entries, log::Position last) {
    for (auto* columns : {&samples_, &counts_})
        for (store::NativeColumn& column : *columns) column.clear();
    counted_.clear();
    for (const log::StoredEntry& entry : entries) {
        if (entry.kind == log::EntryKind::kRejected) add_sample(entry);
        if (entry.kind == log::EntryKind::kTally) add_tally(entry);
    }
    for (const auto& [key, counted] : counted_) {
        std::size_t column = 0;
        counts_[column++].add_string(key.website_id);
        counts_[column++].add_string(key.reason);
        counts_[column++].add(key.hour);
        counts_[column++].add(counted.events);
        counts_[column++].add(counted.last_at);
        counts_[column++].add(last.partition);
        counts_[column].add(last.offset);
    }
    static const std::string into_samples = insert_into(kSamples, kSampleColumns);
    static const std::string into_counts = insert_into(kCounts, kCountColumns);
    TRY_STATUS(insert_block(of_partition(into_samples, last.partition), samples_));
    if (failpoint("loader.between_rejected") == Fault::kError)
        return Error(Code::kUnavailable, "failpoint loader.between_rejected");
    return insert_block(of_partition(into_counts, last.partition), counts_);
}

Status RejectedStore::insert_block(std::string_view statement, std::vector<store::NativeColumn>& columns) {
    const std::size_t rows = columns.front().rows();
    if (rows == 0) return {};
    std::string block;
    store::write_native_block(block, columns, rows);
    return store_.insert(statement, block, kTimeoutMs, {{"insert_deduplicate", "0"}});
}

Result<std::vector<RejectedHour>> rejected_by_hour(store::Client& store, const RejectedFilter& filter) {
    TRY(const store::Answer answer, store.query({.sql = std::string(sql::text("rejected-by-hour.sql")),
                                                 .parameters = parameters_of(filter),
                                                 .settings = {{"priority", "1"}}}));
    std::vector<RejectedHour> hours;
    hours.reserve(answer.rows.size());
    for (const auto& row : answer.rows)
        hours.push_back({.reason = std::get<std::string>(row.at(0)),
                         .hour_ms = std::get<std::int64_t>(row.at(1)),
                         .events = std::get<std::uint64_t>(row.at(2)),
                         .last_at = std::get<std::int64_t>(row.at(3))});
    return hours;
}

Result<std::vector<RejectedSample>> rejected_samples(store::Client& store, const RejectedFilter& filter,
                                                     const RejectedPage& page) {
    auto parameters = parameters_of(filter);
    parameters.emplace_back("newest_first", page.order == RejectedOrder::kNewestFirst ? "true" : "false");
    parameters.emplace_back("after", page.after ? std::to_string(*page.after) : "");
    parameters.emplace_back("before", std::to_string(page.before));
    parameters.emplace_back("limit", std::to_string(page.limit));
    TRY(const store::Answer answer, store.query({.sql = std::string(sql::text("rejected-samples.sql")),
                                                 .parameters = std::move(parameters),
                                                 .settings = {{"priority", "1"}}}));
    std::vector<RejectedSample> samples;
    samples.reserve(answer.rows.size());
    for (const auto& row : answer.rows) {
        RejectedSample& sample = samples.emplace_back();
        std::size_t column = 0;
        const auto text = [&] { return std::get<std::string>(row.at(column++)); };
        sample.position.partition = static_cast<std::uint16_t>(std::get<std::uint64_t>(row.at(column++)));
        sample.position.offset = std::get<std::uint64_t>(row.at(column++));
        sample.website_id = text();
        sample.tracking_id = text();
        sample.received_at = std::get<std::int64_t>(row.at(column++));
        sample.field = text();
        sample.reason = text();
        sample.event = text();
        sample.is_cut = std::get<bool>(row.at(column++));
        sample.user_agent = text();
        sample.key_site_id = text();
    }
    return samples;
}

Result<RejectedList> list_rejected(store::Client& store, const RejectedFilter& filter, const RejectedPage& page) {
    RejectedList list;
    TRY(list.hours, rejected_by_hour(store, filter));
    RejectedPage with_next = page;
    ++with_next.limit;
    TRY(list.samples, rejected_samples(store, filter, with_next));
    list.has_more = list.samples.size() > page.limit;
    if (list.has_more) list.samples.pop_back();
    return list;
}

std::vector<RejectedHour> RejectedList::reasons() const {
    std::map<std::string, RejectedHour> by_reason;
    for (const RejectedHour& hour : hours) {
        RejectedHour& sum = by_reason[hour.reason];
        sum.reason = hour.reason;
        sum.events += hour.events;
        sum.last_at = std::max(sum.last_at, hour.last_at);
    }
    std::vector<RejectedHour> out;
    for (auto& [reason, sum] : by_reason) out.push_back(std::move(sum));
    std::stable_sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.events > b.events; });
    return out;
}

std::string RejectedList::json() const {
    std::string out;
    json::Writer writer(out);
    writer.begin_object();
    writer.key("reasons");
    writer.begin_array();
    for (const RejectedHour& sum : reasons()) {
        writer.begin_object();
        writer.member("reason", sum.reason);
        writer.member("count", sum.events);
        writer.member("last_at", iso_text(sum.last_at));
        writer.end_object();
    }
    writer.end_array();
    writer.key("hours");
    writer.begin_array();
    for (const RejectedHour& hour : hours) {
        writer.begin_object();
        writer.member("hour", iso_text(hour.hour_ms));
        writer.member("reason", hour.reason);
        writer.member("count", hour.events);
        writer.end_object();
    }
    writer.end_array();
    writer.key("samples");
    writer.begin_array();
    for (const RejectedSample& sample : samples) {
        writer.begin_object();
        writer.member("offset", sample.position.offset);
        writer.member("received_at", iso_text(sample.received_at));
        writer.member("website_id", sample.website_id);
        write_sample_members(writer, sample);
        writer.member("has_key", !sample.key_site_id.empty());
        writer.end_object();
    }
    writer.end_array();
    writer.key("before");
    if (has_more) writer.number(samples.back().position.offset);
    else writer.null();
    writer.end_object();
    return out;
}

Result<std::vector<std::string>> known_event_ids(store::Client& store, const log::EventLog& log,
                                                 const std::string& site, std::span<const std::string> ids,
                                                 std::int64_t from_ms) {
    std::string keys;
    for (const std::string& id : ids)
        if (const auto uuid = parse_uuid(id)) keys += fmt::format("{}{}", keys.empty() ? "" : ",", event_key_of(*uuid));
    TRY(const store::Answer answer,
        store.query({.sql = std::string(sql::text("rejected-known-ids.sql")),
                     .parameters = {{"site", site}, {"keys", "[" + keys + "]"}, {"from", std::to_string(from_ms)}},
                     .timeout_ms = kTimeoutMs}));
    std::vector<std::string> known;
    event::RecordReader reader;
    for (const auto& row : answer.rows) {
        const log::Position position{.partition = 0, .offset = std::get<std::uint64_t>(row.at(0))};
        TRY(const auto entries, log.reader(position));
        std::vector<log::StoredEntry> entry;
        TRY_STATUS(entries->read(entry, 1, 1));
        if (entry.empty() || entry.front().position.offset != position.offset) continue;
        const auto event = reader.read(entry.front().payload);
        if (!event || event->website_id != site) continue;
        std::string id = event->event_id.text();
        const bool is_asked_for = std::find(ids.begin(), ids.end(), id) != ids.end();
        if (is_asked_for && std::find(known.begin(), known.end(), id) == known.end()) known.push_back(std::move(id));
    }
    return known;
}

}  // namespace footfall::process
