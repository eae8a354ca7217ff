#include "query/answer.h"

#include <type_traits>

#include <fmt/format.h>

#include "base/json.h"

namespace footfall::query {
namespace {

class AnswerWriter {
public:
    AnswerWriter(const Plan& plan, const Zone& zone) : plan_(plan), zone_(zone), json_(out_) {}

    Result<std::string> write(const AnswerParts& parts) && {
        json_.begin_object();
        write_columns();
        TRY_STATUS(write_result(parts.current));
        json_.key("comparison");
        if (parts.previous) {
            json_.begin_object();
            write_range(*plan_.previous);
            TRY_STATUS(write_result(*parts.previous));
            json_.end_object();
        } else {
            json_.null();
        }
        write_meta(parts);
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

    // The total is the first row (sql.h); without dimensions the only row is also the total. Without any row it is that
    // of nothing.
    Status write_result(const store::Answer& answer) {
        const std::size_t width = plan_.dimensions.size() + plan_.metrics.size();
        const bool grouped = !plan_.dimensions.empty();
        if (answer.columns.size() != width + (grouped ? 1 : 0) || (answer.rows.empty() && !grouped))
            return Error(
                Code::kInternal,
                fmt::format("the store answered {} columns and {} rows where the plan has {} columns and a total",
                            answer.columns.size(), answer.rows.size(), width));
        json_.key("rows");
        json_.begin_array();
        for (std::size_t i = grouped ? 1 : 0; i < answer.rows.size(); ++i) write_row(answer.rows[i]);
        json_.end_array();
        json_.key("totals");
        json_.begin_object();
        for (std::size_t i = 0; i < plan_.metrics.size(); ++i) {
            json_.key(plan_.metrics[i].name);
            write_value(answer.rows.empty() ? of_nothing(*plan_.metrics[i].metric)
                                            : answer.rows.front()[plan_.dimensions.size() + i]);
        }
        json_.end_object();
        return {};
    }

    static store::Value of_nothing(const Metric& metric) {
        if (metric.totals == TotalsRule::kRatio) return std::monostate();
        return std::uint64_t{0};
    }

    void write_row(const std::vector<store::Value>& row) {
        json_.begin_array();
        for (std::size_t i = 0; i < plan_.dimensions.size(); ++i) {
            if (plan_.dimensions[i].dimension->type == ValueType::kTime)
                write_bucket(*plan_.dimensions[i].dimension, row[i]);
            else write_value(row[i]);
        }
        for (std::size_t i = 0; i < plan_.metrics.size(); ++i) write_value(row[plan_.dimensions.size() + i]);
        json_.end_array();
    }

    void write_bucket(const Dimension& dimension, const store::Value& value) {
        std::int64_t key = 0;
        if (const auto* integer = std::get_if<std::int64_t>(&value)) key = *integer;
        else if (const auto* natural = std::get_if<std::uint64_t>(&value)) key = static_cast<std::int64_t>(*natural);
        else return write_value(value);
        json_.string(zone_.instant_text(1000 * (dimension.granularity == "hour" ? zone_.hour_start(key) : key)));
    }

    void write_value(const store::Value& value) {
        std::visit(
            [this](const auto& held) {
                using Held = std::decay_t<decltype(held)>;
                if constexpr (std::is_same_v<Held, std::monostate>) json_.null();
                else if constexpr (std::is_same_v<Held, bool>) json_.boolean(held);
                else if constexpr (std::is_same_v<Held, std::string>) json_.string(held);
                else json_.number(held);
            },
            value);
    }

    void write_range(const Range& range) {
        json_.member("from", zone_.instant_text(range.from_ms));
        json_.member("to", zone_.instant_text(range.to_ms));
    }

    void write_meta(const AnswerParts& parts) {
        json_.key("meta");
        json_.begin_object();
        json_.member("source", plan_.source);
        json_.key("sample_rate");
        json_.raw("1.0");
        json_.key("confidence");
        json_.null();
        json_.member("cached", false);
        json_.member("took_ms", parts.took_ms);
        json_.member("rows_read", parts.current.rows_read + (parts.previous ? parts.previous->rows_read : 0));
        json_.member("as_of", parts.as_of);
        json_.key("range");
        json_.begin_object();
        write_range(plan_.range);
        json_.member("timezone", zone_.name());
        json_.end_object();
        json_.key("sql");
        if (parts.explanation) write_explanation(*parts.explanation);
        else json_.null();
        json_.end_object();
    }

    void write_explanation(const Explanation& explanation) {
        json_.string(explanation.statement.sql);
        json_.key("parameters");
        json_.begin_object();
        for (const auto& [name, value] : explanation.statement.parameters) json_.member(name, value);
        json_.end_object();
        json_.key("plan");
        json_.begin_array();
        for (const std::string& reason : plan_.reasons) json_.string(reason);
        json_.end_array();
        json_.member("rows_to_read", explanation.rows_to_read);
    }

    const Plan& plan_;
    const Zone& zone_;
    std::string out_;
    json::Writer json_;
};

}  // namespace

Result<std::string> write_answer(const Plan& plan, const Zone& zone, const AnswerParts& parts) {
    return AnswerWriter(plan, zone).write(parts);
}

}  // namespace footfall::query
