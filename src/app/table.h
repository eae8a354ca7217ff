#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "app/args.h"
#include "base/json.h"

namespace footfall::app {

/// A value that people read as text, and programs as what it is.
using Cell = std::variant<std::string, bool, std::uint64_t>;

std::string cell_text(const Cell& cell);
void write_member(json::Writer& writer, std::string_view name, const Cell& cell);

/// Rows as an aligned table for people, or as a JSON array of objects.
class Table {
public:
    explicit Table(std::vector<std::string> columns) : columns_(std::move(columns)) {}
    void row(std::vector<Cell> cells) { rows_.push_back(std::move(cells)); }

    /// For a terminal, which no text in it can drive. `empty`: what stands there where there are no rows.
    std::string text(std::string_view empty) const;
    std::string as_json() const;
    /// As the command line asks for it (--json).
    std::string render(const Args& args, std::string_view empty) const;

private:
    std::vector<std::string> columns_;
    std::vector<std::vector<Cell>> rows_;
};

}  // namespace footfall::app
