#include "process/event_block.h"

#include <algorithm>

#include "base/logging.h"
#include "base/metrics.h"
#include "process/sessions/session.h"

namespace footfall::process {
namespace {

// How each kind stands in its column.
void add_string(store::NativeColumn& column, std::string_view, std::string_view value) { column.add_string(value); }
void add_uuid(store::NativeColumn& column, std::string_view, const Uuid& value) { column.add_uuid(value); }
void add_time(store::NativeColumn& column, std::string_view, std::int64_t value) { column.add(value); }
void add_hash64(store::NativeColumn& column, std::string_view, std::uint64_t value) { column.add(value); }
void add_bool(store::NativeColumn& column, std::string_view, bool value) {
    column.add(static_cast<std::uint8_t>(value));
}
void add_float(store::NativeColumn& column, std::string_view column_type, double value) {
    if (column_type == "Float32") column.add(static_cast<float>(value));
    else column.add(value);
}
void add_decimal(store::NativeColumn& column, std::string_view, std::int64_t value) { column.add(value); }
void add_integer(store::NativeColumn& column, std::string_view, std::uint32_t value) { column.add(value); }
void add_map(store::NativeColumn& column, std::string_view, const event::kind::map& value) { column.add_map(value); }
void add_ip(store::NativeColumn& column, std::string_view, const event::kind::ip& value) { column.add_ipv6(value); }

metrics::Counter& unreadable_counter() {
    static metrics::Counter& counter =
        metrics::counter("footfall_loader_records_unreadable_total",
                         "Records of the log that are not ones of ours; they are in no table, and audit names them.");
    return counter;
}

}  // namespace

// Days to civil date by Howard Hinnant's algorithm.
int month_of(std::int64_t epoch_ms) {
    const std::int64_t day = (epoch_ms >= 0 ? epoch_ms : epoch_ms - 86'399'999) / 86'400'000 + 719'468;
    const std::int64_t era = (day >= 0 ? day : day - 146'096) / 146'097;
    const std::int64_t of_era = day - era * 146'097;
    const std::int64_t year_of_era = (of_era - of_era / 1'460 + of_era / 36'524 - of_era / 146'096) / 365;
    const std::int64_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    const std::int64_t shifted = (5 * of_year + 2) / 153;
    const std::int64_t month = shifted < 10 ? shifted + 3 : shifted - 9;
    return static_cast<int>((year_of_era + era * 400 + (month <= 2 ? 1 : 0)) * 100 + month);
}

EventBlock::EventBlock() {
#define FOOTFALL_FIELD(name, kind_name, column_type) columns_.emplace_back(#name, column_type);
#include "event/fields.inc"
#undef FOOTFALL_FIELD
    columns_.emplace_back("event_key", "UInt32");
    columns_.emplace_back("session_key", "UInt64");
    columns_.emplace_back("log_partition", "UInt16");
    columns_.emplace_back("log_offset", "UInt64");
}

void EventBlock::add(const event::Event& event, std::uint64_t session_key, log::Position position) {
    std::size_t column = 0;
#define FOOTFALL_FIELD(name, kind_name, column_type) add_##kind_name(columns_[column++], column_type, event.name);
#include "event/fields.inc"
#undef FOOTFALL_FIELD
    columns_[column++].add(event_key_of(event));
    columns_[column++].add(session_key);
    columns_[column++].add(position.partition);
    columns_[column].add(position.offset);
    ++rows_;
}

void EventBlock::clear() {
    for (auto& column : columns_) column.clear();
    rows_ = 0;
}

std::string_view EventBlock::bytes() {
    bytes_.clear();
    store::write_native_block(bytes_, columns_, rows_);
    return bytes_;
}

Status EventBlocks::build(std::span<const log::StoredEntry> entries, std::span<const std::uint64_t> without,
                          const AssignSession& assign_session) {
    // Months that no longer occur are dropped, so that an import of years does not leave its buffers behind.
    std::erase_if(blocks_, [](const auto& block) { return block.second.rows() == 0; });
    for (auto& [month, block] : blocks_) block.clear();
    newest_received_ms_ = 0;
    for (const log::StoredEntry& entry : entries) {
        if (entry.kind != log::EntryKind::kEvent) continue;
        const bool is_left_out = std::binary_search(without.begin(), without.end(), entry.position.offset);
        if (is_left_out && !assign_session) continue;
        const auto read = reader_.read(entry.payload);
        if (!read && read.error().field == "v") return Error(read.error());
        if (!read) {
            logging::error("loader.record_unreadable",
                           {{"offset", entry.position.offset}, {"error", read.error().message}});
            unreadable_counter().add();
            continue;
        }
        const event::Event& event = *read;
        const std::uint64_t session_key = assign_session ? assign_session(event, entry.position.offset) : 0;
        if (is_left_out) continue;
        blocks_[month_of(event.timestamp)].add(event, session_key, entry.position);
        newest_received_ms_ = std::max(newest_received_ms_, event.received_at);
    }
    return {};
}

std::size_t EventBlocks::rows() const {
    std::size_t rows = 0;
    for (const auto& [month, block] : blocks_) rows += block.rows();
    return rows;
}

const std::string& EventBlocks::insert_statement() {
    static const std::string statement = [] {
        std::string text = "INSERT INTO footfall.events (";
#define FOOTFALL_FIELD(name, kind_name, column_type) text += #name ", ";
#include "event/fields.inc"
#undef FOOTFALL_FIELD
        return text + "event_key, session_key, log_partition, log_offset) FORMAT Native";
    }();
    return statement;
}

}  // namespace footfall::process
