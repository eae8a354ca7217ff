#include "process/archive/archive_file.h"

#include <algorithm>
#include <numeric>
#include <tuple>
#include <utility>

#include "parquet/parquet.h"
#include "process/erased.h"
#include "process/tally.h"

namespace footfall::process::archive {
namespace {

using parquet::Column;
using parquet::ColumnSpec;
using parquet::Type;

/// Rows of a row group: what a reader has in memory at once.
constexpr std::size_t kGroupRows = 65'536;

constexpr Type type_of_string = Type::kText;
constexpr Type type_of_uuid = Type::kText;
constexpr Type type_of_time = Type::kTimestampMs;
constexpr Type type_of_hash64 = Type::kUInt64;
constexpr Type type_of_integer = Type::kUInt64;
constexpr Type type_of_bool = Type::kBool;
constexpr Type type_of_float = Type::kDouble;
constexpr Type type_of_decimal = Type::kDecimal4;
constexpr Type type_of_map = Type::kTextMap;
constexpr Type type_of_ip = Type::kText;

const std::vector<ColumnSpec>& event_columns() {
    static const std::vector<ColumnSpec> columns = {
#define FOOTFALL_FIELD(name, kind_name, column_type) {#name, type_of_##kind_name},
#include "event/fields.inc"
#undef FOOTFALL_FIELD
        {"log_partition", Type::kUInt64},
        {"log_offset", Type::kUInt64},
        {"record", Type::kText},
    };
    return columns;
}

const std::vector<ColumnSpec>& entry_columns() {
    static const std::vector<ColumnSpec> columns = {{"log_partition", Type::kUInt64},
                                                    {"log_offset", Type::kUInt64},
                                                    {"kind", Type::kText},
                                                    {"payload", Type::kText}};
    return columns;
}

constexpr std::pair<log::EntryKind, std::string_view> kKinds[] = {{log::EntryKind::kEvent, "event"},
                                                                  {log::EntryKind::kTally, "tally"},
                                                                  {log::EntryKind::kErased, "erased"},
                                                                  {log::EntryKind::kKeptDay, "kept_day"}};

std::string_view kind_name(log::EntryKind kind) {
    for (const auto& [value, name] : kKinds)
        if (value == kind) return name;
    return "other";
}

std::size_t column_at(const std::vector<ColumnSpec>& columns, std::string_view name) {
    const auto found =
        std::find_if(columns.begin(), columns.end(), [&](const ColumnSpec& c) { return c.name == name; });
    return static_cast<std::size_t>(found - columns.begin());
}

// How each kind goes into its column, and comes out of it.
void add_string(Column& column, std::string_view value) { column.texts.add(value); }
void add_uuid(Column& column, const Uuid& value) {
    if (value.is_nil()) return column.texts.add({});
    char text[36];
    value.write(text);
    column.texts.add({text, sizeof text});
}
void add_time(Column& column, std::int64_t value) { column.integers.push_back(value); }
void add_hash64(Column& column, std::uint64_t value) { column.integers.push_back(static_cast<std::int64_t>(value)); }
void add_integer(Column& column, std::uint32_t value) { column.integers.push_back(value); }
void add_bool(Column& column, bool value) { column.integers.push_back(value ? 1 : 0); }
void add_float(Column& column, double value) { column.reals.push_back(value); }
void add_decimal(Column& column, std::int64_t value) { column.integers.push_back(value); }
void add_map(Column& column, const event::kind::map& value) {
    for (std::size_t i = 0; i < value.size(); ++i) {
        // Of a name that stands twice the first counts, as in the store; readers want each once.
        const bool is_again = std::any_of(value.begin(), value.begin() + static_cast<std::ptrdiff_t>(i),
                                          [&](const auto& pair) { return pair.first == value[i].first; });
        if (is_again) continue;
        column.texts.add(value[i].first);
        column.map_values.add(value[i].second);
    }
    column.map_ends.push_back(static_cast<std::uint32_t>(column.texts.size()));
}
void add_ip(Column& column, const event::kind::ip& value) { column.texts.add(event::format_ip(value)); }

struct Get {
    const Column& column;
    std::size_t row;
    bool ok = true;

    void string(std::string_view& out) { out = column.texts[row]; }
    void uuid(Uuid& out) {
        const std::string_view text = column.texts[row];
        if (text.empty()) return;
        const auto value = parse_uuid(text);
        if (value) out = *value;
        else ok = false;
    }
    void time(std::int64_t& out) { out = column.integers[row]; }
    void hash64(std::uint64_t& out) { out = static_cast<std::uint64_t>(column.integers[row]); }
    void integer(std::uint32_t& out) { out = static_cast<std::uint32_t>(column.integers[row]); }
    void flag(bool& out) { out = column.integers[row] != 0; }
    void real(double& out) { out = column.reals[row]; }
    void decimal(std::int64_t& out) { out = column.integers[row]; }
    void map(event::kind::map& out) {
        for (std::uint32_t i = row == 0 ? 0 : column.map_ends[row - 1]; i < column.map_ends[row]; ++i)
            out.emplace_back(column.texts[i], column.map_values[i]);
    }
    void ip(event::kind::ip& out) {
        const std::string_view text = column.texts[row];
        if (text.empty()) return;
        const auto value = event::parse_ip(text);
        if (value) out = *value;
        else ok = false;
    }
};

/// The rows of a column in another order.
Column gather(const Column& from, Type type, const std::uint32_t* rows, std::size_t count) {
    Column out;
    for (std::size_t i = 0; i < count; ++i) {
        const std::uint32_t row = rows[i];
        switch (type) {
            case Type::kText: out.texts.add(from.texts[row]); break;
            case Type::kDouble: out.reals.push_back(from.reals[row]); break;
            case Type::kTextMap:
                for (std::uint32_t at = row == 0 ? 0 : from.map_ends[row - 1]; at < from.map_ends[row]; ++at) {
                    out.texts.add(from.texts[at]);
                    out.map_values.add(from.map_values[at]);
                }
                out.map_ends.push_back(static_cast<std::uint32_t>(out.texts.size()));
                break;
            default: out.integers.push_back(from.integers[row]);
        }
    }
    return out;
}

std::string file_of(const std::vector<ColumnSpec>& specs, const std::vector<Column>& columns,
                    const std::vector<std::uint32_t>& rows, std::vector<std::string> sorted_by) {
    parquet::Writer writer(specs, std::move(sorted_by), {{"footfall_archive", std::to_string(kFormat)}});
    for (std::size_t from = 0; from < rows.size(); from += kGroupRows) {
        const std::size_t count = std::min(kGroupRows, rows.size() - from);
        writer.add_row_group(
            count, [&](std::size_t n) { return gather(columns[n], specs[n].type, rows.data() + from, count); });
    }
    return writer.finish();
}

}  // namespace

struct FileBuilder::State {
    std::vector<Column> events{event_columns().size()};
    std::vector<Column> entries{entry_columns().size()};
    std::size_t bytes = 0;
    Counts counts;
    event::RecordReader records;
    std::string again;

    /// False: no record of ours, which is kept as it is.
    Result<bool> add_event(const log::StoredEntry& entry) {
        const auto read = records.read(entry.payload);
        if (!read && read.error().field == "v") return Error(read.error());
        if (!read) return false;
        const event::Event& event = *read;
        std::size_t n = 0;
#define FOOTFALL_FIELD(name, kind_name, column_type) add_##kind_name(events[n++], event.name);
#include "event/fields.inc"
#undef FOOTFALL_FIELD
        add_hash64(events[n++], entry.position.partition);
        add_hash64(events[n++], entry.position.offset);
        // As it will be read: a property that stands twice is not in the columns.
        event::Event columns = event;
        std::erase_if(columns.properties, [&, i = std::size_t{0}](const auto& pair) mutable {
            const auto first = std::find_if(event.properties.begin(), event.properties.end(),
                                            [&](const auto& other) { return other.first == pair.first; });
            return static_cast<std::size_t>(first - event.properties.begin()) != i++;
        });
        again.clear();
        event::write_record(columns, again);
        events[n].texts.add(again == entry.payload ? std::string_view() : entry.payload);
        ++counts.events;
        ++counts.sites[std::string(event.website_id)].events;
        note_event(entry.position.offset, event.event_id);
        return true;
    }

    void note_event(std::uint64_t offset, const Uuid& id) {
        counts.last_event_offset = offset;
        counts.last_event_id = id.text();
    }

    void count(const log::StoredEntry& entry) {
        if (entry.kind == log::EntryKind::kTally) {
            const auto tally = read_tally(entry.payload);
            if (!tally) return;  // the loader names it
            SiteCounts& site = counts.sites[tally->website_id];
            site.duplicates += tally->duplicates;
            for (const auto& [reason, number] : tally->rejected) site.rejected[reason] += number;
        } else if (entry.kind == log::EntryKind::kErased) {
            const auto erased = read_erased(entry.payload);
            if (!erased || erased->kind != log::EntryKind::kEvent) return;
            ++counts.sites[erased->website_id].erased_events;
            note_event(entry.position.offset, erased->event_id);
        }
    }
};

FileBuilder::FileBuilder() : state_(std::make_unique<State>()) {}
FileBuilder::~FileBuilder() = default;

Status FileBuilder::add(const log::StoredEntry& entry) {
    State& state = *state_;
    if (entry.kind == log::EntryKind::kRejected) {
        ++state.counts.rejected_samples;
        return {};
    }
    state.bytes += entry.payload.size();
    ++state.counts.entries;
    if (entry.kind == log::EntryKind::kEvent) {
        TRY(const bool is_ours, state.add_event(entry));
        if (is_ours) return {};
    }
    state.count(entry);
    add_hash64(state.entries[0], entry.position.partition);
    add_hash64(state.entries[1], entry.position.offset);
    state.entries[2].texts.add(kind_name(entry.kind));
    state.entries[3].texts.add(entry.payload);
    return {};
}

std::size_t FileBuilder::bytes() const { return state_->bytes; }
const Counts& FileBuilder::counts() const { return state_->counts; }

FileContent FileBuilder::finish() {
    State& state = *state_;
    FileContent content;
    static const std::size_t site_at = column_at(event_columns(), "website_id");
    static const std::size_t time_at = column_at(event_columns(), "timestamp");
    static const std::size_t offset_at = column_at(event_columns(), "log_offset");
    const Column& sites = state.events[site_at];
    const Column& times = state.events[time_at];
    const Column& offsets = state.events[offset_at];
    std::vector<std::uint32_t> rows(sites.texts.size());
    std::iota(rows.begin(), rows.end(), 0u);
    std::sort(rows.begin(), rows.end(), [&](std::uint32_t a, std::uint32_t b) {
        return std::tuple(sites.texts[a], times.integers[a], offsets.integers[a]) <
               std::tuple(sites.texts[b], times.integers[b], offsets.integers[b]);
    });
    if (!rows.empty())
        content.events = file_of(event_columns(), state.events, rows, {"website_id", "timestamp", "log_offset"});
    rows.resize(state.entries[1].integers.size());
    std::iota(rows.begin(), rows.end(), 0u);
    if (!rows.empty()) content.entries = file_of(entry_columns(), state.entries, rows, {"log_offset"});
    return content;
}

namespace {

/// Where an entry stands.
struct Place {
    std::uint64_t offset;
    std::uint32_t group;
    std::uint32_t row;
    bool is_event;
};

/// A file's columns, of each row group.
Result<std::vector<std::vector<Column>>> read_groups(std::string_view file, const std::vector<ColumnSpec>& specs) {
    std::vector<std::vector<Column>> groups;
    if (file.empty()) return groups;
    TRY(const parquet::Reader reader, parquet::Reader::open(file));
    for (std::size_t group = 0; group < reader.row_groups(); ++group) {
        std::vector<Column> columns;
        for (const ColumnSpec& spec : specs) {
            auto column = reader.read(group, spec);
            // A field that came with a later release is what it is in an older record: not there.
            if (!column && column.error().code == Code::kNotFound) {
                column = Column();
                const std::size_t rows = reader.rows(group);
                column->integers.resize(rows);
                column->reals.resize(rows);
                column->map_ends.resize(rows);
                for (std::size_t i = 0; i < rows; ++i) column->texts.add({});
            }
            if (!column) return column.error();
            columns.push_back(std::move(*column));
        }
        groups.push_back(std::move(columns));
    }
    return groups;
}

Status read_record(const std::vector<Column>& columns, std::size_t row, std::string& out) {
    static const std::size_t record_at = column_at(event_columns(), "record");
    out.clear();
    if (const std::string_view record = columns[record_at].texts[row]; !record.empty()) {
        out = record;
        return {};
    }
    event::Event event;
    std::size_t n = 0;
    bool ok = true;
#define FOOTFALL_GET_string(get, to) get.string(to)
#define FOOTFALL_GET_uuid(get, to) get.uuid(to)
#define FOOTFALL_GET_time(get, to) get.time(to)
#define FOOTFALL_GET_hash64(get, to) get.hash64(to)
#define FOOTFALL_GET_integer(get, to) get.integer(to)
#define FOOTFALL_GET_bool(get, to) get.flag(to)
#define FOOTFALL_GET_float(get, to) get.real(to)
#define FOOTFALL_GET_decimal(get, to) get.decimal(to)
#define FOOTFALL_GET_map(get, to) get.map(to)
#define FOOTFALL_GET_ip(get, to) get.ip(to)
#define FOOTFALL_FIELD(name, kind_name, column_type) \
    {                                                \
        Get get{.column = columns[n++], .row = row}; \
        FOOTFALL_GET_##kind_name(get, event.name);   \
        ok = ok && get.ok;                           \
    }
#include "event/fields.inc"
#undef FOOTFALL_FIELD
    if (!ok) return Error(Code::kCorrupt, "an event of the archive has a wrong value");
    event::write_record(event, out);
    return {};
}

}  // namespace

Status read_entries(const FileContent& content, const std::function<Status(const log::StoredEntry& entry)>& take) {
    TRY(const auto events, read_groups(content.events, event_columns()));
    TRY(const auto entries, read_groups(content.entries, entry_columns()));
    static const std::size_t event_offset = column_at(event_columns(), "log_offset");
    static const std::size_t event_partition = column_at(event_columns(), "log_partition");
    std::vector<Place> places;
    // The entries first: of two of one offset the first counts.
    for (const bool is_event : {false, true}) {
        const auto& groups = is_event ? events : entries;
        for (std::uint32_t group = 0; group < groups.size(); ++group) {
            const Column& offsets = groups[group][is_event ? event_offset : 1];
            for (std::uint32_t row = 0; row < offsets.integers.size(); ++row)
                places.push_back({static_cast<std::uint64_t>(offsets.integers[row]), group, row, is_event});
        }
    }
    std::stable_sort(places.begin(), places.end(), [](const auto& a, const auto& b) { return a.offset < b.offset; });
    std::string record;
    for (std::size_t i = 0; i < places.size(); ++i) {
        const Place& place = places[i];
        if (i > 0 && places[i - 1].offset == place.offset) continue;
        const std::vector<Column>& columns = (place.is_event ? events : entries)[place.group];
        log::StoredEntry entry;
        const Column& partitions = columns[place.is_event ? event_partition : 0];
        entry.position = {.partition = static_cast<std::uint16_t>(partitions.integers[place.row]),
                          .offset = place.offset};
        if (place.is_event) {
            TRY_STATUS(read_record(columns, place.row, record));
            entry.kind = log::EntryKind::kEvent;
            entry.payload = record;
        } else {
            const auto kind = std::find_if(std::begin(kKinds), std::end(kKinds), [&](const auto& known) {
                return known.second == columns[2].texts[place.row];
            });
            if (kind == std::end(kKinds)) return Error(Code::kUnsupported, "the archive has an entry of a newer kind");
            entry.kind = kind->first;
            entry.payload = columns[3].texts[place.row];
        }
        TRY_STATUS(take(entry));
    }
    return {};
}

}  // namespace footfall::process::archive
