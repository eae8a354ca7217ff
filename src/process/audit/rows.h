#pragma once

#include <bit>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/bytes.h"
#include "base/json.h"
#include "base/uuid.h"
#include "event/event.h"
#include "process/audit.h"

namespace footfall::process {

/// The rows of the report for one table, one a site, in the order in which the sites were met.
class AuditRows {
public:
    static constexpr std::size_t kDifferencesMax = 20;  ///< named for each site; the rest is counted

    explicit AuditRows(std::string table) : table_(std::move(table)) {}

    std::size_t index_of(std::string_view site_id);
    AuditRow& operator[](std::size_t index) { return rows_[index]; }
    AuditRow& of(std::string_view site_id) { return rows_[index_of(site_id)]; }
    void difference(std::size_t index, std::string what);
    /// With the verdict of each.
    std::vector<AuditRow> take();

private:
    const std::string table_;
    std::vector<AuditRow> rows_;
    std::unordered_map<std::string, std::size_t> index_;
};

/// The text that a row's hash is taken of: the values of its columns with kRowSeparator between them. Here from a
/// value …
inline constexpr char kRowSeparator = '\x1f';
inline void append_row_text(std::string& out, std::string_view, std::string_view value) { out += value; }
inline void append_row_text(std::string& out, std::string_view, const Uuid& value) { out += value.text(); }
inline void append_row_text(std::string& out, std::string_view, std::int64_t value) { json::append_number(out, value); }
inline void append_row_text(std::string& out, std::string_view, std::uint64_t value) {
    json::append_number(out, value);
}
inline void append_row_text(std::string& out, std::string_view, std::uint32_t value) {
    json::append_number(out, std::uint64_t{value});
}
inline void append_row_text(std::string& out, std::string_view, bool value) { out += value ? '1' : '0'; }
inline void append_row_text(std::string& out, std::string_view column_type, double value) {
    if (column_type == "Float32")
        json::append_number(out, std::uint64_t{std::bit_cast<std::uint32_t>(static_cast<float>(value))});
    else json::append_number(out, std::bit_cast<std::uint64_t>(value));
}
void append_row_text(std::string& out, std::string_view column_type, const event::kind::map& value);
void append_row_text(std::string& out, std::string_view column_type, const event::kind::ip& value);

/// … and there by SQL, for a column of that name and type.
std::string row_text_sql(std::string_view name, std::string_view column_type);

/// The hash of such a text, and its SQL from those of the columns.
std::uint64_t row_hash(std::string_view text);
std::string row_hash_sql(std::span<const std::string> texts);

/// The visitors that one pass of the audit looks at. `pass` counts from 0.
struct Pass {
    std::uint64_t pass = 0;
    std::uint64_t passes = 1;
    std::int64_t ids_from_ms = 0;  ///< events of before may have lost their ids in the table
    std::uint16_t partition = 0;   ///< of the log
    bool is_one_of_several = false;
    bool has_sessions = true;  ///< the log has all that sessions are made of
    bool holds(std::uint64_t visitor_id) const { return visitor_id % passes == pass; }
};

}  // namespace footfall::process
