#include "app/table.h"

#include <algorithm>

#include <fmt/format.h>

namespace footfall::app {

std::string cell_text(const Cell& cell) {
    if (const bool* const flag = std::get_if<bool>(&cell)) return *flag ? "on" : "off";
    if (const std::uint64_t* const number = std::get_if<std::uint64_t>(&cell)) return std::to_string(*number);
    return std::get<std::string>(cell);
}

void write_member(json::Writer& writer, std::string_view name, const Cell& cell) {
    std::visit([&](const auto& value) { writer.member(name, value); }, cell);
}

std::string Table::text(std::string_view empty) const {
    if (rows_.empty()) return std::string(empty) + "\n";
    std::vector<std::size_t> widths;
    for (const auto& column : columns_) widths.push_back(column.size());
    std::vector<std::vector<std::string>> rows;
    for (const auto& row : rows_) {
        auto& cells = rows.emplace_back();
        for (std::size_t i = 0; i < row.size(); ++i) {
            cells.push_back(cell_text(row[i]));
            widths[i] = std::max(widths[i], cells[i].size());
        }
    }
    std::string out;
    const auto line = [&](const std::vector<std::string>& cells) {
        for (std::size_t i = 0; i < cells.size(); ++i) {
            std::string clean;  // what a visitor or a colleague wrote must not drive the terminal
            json::append_escaped(clean, cells[i]);
            out += i + 1 < cells.size() ? fmt::format("{:<{}}  ", clean, widths[i]) : clean;
        }
        out += "\n";
    };
    line(columns_);
    for (const auto& row : rows) line(row);
    return out;
}

std::string Table::as_json() const {
    std::string out;
    json::Writer writer(out);
    writer.begin_array();
    for (const auto& row : rows_) {
        writer.begin_object();
        for (std::size_t i = 0; i < row.size(); ++i) write_member(writer, columns_[i], row[i]);
        writer.end_object();
    }
    writer.end_array();
    return out + "\n";
}

std::string Table::render(const Args& args, std::string_view empty) const {
    return args.has("--json") ? as_json() : text(empty);
}

}  // namespace footfall::app
