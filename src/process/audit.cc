#include "process/audit.h"

#include <bit>
#include <map>
#include <memory>
#include <unordered_map>

#include <fmt/format.h>
#include <xxhash.h>

#include "base/bytes.h"
#include "base/json.h"
#include "event/event.h"
#include "process/tally.h"

namespace footfall::process {
namespace {

constexpr std::size_t kChunkEntries = 50'000;
constexpr std::size_t kDifferencesMax = 20;  // for each site; the rest is counted

// The text that a row's hash is taken of, here from the record …
constexpr char kSeparator = '\x1f';
void text_of(std::string& out, std::string_view, std::string_view value) { out += value; }
void text_of(std::string& out, std::string_view, const Uuid& value) { out += value.text(); }
void text_of(std::string& out, std::string_view, std::int64_t value) { json::append_number(out, value); }
void text_of(std::string& out, std::string_view, std::uint64_t value) { json::append_number(out, value); }
void text_of(std::string& out, std::string_view, bool value) { out += value ? '1' : '0'; }
void text_of(std::string& out, std::string_view column_type, double value) {
    if (column_type == "Float32")
        json::append_number(out, std::uint64_t{std::bit_cast<std::uint32_t>(static_cast<float>(value))});
    else json::append_number(out, std::bit_cast<std::uint64_t>(value));
}
void text_of(std::string& out, std::string_view, const event::kind::map& value) {
    bool first = true;
    for (const auto& [name, text] : value) {
        if (!first) out += ',';
        first = false;
        out += name;
        out += '=';
        out += text;
    }
}
void text_of(std::string& out, std::string_view, const event::kind::ip& value) {
    out += to_hex({reinterpret_cast<const char*>(value.data()), value.size()});
}

template <bool IsDecimal, class T>
void append_value(std::string& out, std::string_view column_type, const T& value) {
    // A decimal is an integer in C++; its text is the one that the store prints.
    if constexpr (IsDecimal) out += event::format_decimal(value);
    else text_of(out, column_type, value);
}

std::string row_text(std::uint64_t offset, const event::Event& event) {
    std::string out;
    json::append_number(out, offset);
#define FOOTFALL_FIELD(name, kind_name, column_type) \
    out += kSeparator;                               \
    append_value<std::string_view(#kind_name) == "decimal">(out, column_type, event.name);
#include "event/fields.inc"
#undef FOOTFALL_FIELD
    return out;
}

// … and there by SQL over the same columns in the same order.
std::string sql_text(std::string_view kind, std::string_view name, std::string_view column_type) {
    if (kind == "time") return fmt::format("toString(toUnixTimestamp64Milli({}))", name);
    if (kind == "bool") return fmt::format("toString(toUInt8({}))", name);
    if (kind == "float")
        return fmt::format("toString({}({}))", column_type == "Float32" ? "reinterpretAsUInt32" : "reinterpretAsUInt64",
                           name);
    if (kind == "map")
        return fmt::format(
            "arrayStringConcat(arrayMap((k, v) -> concat(k, '=', v), mapKeys({0}), mapValues({0})), ',')", name);
    if (kind == "ip") return fmt::format("lower(hex({}))", name);
    return fmt::format("toString({})", name);
}

std::string row_hash_sql() {
    std::string text = "toString(log_offset)";
#define FOOTFALL_FIELD(name, kind_name, column_type) text += ", '\\x1F', " + sql_text(#kind_name, #name, column_type);
#include "event/fields.inc"
#undef FOOTFALL_FIELD
    return "xxHash64(concat(" + text + "))";
}

struct LogRow {
    std::uint64_t offset;
    std::uint64_t hash;
    std::size_t site;
};

class Auditor {
public:
    Auditor(store::Client& store, std::string site_filter)
        : store_(store), site_filter_(std::move(site_filter)), hash_sql_(row_hash_sql()) {}

    std::size_t site(std::string_view id) {
        const auto [found, added] = index_.try_emplace(std::string(id), rows_.size());
        if (added) {
            rows_.emplace_back();
            rows_.back().site_id = id;
        }
        return found->second;
    }

    Status add(const log::StoredEntry& entry) {
        if (entry.kind == log::EntryKind::kTally) {
            TRY(const Tally tally, read_tally(entry.payload));
            AuditRow& row = rows_[site(tally.website_id)];
            row.received += tally.duplicates;
            row.duplicates += tally.duplicates;
            for (const auto& [reason, count] : tally.rejected) row.rejected += count;
        } else if (entry.kind == log::EntryKind::kEvent) {
            const auto read = reader_.read(entry.payload);
            if (!read) return read.error().context(fmt::format("entry {} of the event log", entry.position.offset));
            const event::Event& event = *read;
            const std::size_t index = site(event.website_id);
            ++rows_[index].received;
            ++rows_[index].expected;
            const std::string text = row_text(entry.position.offset, event);
            chunk_.push_back({entry.position.offset, XXH64(text.data(), text.size(), 0), index});
        }
        return {};
    }

    /// Compares the rows of [first, last] with what add() saw since the last call.
    Status compare(std::uint16_t partition, std::uint64_t first, std::uint64_t last) {
        struct Sum {
            std::uint64_t rows = 0;
            std::uint64_t hash = 0;
        };
        std::map<std::size_t, Sum> expected;
        for (const LogRow& row : chunk_) {
            ++expected[row.site].rows;
            expected[row.site].hash ^= row.hash;
        }
        const std::vector<std::pair<std::string, std::string>> range = {
            {"partition", std::to_string(partition)}, {"first", std::to_string(first)}, {"last", std::to_string(last)}};
        TRY(const store::Answer answer,
            store_.query({.sql = "SELECT toString(website_id), count(), groupBitXor(" + hash_sql_ +
                                 ") FROM footfall.events "
                                 "WHERE log_partition = {partition:UInt16} AND log_offset BETWEEN {first:UInt64} AND "
                                 "{last:UInt64} GROUP BY website_id",
                          .parameters = range,
                          .timeout_ms = 120'000}));
        bool same = true;
        for (const auto& row : answer.rows) {
            const std::size_t index = site(std::get<std::string>(row.at(0)));
            const auto rows = std::get<std::uint64_t>(row.at(1));
            rows_[index].stored += rows;
            const Sum& sum = expected[index];
            same = same && sum.rows == rows && sum.hash == std::get<std::uint64_t>(row.at(2));
            expected.erase(index);
        }
        if (!same || !expected.empty()) TRY_STATUS(name_differences(range));
        chunk_.clear();
        return {};
    }

    /// Rows that no entry of the log can explain. `log_end` is read after the store was asked, since both grow.
    Status compare_outside(const log::EventLog& log) {
        TRY(const store::Answer answer, store_.query({.sql = "SELECT toString(website_id), countIf(log_partition != 0 "
                                                             "OR log_offset < {begin:UInt64}), max(log_offset) "
                                                             "FROM footfall.events GROUP BY website_id",
                                                      .parameters = {{"begin", std::to_string(log.begin().offset)}}}));
        const std::uint64_t log_end = log.end().offset;
        for (const auto& row : answer.rows) {
            const std::size_t index = site(std::get<std::string>(row.at(0)));
            const auto before = std::get<std::uint64_t>(row.at(1));
            const auto highest = std::get<std::uint64_t>(row.at(2));
            if (before > 0)
                difference(index,
                           fmt::format("{} rows from before the log's first entry {}", before, log.begin().offset));
            if (highest >= log_end)
                difference(index, fmt::format("a row at offset {} though the log ends at {}", highest, log_end));
        }
        return {};
    }

    std::vector<AuditRow> take() {
        std::vector<AuditRow> out;
        for (AuditRow& row : rows_) {
            row.ok = row.ok && row.stored == row.expected && row.received == row.stored + row.duplicates + row.erased;
            if (site_filter_.empty() || row.site_id == site_filter_) out.push_back(std::move(row));
        }
        return out;
    }

private:
    Status name_differences(const std::vector<std::pair<std::string, std::string>>& range) {
        TRY(const store::Answer answer,
            store_.query(
                {.sql =
                     "SELECT log_offset, " + hash_sql_ +
                     ", toString(website_id) FROM footfall.events "
                     "WHERE log_partition = {partition:UInt16} AND log_offset BETWEEN {first:UInt64} AND {last:UInt64}",
                 .parameters = range,
                 .timeout_ms = 120'000}));
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
        for (const LogRow& row : chunk_) {
            const auto found = stored.find(row.offset);
            if (found == stored.end()) {
                difference(row.site, fmt::format("offset {} is missing", row.offset));
                continue;
            }
            if (found->second.copies > 1)
                difference(row.site, fmt::format("offset {} is there {} times", row.offset, found->second.copies));
            if (found->second.hash != row.hash) {
                ++rows_[row.site].altered;
                difference(row.site, fmt::format("offset {} differs from its record in the log", row.offset));
            }
            stored.erase(found);
        }
        for (const auto& [offset, row] : stored)
            difference(site(row.site), fmt::format("offset {} is a row that no event of the log explains", offset));
        return {};
    }

    void difference(std::size_t index, std::string what) {
        AuditRow& row = rows_[index];
        row.ok = false;
        if (row.differences.size() < kDifferencesMax) row.differences.push_back(std::move(what));
        else if (row.differences.size() == kDifferencesMax) row.differences.push_back("… and more");
    }

    store::Client& store_;
    const std::string site_filter_;
    const std::string hash_sql_;
    event::RecordReader reader_;
    std::vector<AuditRow> rows_;
    std::unordered_map<std::string, std::size_t> index_;
    std::vector<LogRow> chunk_;
};

}  // namespace

bool AuditReport::ok() const {
    for (const AuditRow& row : rows)
        if (!row.ok) return false;
    return damage.empty();
}

std::string AuditReport::json() const {
    std::string out;
    json::Writer writer(out);
    writer.begin_array();
    for (const AuditRow& row : rows) {
        writer.begin_object();
        writer.member("site", row.site_id);
        writer.member("table", row.table);
        writer.member("received", row.received);
        writer.member("stored", row.stored);
        writer.member("duplicates", row.duplicates);
        writer.member("rejected", row.rejected);
        writer.member("erased", row.erased);
        writer.member("ok", row.ok && damage.empty());
        writer.key("differences");
        writer.begin_array();
        for (const std::string& difference : row.differences) writer.string(difference);
        for (const std::string& range : damage) writer.string(range);
        writer.end_array();
        writer.end_object();
    }
    writer.end_array();
    return out;
}

std::string AuditReport::text() const {
    std::string out = fmt::format("{:<24} {:<8} {:>12} {:>12} {:>11} {:>9} {:>7}  result\n", "site", "table",
                                  "received", "stored", "duplicates", "rejected", "erased");
    for (const AuditRow& row : rows) {
        out += fmt::format("{:<24} {:<8} {:>12} {:>12} {:>11} {:>9} {:>7}  {}\n",
                           row.site_id.empty() ? "(unknown sites)" : row.site_id, row.table, row.received, row.stored,
                           row.duplicates, row.rejected, row.erased, row.ok ? "ok" : "DIFFERS");
        for (const std::string& difference : row.differences) out += "    " + difference + "\n";
    }
    for (const std::string& range : damage) out += "damaged: " + range + "\n";
    out += fmt::format("compared every column of every row with the log up to offset {}: {}\n", end.offset,
                       ok() ? "equal" : "not equal");
    return out;
}

Result<AuditReport> run_audit(const log::EventLog& log, store::Client& store, log::Position end,
                              const std::string& site_id, const std::vector<std::string>& known_sites) {
    AuditReport report;
    report.end = end;
    Auditor auditor(store, site_id);
    for (const std::string& known : known_sites) auditor.site(known);
    TRY(const std::unique_ptr<log::LogReader> reader, log.reader(log.begin()));
    std::vector<log::StoredEntry> entries;
    while (reader->position() < end) {
        const log::Position from = reader->position();
        entries.clear();
        const std::uint64_t left = end.offset - from.offset;
        if (const Status status = reader->read(entries, std::min<std::uint64_t>(kChunkEntries, left), 64u << 20);
            !status) {
            if (status.error().code != Code::kCorrupt) return status.error();
            // The range is named below by the log's own list of damage.
            if (reader->position() == from) return status.error();
        }
        for (const log::StoredEntry& entry : entries) TRY_STATUS(auditor.add(entry));
        TRY_STATUS(auditor.compare(from.partition, from.offset, reader->position().offset - 1));
    }
    TRY_STATUS(auditor.compare_outside(log));
    for (const log::Damage& damage : log.damage())
        report.damage.push_back(
            fmt::format("log offsets {} to {} can't be read: {}", damage.first, damage.last, damage.where));
    report.rows = auditor.take();
    return report;
}

}  // namespace footfall::process
