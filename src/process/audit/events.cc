#include "process/audit/events.h"

#include <map>
#include <unordered_map>

#include <fmt/format.h>

namespace footfall::process {
namespace {

constexpr int kTimeoutMs = 120'000;
constexpr const char* kRange =
    "WHERE log_partition = {partition:UInt16} AND log_offset BETWEEN {first:UInt64} AND {last:UInt64} "
    "AND visitor_id % {passes:UInt64} = {pass:UInt64}";

template <bool IsDecimal, class T>
void append_value(std::string& out, std::string_view column_type, const T& value) {
    // A decimal is an integer in C++; its text is the one that the store prints.
    if constexpr (IsDecimal) out += event::format_decimal(value);
    else append_row_text(out, column_type, value);
}

std::string row_text(std::uint64_t offset, const event::Event& event, std::uint64_t session_key) {
    std::string out;
    json::append_number(out, offset);
    out += kRowSeparator;
    json::append_number(out, session_key);
#define FOOTFALL_FIELD(name, kind_name, column_type) \
    out += kRowSeparator;                            \
    append_value<std::string_view(#kind_name) == "decimal">(out, column_type, event.name);
#include "event/fields.inc"
#undef FOOTFALL_FIELD
    return out;
}

std::string event_hash_sql() {
    std::vector<std::string> texts = {"toString(log_offset)", "toString(session_key)"};
#define FOOTFALL_FIELD(name, kind_name, column_type) texts.push_back(row_text_sql(#name, column_type));
#include "event/fields.inc"
#undef FOOTFALL_FIELD
    return row_hash_sql(texts);
}

}  // namespace

EventAudit::EventAudit(store::Client& store, AuditRows& rows)
    : store_(store), rows_(rows), hash_sql_(event_hash_sql()) {}

void EventAudit::add(log::Position position, const event::Event& event, std::uint64_t session_key) {
    const std::size_t site = rows_.index_of(event.website_id);
    ++rows_[site].received;
    ++rows_[site].expected;
    stretch_.push_back({position.offset, row_hash(row_text(position.offset, event, session_key)), site});
}

Status EventAudit::compare(const Pass& pass, std::uint16_t partition, std::uint64_t first, std::uint64_t last) {
    struct Sum {
        std::uint64_t rows = 0;
        std::uint64_t hash = 0;
    };
    std::map<std::size_t, Sum> expected;
    for (const Expected& row : stretch_) {
        ++expected[row.site].rows;
        expected[row.site].hash ^= row.hash;
    }
    const Parameters range = {{"partition", std::to_string(partition)},
                              {"first", std::to_string(first)},
                              {"last", std::to_string(last)},
                              {"passes", std::to_string(pass.passes)},
                              {"pass", std::to_string(pass.pass)}};
    TRY(const store::Answer answer,
        store_.query({.sql = fmt::format("SELECT toString(website_id), count(), groupBitXor({}) FROM footfall.events "
                                         "{} GROUP BY website_id",
                                         hash_sql_, kRange),
                      .parameters = range,
                      .timeout_ms = kTimeoutMs}));
    bool same = true;
    for (const auto& row : answer.rows) {
        const std::size_t site = rows_.index_of(std::get<std::string>(row.at(0)));
        const auto stored = std::get<std::uint64_t>(row.at(1));
        rows_[site].stored += stored;
        const Sum& sum = expected[site];
        same = same && sum.rows == stored && sum.hash == std::get<std::uint64_t>(row.at(2));
        expected.erase(site);
    }
    if (!same || !expected.empty()) TRY_STATUS(name_differences(range));
    stretch_.clear();
    return {};
}

Status EventAudit::compare_outside(const log::EventLog& log) {
    TRY(const store::Answer answer, store_.query({.sql = "SELECT toString(website_id), countIf(log_partition != 0 "
                                                         "OR log_offset < {begin:UInt64}), max(log_offset) "
                                                         "FROM footfall.events GROUP BY website_id",
                                                  .parameters = {{"begin", std::to_string(log.begin().offset)}}}));
    const std::uint64_t log_end = log.end().offset;
    for (const auto& row : answer.rows) {
        const std::size_t site = rows_.index_of(std::get<std::string>(row.at(0)));
        const auto before = std::get<std::uint64_t>(row.at(1));
        const auto highest = std::get<std::uint64_t>(row.at(2));
        if (before > 0)
            rows_.difference(site,
                             fmt::format("{} rows from before the log's first entry {}", before, log.begin().offset));
        if (highest >= log_end)
            rows_.difference(site, fmt::format("a row at offset {} though the log ends at {}", highest, log_end));
    }
    return {};
}

Status EventAudit::name_differences(const Parameters& range) {
    TRY(const store::Answer answer,
        store_.query({.sql = fmt::format("SELECT log_offset, {}, toString(website_id) FROM footfall.events {}",
                                         hash_sql_, kRange),
                      .parameters = range,
                      .timeout_ms = kTimeoutMs}));
    struct Stored {
        std::uint64_t copies = 0;
        std::uint64_t hash = 0;
        std::string site;
    };
    std::unordered_map<std::uint64_t, Stored> stored;
    for (const auto& row : answer.rows) {
        Stored& at = stored[std::get<std::uint64_t>(row.at(0))];
        ++at.copies;
        at.hash = std::get<std::uint64_t>(row.at(1));
        at.site = std::get<std::string>(row.at(2));
    }
    for (const Expected& row : stretch_) {
        const auto found = stored.find(row.offset);
        if (found == stored.end()) {
            rows_.difference(row.site, fmt::format("offset {} is missing", row.offset));
            continue;
        }
        if (found->second.copies > 1)
            rows_.difference(row.site, fmt::format("offset {} is there {} times", row.offset, found->second.copies));
        if (found->second.hash != row.hash) {
            ++rows_[row.site].altered;
            rows_.difference(row.site, fmt::format("offset {} differs from its record in the log", row.offset));
        }
        stored.erase(found);
    }
    for (const auto& [offset, row] : stored)
        rows_.difference(rows_.index_of(row.site),
                         fmt::format("offset {} is a row that no event of the log explains", offset));
    return {};
}

}  // namespace footfall::process
