#include "query/encoded_rows.h"

#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "base/json.h"
#include "query/answer.h"

namespace footfall::query {
namespace {

std::string_view engine_name(Format format) {
    switch (format) {
        case Format::kArrow: return "Arrow";
        case Format::kArrowStream: return "ArrowStream";
        case Format::kParquet: return "Parquet";
        default: break;
    }
    FOOTFALL_CHECK(false);  // is_encoded_by_store() says which
    return {};
}

/// A name as the engine reads it between backticks.
std::string quoted(std::string_view name) {
    std::string text = "`";
    for (const char c : name) {
        if (c == '`' || c == '\\') text += '\\';
        text += c;
    }
    return text + '`';
}

std::string type_of(ValueType type, const Zone& zone) {
    switch (type) {
        case ValueType::kString: return "String";
        case ValueType::kInteger: return "Nullable(Int64)";
        case ValueType::kNumber: return "Nullable(Float64)";
        case ValueType::kDecimal: return "Nullable(Decimal(38, 4))";
        case ValueType::kDate: return "Nullable(Date32)";
        case ValueType::kTime: return fmt::format("Nullable(DateTime64(3, '{}'))", zone.name());
    }
    FOOTFALL_CHECK(false);  // every type was met
    return {};
}

std::string structure_of(const Plan& plan, const Zone& zone) {
    std::vector<std::string> columns;
    const auto add = [&](const std::string& name, ValueType type) {
        columns.push_back(fmt::format("{} {}", quoted(name), type_of(type, zone)));
    };
    for (const auto& column : plan.dimensions) add(column.name, column.dimension->type);
    for (const auto& column : plan.metrics) add(column.name, column.metric->type);
    return fmt::format("{}", fmt::join(columns, ", "));
}

std::size_t width_of(const Plan& plan) { return plan.dimensions.size() + plan.metrics.size(); }

}  // namespace

bool is_encoded_by_store(Format format) {
    return format == Format::kArrow || format == Format::kArrowStream || format == Format::kParquet;
}

store::Statement compose_encoding(const Plan& plan, const Zone& zone, const store::Answer& answer, Format format,
                                  int timeout_ms) {
    std::string rows;
    const bool is_empty = answer.rows.size() <= (plan.has_total ? 1u : 0u);
    // Of no row at all the engine does not know the columns: it reads one and gives none.
    if (is_empty) rows = fmt::format("[{}]\n", fmt::join(std::vector<std::string>(width_of(plan), "null"), ","));
    for (std::size_t i = plan.has_total ? 1 : 0; i < answer.rows.size(); ++i) {
        json::Writer json(rows);
        write_cells(json, plan, zone, answer.rows[i]);
        rows += '\n';
    }
    return {.sql = fmt::format("SELECT * FROM format('JSONCompactEachRow', {{structure:String}}, {{rows:String}}){}\n"
                               "FORMAT {}",
                               is_empty ? "\nLIMIT 0" : "", engine_name(format)),
            .parameters = {{"structure", structure_of(plan, zone)}, {"rows", std::move(rows)}},
            .settings = {{"date_time_input_format", "best_effort"},
                         // What every reader knows: not all have Arrow's compression, or Parquet's newer codecs.
                         {"output_format_arrow_compression_method", "none"},
                         {"output_format_parquet_compression_method", "snappy"}},
            .timeout_ms = timeout_ms};
}

}  // namespace footfall::query
