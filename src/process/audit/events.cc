#include "process/audit/events.h"

#include <algorithm>
#include <unordered_map>

#include <fmt/format.h>

#include "process/sessions/session.h"

namespace footfall::process {
namespace {

constexpr int kTimeoutMs = 600'000;
/// Of an embedded log, which has one partition, rows of another are found by compare_outside().
constexpr const char* kHasNoIds = "timestamp < fromUnixTimestamp64Milli({ids_from:Int64}, 'UTC')";
constexpr const char* kRange =
    "WHERE log_partition = {partition:UInt16} AND log_offset >= {begin:UInt64} AND log_offset < {end:UInt64} "
    "AND visitor_id % {passes:UInt64} = {pass:UInt64}";

template <bool IsDecimal, class T>
void append_value(std::string& out, std::string_view column_type, const T& value) {
    // A decimal is an integer in C++; its text is the one that the store prints.
    if constexpr (IsDecimal) out += event::format_decimal(value);
    else append_row_text(out, column_type, value);
}

/// Ids of events of before this time may have expired in the table, or not yet: there they are left out on both sides,
/// and only the key, which is made of them, is compared.
bool may_have_expired(std::string_view field) { return field == "event_id" || field == "pageview_id"; }

std::string row_text(std::uint64_t offset, const event::Event& event, std::uint64_t session_key,
                     std::int64_t ids_from_ms) {
    std::string out;
    json::append_number(out, offset);
    out += kRowSeparator;
    json::append_number(out, std::uint64_t{event_key_of(event)});
    out += kRowSeparator;
    json::append_number(out, session_key);
    const bool has_no_ids = event.timestamp < ids_from_ms;
#define FOOTFALL_FIELD(name, kind_name, column_type) \
    out += kRowSeparator;                            \
    if (!has_no_ids || !may_have_expired(#name))     \
        append_value<std::string_view(#kind_name) == "decimal">(out, column_type, event.name);
#include "event/fields.inc"
#undef FOOTFALL_FIELD
    return out;
}

std::string event_hash_sql(bool has_sessions) {
    std::vector<std::string> texts = {"toString(log_offset)", "toString(event_key)",
                                      has_sessions ? "toString(session_key)" : "'0'"};
#define FOOTFALL_FIELD(name, kind_name, column_type)   \
    texts.push_back(row_text_sql(#name, column_type)); \
    if (may_have_expired(#name)) texts.back() = fmt::format("if({}, '', {})", kHasNoIds, texts.back());
#include "event/fields.inc"
#undef FOOTFALL_FIELD
    return row_hash_sql(texts);
}

}  // namespace

EventAudit::EventAudit(store::Client& store, AuditRows& rows, const Pass& pass, const AuditOptions& options)
    : store_(store), rows_(rows), pass_(pass), options_(options), hash_sql_(event_hash_sql(pass.has_sessions)) {}

EventAudit::Parameters EventAudit::range(std::uint64_t begin, std::uint64_t end) const {
    return {{"begin", std::to_string(begin)},
            {"end", std::to_string(end)},
            {"passes", std::to_string(pass_.passes)},
            {"pass", std::to_string(pass_.pass)},
            {"partition", std::to_string(pass_.partition)},
            {"ids_from", std::to_string(pass_.ids_from_ms)}};
}

void EventAudit::add(log::Position position, const event::Event& event, std::uint64_t session_key) {
    const std::size_t site = rows_.index_of(event.website_id);
    ++rows_[site].received;
    ++rows_[site].expected;
    Sum& sum = sums_[{position.offset / options_.offsets_per_stretch, site}];
    ++sum.rows;
    sum.hash += row_hash(row_text(position.offset, event, session_key, pass_.ids_from_ms));
}

Result<bool> EventAudit::compare_sums(std::uint64_t begin, std::uint64_t end) {
    begin_ = begin;
    end_ = end;
    auto parameters = range(begin, end);
    parameters.emplace_back("stretch", std::to_string(options_.offsets_per_stretch));
    TRY(const store::Answer answer,
        store_.query({.sql = fmt::format("SELECT intDiv(log_offset, {{stretch:UInt64}}) AS stretch, "
                                         "toString(website_id), count(), sum({}) FROM footfall.events {} "
                                         "GROUP BY stretch, website_id",
                                         hash_sql_, kRange),
                      .parameters = parameters,
                      .timeout_ms = kTimeoutMs}));
    std::map<StretchAndSite, Sum> stored;
    for (const auto& row : answer.rows) {
        const std::size_t site = rows_.index_of(std::get<std::string>(row.at(1)));
        Sum& sum = stored[{std::get<std::uint64_t>(row.at(0)), site}];
        sum = {std::get<std::uint64_t>(row.at(2)), std::get<std::uint64_t>(row.at(3))};
        rows_[site].stored += sum.rows;
        sums_.try_emplace({std::get<std::uint64_t>(row.at(0)), site});
    }
    for (const auto& [at, sum] : sums_) {
        const auto found = stored.find(at);
        const Sum has = found == stored.end() ? Sum{} : found->second;
        if (has == sum) continue;
        const auto& [stretch, site] = at;
        if (named_.size() < options_.stretches_named) named_.insert(stretch);
        if (!named_.contains(stretch))
            rows_.difference(
                site, fmt::format("offsets {} to {}: {} rows, the log has {}{}", stretch * options_.offsets_per_stretch,
                                  (stretch + 1) * options_.offsets_per_stretch - 1, has.rows, sum.rows,
                                  has.rows == sum.rows ? ", and they are not the same" : ""));
    }
    sums_.clear();
    return named_.empty();
}

std::uint64_t EventAudit::named_end() const {
    return named_.empty() ? begin_ : std::min(end_, (*named_.rbegin() + 1) * options_.offsets_per_stretch);
}

void EventAudit::add_again(log::Position position, const event::Event& event, std::uint64_t session_key) {
    if (!named_.contains(position.offset / options_.offsets_per_stretch)) return;
    again_.push_back({position.offset, row_hash(row_text(position.offset, event, session_key, pass_.ids_from_ms)),
                      rows_.index_of(event.website_id)});
}

Status EventAudit::name_differences() {
    auto from = again_.begin();
    for (const std::uint64_t stretch : named_) {
        const auto to = std::find_if(from, again_.end(), [&](const Expected& row) {
            return row.offset / options_.offsets_per_stretch != stretch;
        });
        TRY_STATUS(name_stretch(stretch, {from, to}));
        from = to;
    }
    again_.clear();
    return {};
}

Status EventAudit::name_stretch(std::uint64_t stretch, std::span<const Expected> expected) {
    TRY(const store::Answer answer,
        store_.query({.sql = fmt::format("SELECT log_offset, {}, toString(website_id) FROM footfall.events {}",
                                         hash_sql_, kRange),
                      .parameters = range(std::max(begin_, stretch * options_.offsets_per_stretch),
                                          std::min(end_, (stretch + 1) * options_.offsets_per_stretch)),
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
    for (const Expected& row : expected) {
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

Status compare_outside(store::Client& store, AuditRows& rows, const log::EventLog& log, bool is_one_of_several) {
    const char* const all =
        "SELECT toString(website_id), countIf(log_partition != {partition:UInt16} "
        "OR log_offset < {begin:UInt64}), max(log_offset) FROM footfall.events GROUP BY website_id";
    const char* const own =
        "SELECT toString(website_id), toUInt64(0), max(log_offset) FROM footfall.events "
        "WHERE log_partition = {partition:UInt16} AND log_offset >= {begin:UInt64} "
        "GROUP BY website_id";
    const log::Position begin = log.begin();
    TRY(const store::Answer answer, store.query({.sql = is_one_of_several ? own : all,
                                                 .parameters = {{"partition", std::to_string(begin.partition)},
                                                                {"begin", std::to_string(begin.offset)}},
                                                 .timeout_ms = kTimeoutMs}));
    const std::uint64_t log_end = log.end().offset;
    for (const auto& row : answer.rows) {
        const std::size_t site = rows.index_of(std::get<std::string>(row.at(0)));
        const auto before = std::get<std::uint64_t>(row.at(1));
        const auto highest = std::get<std::uint64_t>(row.at(2));
        if (before > 0)
            rows.difference(site,
                            fmt::format("{} rows from before the log's first entry {}", before, log.begin().offset));
        if (highest >= log_end)
            rows.difference(site, fmt::format("a row at offset {} though the log ends at {}", highest, log_end));
    }
    return {};
}

}  // namespace footfall::process
