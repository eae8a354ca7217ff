#include "retention/kept_days.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/logging.h"
#include "process/kept_day.h"
#include "query/cells.h"
#include "query/sql.h"
#include "retention/sql.h"

namespace footfall::retention {
namespace {

constexpr int kTimeoutMs = 300'000;
/// Of an entry, before it is written as text. What reads the log holds a few of them at once.
constexpr std::size_t kPartBytes = 512 << 10;
/// So much is appended together, and put back together.
constexpr std::size_t kBytesAtOnce = 8 << 20;

/// In the order in which they are filled.
constexpr std::array<std::string_view, 5> kTables = {"rollup_days", "daily_pages", "daily_sources", "rollup_made",
                                                     "daily_made"};

store::Statement statement(std::string_view name, std::vector<std::pair<std::string, std::string>> parameters) {
    return {.sql = std::string(sql::text(name)),
            .parameters = std::move(parameters),
            .settings = {{"max_threads", "1"}},
            .timeout_ms = kTimeoutMs};
}

/// The statement that does that to that table.
std::string statement_name(std::string_view what, std::string_view table) {
    std::string name = fmt::format("{}-{}.sql", what, table);
    std::replace(name.begin(), name.end(), '_', '-');
    return name;
}

std::string_view take_text(std::string_view& in) {
    const auto size = take_varint(in);
    if (!size || *size > in.size()) {
        in = {};
        return {};
    }
    const std::string_view text = in.substr(0, static_cast<std::size_t>(*size));
    in.remove_prefix(text.size());
    return text;
}

void put_text(std::string& out, std::string_view text) {
    put_varint(out, text.size());
    out.append(text);
}

}  // namespace

/// Days that are put back together.
struct KeptDays::Tables {
    std::map<std::string_view, std::string> rows;  ///< by table: Native blocks
    std::map<std::string, std::vector<std::string>> days;
    std::size_t bytes = 0;

    /// False where it is not what read_day() made.
    bool add(std::string_view content) {
        if (content.size() < sizeof(std::uint32_t)) return false;
        const std::size_t size = content.size() - sizeof(std::uint32_t);
        if (crc32c(content.substr(0, size)) != get<std::uint32_t>(content.data() + size)) return false;
        bytes += size;
        for (std::string_view rest = content.substr(0, size); !rest.empty();) {
            const std::string_view table = take_text(rest);
            const std::string_view blocks = take_text(rest);
            // Of a later release, which has others, an older one takes what it knows.
            const auto known = std::find(kTables.begin(), kTables.end(), table);
            if (known != kTables.end()) rows[*known].append(blocks);
        }
        return true;
    }
};

KeptDays::KeptDays(store::Client& store, const log::EventLog& history, Append append)
    : store_(store), history_(history), append_(std::move(append)) {}

Result<std::vector<query::Day>> KeptDays::days_of(const std::string& site_id, const std::string& timezone,
                                                  query::Day from, query::Day before) {
    TRY(const store::Answer answer, store_.query(statement("kept-days-of.sql", {{"site", site_id},
                                                                                {"zone", timezone},
                                                                                {"from", query::day_text(from)},
                                                                                {"before", query::day_text(before)}})));
    std::vector<query::Day> days;
    for (const auto& row : answer.rows) days.push_back(query::day_of(row.at(0)));
    return days;
}

Result<std::string> KeptDays::read_day(const std::string& site_id, query::Day day) {
    std::string content;
    for (const std::string_view table : kTables) {
        TRY(const std::string rows,
            store_.fetch(statement(statement_name("kept", table), {{"site", site_id}, {"day", query::day_text(day)}})));
        if (rows.empty()) continue;
        put_text(content, table);
        put_text(content, rows);
    }
    put(content, crc32c(content));
    return content;
}

Status KeptDays::keep(const std::string& site_id, const std::string& timezone, std::span<const query::Day> days) {
    std::vector<std::string> entries;
    std::size_t bytes = 0;
    const auto append = [&]() -> Status {
        bytes = 0;
        return entries.empty() ? Status() : append_(std::exchange(entries, {}));
    };
    for (const query::Day day : days) {
        TRY(const std::string content, read_day(site_id, day));
        process::KeptDay entry{.website_id = site_id, .timezone = timezone, .day = query::day_text(day), .content = {}};
        entry.parts = (content.size() + kPartBytes - 1) / kPartBytes;
        for (entry.part = 0; entry.part < entry.parts; ++entry.part) {
            entry.content = content.substr(entry.part * kPartBytes, kPartBytes);
            entries.push_back(process::write_kept_day(entry));
            bytes += entries.back().size();
            if (bytes >= kBytesAtOnce) TRY_STATUS(append());
        }
    }
    return append();
}

Result<std::map<std::string, KeptDays::Wanted>> KeptDays::wanted_of(const catalog::Snapshot& snapshot,
                                                                    const DaysThere& there) {
    std::map<std::string, Wanted> wanted;
    for (const auto& [id, site] : snapshot.sites) {
        const auto kept = site.retention.kept.find(site.timezone);
        if (kept == site.retention.kept.end()) continue;
        TRY(const query::Zone zone, query::Zone::load(site.timezone));
        Wanted of_site{.timezone = site.timezone, .there = there(id)};
        std::erase_if(of_site.there, [&](query::Day day) { return zone.day_start_ms(day) >= kept->second.before_ms; });
        if (of_site.there.size() >= kept->second.days) continue;
        of_site.missing = kept->second.days - of_site.there.size();
        wanted.emplace(id, std::move(of_site));
    }
    return wanted;
}

Result<std::uint64_t> KeptDays::put_back(std::map<std::string, Wanted> wanted,
                                         std::span<const catalog::KeptRange> ranges) {
    std::uint64_t days = 0;
    for (const catalog::KeptRange& range : ranges) {
        TRY(const std::uint64_t of_range, put_back_range(wanted, range));
        days += of_range;
    }
    return days;
}

Result<std::uint64_t> KeptDays::put_back_range(std::map<std::string, Wanted>& wanted, const catalog::KeptRange& range) {
    std::uint64_t days = 0;
    if (range.begin >= history_.end().offset) return days;  // a log that was restored up to damage
    Tables tables;
    std::string joined;  // of a day, as far as its parts were read
    std::uint64_t next_part = 0;
    TRY(const auto reader, history_.reader({.partition = 0, .offset = range.begin}));
    std::vector<log::StoredEntry> entries;
    const auto take = [&](const log::StoredEntry& entry) -> Status {
        if (entry.kind != log::EntryKind::kKeptDay) return {};
        const auto part = process::read_kept_day(entry.payload);
        if (!part) {
            logging::warn("retention.kept_day", {{"offset", entry.position.offset}, {"error", part.error().message}});
            return {};
        }
        const auto site = wanted.find(part->website_id);
        if (site == wanted.end() || site->second.timezone != part->timezone) return {};
        const auto day = query::parse_day(part->day);
        if (!day || site->second.there.contains(*day)) return {};
        // Parts of a day follow each other; where one is lost so is the day.
        if (part->part == 0) {
            joined.clear();
            next_part = 0;
        }
        if (part->part != next_part) return {};
        joined += part->content;
        if (++next_part < part->parts) return {};
        if (!tables.add(joined)) {
            logging::warn("retention.kept_day",
                          {{"offset", entry.position.offset}, {"error", "its content is damaged"}});
            return {};
        }
        site->second.there.insert(*day);
        tables.days[part->website_id].push_back(part->day);
        ++days;
        return tables.bytes < kBytesAtOnce ? Status() : write(tables);
    };
    while (reader->position().offset < range.end) {
        entries.clear();
        const std::uint64_t from = reader->position().offset;
        const Status read = reader->read(entries, std::min<std::uint64_t>(range.end - from, 1'000), kBytesAtOnce);
        // Damage has a name of its own; reading goes on behind it.
        if (!read && (read.error().code != Code::kCorrupt || reader->position().offset == from)) return read.error();
        if (read && entries.empty()) break;
        for (const log::StoredEntry& entry : entries) TRY_STATUS(take(entry));
    }
    TRY_STATUS(write(tables));
    return days;
}

Status KeptDays::write(Tables& tables) {
    for (const auto& [site_id, days] : tables.days) {
        const std::string list = store::array_literal(days);
        for (auto table = kTables.rbegin(); table != kTables.rend(); ++table) {
            const std::vector<std::pair<std::string, std::string>> which = {
                {"table", std::string(*table)}, {"site", site_id}, {"days", list}};
            TRY(const store::Answer left_over, store_.query(statement("kept-left-over.sql", which)));
            if (query::natural_of(left_over.rows.at(0).at(0)) > 0)
                TRY_STATUS(store_.execute(statement("kept-clear.sql", which)));
        }
    }
    for (const std::string_view table : kTables) {
        const auto rows = tables.rows.find(table);
        if (rows == tables.rows.end()) continue;
        TRY_STATUS(store_.insert(sql::text(statement_name("put-back", table)), rows->second, kTimeoutMs,
                                 {{"input_format_skip_unknown_fields", "1"},
                                  {"max_partitions_per_insert_block", "0"},
                                  {"optimize_on_insert", "0"}}));
    }
    tables = {};
    return {};
}

}  // namespace footfall::retention
