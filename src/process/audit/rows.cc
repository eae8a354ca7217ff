#include "process/audit/rows.h"

#include <fmt/format.h>
#include <xxhash.h>

namespace footfall::process {

std::size_t AuditRows::index_of(std::string_view site_id) {
    const auto [found, added] = index_.try_emplace(std::string(site_id), rows_.size());
    if (added) {
        rows_.emplace_back();
        rows_.back().site_id = site_id;
        rows_.back().table = table_;
    }
    return found->second;
}

void AuditRows::difference(std::size_t index, std::string what) {
    AuditRow& row = rows_[index];
    row.ok = false;
    if (row.differences.size() < kDifferencesMax) row.differences.push_back(std::move(what));
    else if (row.differences.size() == kDifferencesMax) row.differences.push_back("… and more");
}

std::vector<AuditRow> AuditRows::take() {
    for (AuditRow& row : rows_)
        row.ok = row.ok && row.stored == row.expected &&
                 row.received == row.stored + row.duplicates + row.erased + row.expired;
    return std::move(rows_);
}

void append_row_text(std::string& out, std::string_view, const event::kind::map& value) {
    bool first = true;
    for (const auto& [name, text] : value) {
        if (!first) out += ',';
        first = false;
        out += name;
        out += '=';
        out += text;
    }
}

void append_row_text(std::string& out, std::string_view, const event::kind::ip& value) {
    out += to_hex({reinterpret_cast<const char*>(value.data()), value.size()});
}

std::string row_text_sql(std::string_view name, std::string_view column_type) {
    if (column_type.starts_with("DateTime64")) return fmt::format("toString(toUnixTimestamp64Milli({}))", name);
    if (column_type == "Bool") return fmt::format("toString(toUInt8({}))", name);
    if (column_type == "Float32") return fmt::format("toString(reinterpretAsUInt32({}))", name);
    if (column_type == "Float64") return fmt::format("toString(reinterpretAsUInt64({}))", name);
    if (column_type.starts_with("Map"))
        return fmt::format(
            "arrayStringConcat(arrayMap((k, v) -> concat(k, '=', toString(v)), mapKeys({0}), mapValues({0})), ',')",
            name);
    if (column_type == "IPv6") return fmt::format("lower(hex({}))", name);
    return fmt::format("toString({})", name);
}

std::uint64_t row_hash(std::string_view text) { return XXH64(text.data(), text.size(), 0); }

std::string row_hash_sql(std::span<const std::string> texts) {
    return fmt::format("xxHash64(concat({}))", fmt::join(texts, ", '\\x1F', "));
}

}  // namespace footfall::process
