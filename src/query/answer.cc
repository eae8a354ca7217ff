#include "query/answer.h"

#include <span>
#include <type_traits>

#include <fmt/format.h>

#include "base/csv.h"
#include "base/json.h"
#include "query/sketch_error.h"

namespace footfall::query {
namespace {

// The total is the first row where there is one (sql.h); without dimensions the only row is also the total.
bool is_grouped(const Plan& plan) { return !plan.dimensions.empty(); }
std::size_t first_row(const Plan& plan) { return plan.has_total ? 1 : 0; }

std::size_t width_of(const Plan& plan) { return plan.dimensions.size() + plan.metrics.size() + first_row(plan); }

Status check_shape(const Plan& plan, const store::Answer& answer, double sample_rate = 1) {
    const std::size_t ends = sample_rate < 1 ? 2 * plan.metrics.size() : 0;
    const std::size_t width = width_of(plan) + ends;
    if (answer.columns.size() == width && (!answer.rows.empty() || is_grouped(plan))) return {};
    return Error(Code::kInternal, fmt::format("the store answered {} columns and {} rows where the plan has {} columns",
                                              answer.columns.size(), answer.rows.size(), width));
}

/// A bucket of time comes as its number, and is shown as the instant at which it starts.
store::Value instant_of(const Dimension& dimension, const Zone& zone, const store::Value& value) {
    std::int64_t key = 0;
    if (const auto* integer = std::get_if<std::int64_t>(&value)) key = *integer;
    else if (const auto* natural = std::get_if<std::uint64_t>(&value)) key = static_cast<std::int64_t>(*natural);
    else return value;
    return zone.instant_text(1000 * (dimension.granularity == "hour" ? zone.hour_start(key) : key));
}

/// Calls write(name, type, value) for each cell of a row that is shown.
template <class Write>
void for_each_cell(const Plan& plan, const Zone& zone, const std::vector<store::Value>& row, Write write) {
    for (std::size_t i = 0; i < plan.dimensions.size(); ++i) {
        const DimensionColumn& column = plan.dimensions[i];
        const ValueType type = column.dimension->type;
        if (type == ValueType::kTime) write(column.name, type, instant_of(*column.dimension, zone, row[i]));
        else write(column.name, type, row[i]);
    }
    for (std::size_t i = 0; i < plan.metrics.size(); ++i)
        write(plan.metrics[i].name, plan.metrics[i].metric->type, row[plan.dimensions.size() + i]);
}

void write_value(json::Writer& json, const store::Value& value) {
    std::visit(
        [&json](const auto& held) {
            using Held = std::decay_t<decltype(held)>;
            if constexpr (std::is_same_v<Held, std::monostate>) json.null();
            else if constexpr (std::is_same_v<Held, bool>) json.boolean(held);
            else if constexpr (std::is_same_v<Held, std::string>) json.string(held);
            else json.number(held);
        },
        value);
}

void write_range(json::Writer& json, const Zone& zone, const Range& range) {
    json.member("from", zone.instant_text(range.from_ms));
    json.member("to", zone.instant_text(range.to_ms));
}

/// What stands for a total where the store has no row.
store::Value of_nothing(const Metric& metric) {
    if (metric.totals == TotalsRule::kRatio) return std::monostate();
    // Decimals are texts, so that nobody makes a float of one by reading the answer.
    if (metric.type == ValueType::kDecimal) return std::string("0");
    return std::uint64_t{0};
}

/// How the numbers of an answer were counted.
struct Counting {
    double sample_rate = 1;
    bool is_of_sketches = false;

    bool is_estimate() const { return sample_rate < 1 || is_of_sketches; }
};

/// Of each metric of a row; of a sample they are in its columns (sampled_sql.h).
std::vector<Interval> intervals_of(const Plan& plan, const Counting& counting, const std::vector<store::Value>& row) {
    const std::size_t count = plan.metrics.size();
    const std::span<const store::Value> values = std::span(row).subspan(plan.dimensions.size());
    if (counting.is_of_sketches) return intervals_of_sketches(plan, values.first(count));
    std::vector<Interval> intervals;
    for (std::size_t k = 0; k < count; ++k) intervals.push_back({values[count + k], values[2 * count + k]});
    return intervals;
}

void write_interval(json::Writer& json, const Interval& interval) {
    const auto is_null = [](const store::Value& end) { return std::holds_alternative<std::monostate>(end); };
    if (is_null(interval.lower) || is_null(interval.upper)) return json.null();
    json.begin_array();
    write_value(json, interval.lower);
    write_value(json, interval.upper);
    json.end_array();
}

/// Null where there are no totals, and of a sample without a row, which tells nothing of those outside.
void write_intervals_of_totals(json::Writer& json, const Plan& plan, const store::Answer& answer,
                               const Counting& counting) {
    const bool has_row = !answer.rows.empty();
    if ((is_grouped(plan) && !plan.has_total) || (!has_row && !counting.is_of_sketches)) return json.null();
    std::vector<Interval> intervals;
    if (has_row) intervals = intervals_of(plan, counting, answer.rows.front());
    else
        for (const MetricColumn& column : plan.metrics)
            intervals.push_back({of_nothing(*column.metric), of_nothing(*column.metric)});
    json.begin_object();
    for (std::size_t k = 0; k < plan.metrics.size(); ++k) {
        json.key(plan.metrics[k].name);
        write_interval(json, intervals[k]);
    }
    json.end_object();
}

/// Members `sample_rate` and `confidence`.
void write_confidence(json::Writer& json, const Plan& plan, const store::Answer& answer, const Counting& counting) {
    json.key("sample_rate");
    if (counting.sample_rate < 1) json.number(counting.sample_rate);
    else json.raw("1.0");
    json.key("confidence");
    if (!counting.is_estimate()) return json.null();
    json.begin_object();
    json.key("level");
    json.raw("0.95");
    json.key("rows");
    json.begin_array();
    for (std::size_t i = first_row(plan); i < answer.rows.size(); ++i) {
        json.begin_array();
        for (const Interval& interval : intervals_of(plan, counting, answer.rows[i])) write_interval(json, interval);
        json.end_array();
    }
    json.end_array();
    json.key("totals");
    write_intervals_of_totals(json, plan, answer, counting);
    json.end_object();
}

void write_explanation(json::Writer& json, const Explanation& explanation) {
    json.string(explanation.statement.sql);
    json.key("parameters");
    json.begin_object();
    for (const auto& [name, value] : explanation.statement.parameters) json.member(name, value);
    json.end_object();
    json.key("plan");
    json.begin_array();
    for (const std::string& reason : explanation.reasons) json.string(reason);
    json.end_array();
    json.member("rows_to_read", explanation.rows_to_read);
}

class AnswerWriter {
public:
    AnswerWriter(const Plan& plan, const Zone& zone) : plan_(plan), zone_(zone), json_(out_) {}

    Result<std::string> write(const AnswerParts& parts) && {
        json_.begin_object();
        write_columns();
        TRY_STATUS(write_result(parts.current, parts.sample_rate));
        json_.key("comparison");
        if (parts.previous) {
            json_.begin_object();
            write_range(json_, zone_, *plan_.previous);
            TRY_STATUS(write_result(*parts.previous, parts.previous_sample_rate));
            const Counting counting{parts.previous_sample_rate, parts.previous_is_of_sketches};
            if (counting.is_estimate()) write_confidence(json_, plan_, *parts.previous, counting);
            json_.end_object();
        } else {
            json_.null();
        }
        write_meta(json_, plan_, zone_, parts);
        json_.end_object();
        return std::move(out_);
    }

private:
    void write_columns() {
        json_.key("columns");
        json_.begin_array();
        for (const auto& column : plan_.dimensions) write_column(column.name, column.dimension->type, "dimension");
        for (const auto& column : plan_.metrics) write_column(column.name, column.metric->type, "metric");
        json_.end_array();
    }

    void write_column(const std::string& name, ValueType type, const char* role) {
        json_.begin_object();
        json_.member("name", name);
        json_.member("type", value_type_name(type));
        json_.member("role", role);
        json_.end_object();
    }

    // Without any row the total is that of nothing.
    Status write_result(const store::Answer& answer, double sample_rate) {
        TRY_STATUS(check_shape(plan_, answer, sample_rate));
        json_.key("rows");
        json_.begin_array();
        for (std::size_t i = first_row(plan_); i < answer.rows.size(); ++i)
            write_cells(json_, plan_, zone_, answer.rows[i]);
        json_.end_array();
        json_.key("totals");
        if (is_grouped(plan_) && !plan_.has_total) {
            json_.null();
            return {};
        }
        json_.begin_object();
        for (std::size_t i = 0; i < plan_.metrics.size(); ++i) {
            json_.key(plan_.metrics[i].name);
            write_value(json_, answer.rows.empty() ? of_nothing(*plan_.metrics[i].metric)
                                                   : answer.rows.front()[plan_.dimensions.size() + i]);
        }
        json_.end_object();
        return {};
    }

    const Plan& plan_;
    const Zone& zone_;
    std::string out_;
    json::Writer json_;
};

// What is not there is an empty field. Numbers and times are ours.
void append_field(std::string& out, ValueType type, const store::Value& value) {
    if (std::holds_alternative<std::monostate>(value)) return;
    const auto* text = std::get_if<std::string>(&value);
    if (text == nullptr) {
        json::Writer json(out);
        return write_value(json, value);
    }
    if (type == ValueType::kString) csv::append_text(out, *text);
    else csv::append_own(out, *text);
}

}  // namespace

void write_meta(json::Writer& json, const Plan& plan, const Zone& zone, const AnswerParts& parts) {
    json.key("meta");
    json.begin_object();
    json.member("source", parts.source);
    write_confidence(json, plan, parts.current, {parts.sample_rate, parts.is_of_sketches});
    json.member("cached", parts.is_cached);
    json.member("took_ms", parts.took_ms);
    json.member("rows_read", parts.current.rows_read + (parts.previous ? parts.previous->rows_read : 0));
    json.member("as_of", parts.as_of);
    if (!plan.running.empty()) json.member("running", plan.running);
    if (!parts.events_from.empty()) json.member("events_from", parts.events_from);
    if (parts.days_missing > 0) json.member("days_missing", parts.days_missing);
    json.key("range");
    json.begin_object();
    write_range(json, zone, plan.range);
    json.member("timezone", zone.name());
    json.end_object();
    json.key("sql");
    if (parts.explanation) write_explanation(json, *parts.explanation);
    else json.null();
    json.end_object();
}

void write_cells(json::Writer& json, const Plan& plan, const Zone& zone, const std::vector<store::Value>& row) {
    json.begin_array();
    for_each_cell(plan, zone, row,
                  [&json](const std::string&, ValueType, const store::Value& value) { write_value(json, value); });
    json.end_array();
}

Status check_rows(const Plan& plan, const store::Answer& answer) { return check_shape(plan, answer); }

Result<std::string> write_answer(const Plan& plan, const Zone& zone, const AnswerParts& parts) {
    return AnswerWriter(plan, zone).write(parts);
}

Status check_columns(const Plan& plan, std::size_t columns) {
    if (columns == width_of(plan)) return {};
    return Error(Code::kInternal,
                 fmt::format("the store has {} columns where the plan has {}", columns, width_of(plan)));
}

RowsWriter::RowsWriter(const Plan& plan, const Zone& zone, Format format) : plan_(plan), zone_(zone), format_(format) {
    if (format_ != Format::kCsv) return;
    for (const auto& column : plan.dimensions) add_field(ValueType::kString, column.name);
    for (const auto& column : plan.metrics) add_field(ValueType::kString, column.name);
    end_record();
}

void RowsWriter::add_field(ValueType type, const store::Value& value) {
    append_field(record_, type, value);
    record_ += ',';
}

void RowsWriter::end_record() {
    record_.pop_back();
    // A single empty field would be an empty line, which readers skip.
    text_ += record_.empty() ? "\"\"" : record_;
    text_ += "\r\n";
    record_.clear();
}

void RowsWriter::add(const std::vector<store::Value>& row) {
    if (format_ == Format::kCsv) {
        for_each_cell(plan_, zone_, row, [this](const std::string&, ValueType type, const store::Value& value) {
            add_field(type, value);
        });
        return end_record();
    }
    json::Writer json(text_);
    json.begin_object();
    for_each_cell(plan_, zone_, row, [&json](const std::string& name, ValueType, const store::Value& value) {
        json.key(name);
        write_value(json, value);
    });
    json.end_object();
    text_ += '\n';
}

Result<std::string> write_rows(const Plan& plan, const Zone& zone, const store::Answer& answer, Format format) {
    TRY_STATUS(check_shape(plan, answer));
    RowsWriter writer(plan, zone, format);
    for (std::size_t i = first_row(plan); i < answer.rows.size(); ++i) writer.add(answer.rows[i]);
    return std::move(writer.text());
}

}  // namespace footfall::query
