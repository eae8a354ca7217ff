#include "query/sql.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace footfall::query {
namespace {

// Text of a statement whose values become parameters as they are met.
class Composer {
public:
    Composer(const Plan& plan, const Zone& zone) : plan_(plan), zone_(zone) {}

    /// A reference to a parameter of that value; the same type and value is bound once.
    std::string bind(std::string_view type, std::string_view value) {
        for (const Bound& bound : bound_)
            if (bound.name.starts_with('p') && bound.type == type && bound.value == value)
                return reference(bound.name, type);
        return bind_as(fmt::format("p{}", ++unnamed_), type, value);
    }
    /// The same under a name that a reader of the statement recognises. Such a parameter is the planner's own: it is
    /// bound once.
    std::string bind_as(std::string_view name, std::string_view type, std::string_view value) {
        if (std::none_of(bound_.begin(), bound_.end(), [&](const Bound& bound) { return bound.name == name; }))
            bound_.push_back({std::string(name), std::string(type), std::string(value)});
        return reference(name, type);
    }

    std::string dimension(const DimensionColumn& column) {
        std::string text = expression(column.dimension->sources);
        fill(text, "{key}", [&] { return bind("String", column.key); });
        fill(text, "{zone}", [&] { return bind_as("zone", "String", zone_.name()); });
        return text;
    }
    std::string metric(const MetricColumn& column) const { return expression(column.metric->sources); }

    std::string condition(
        const Condition& condition) {  // NOLINT(misc-no-recursion): as deep as parse_request lets a filter be
        switch (condition.kind) {
            case Condition::Kind::kTest: return test(condition);
            case Condition::Kind::kNot: return fmt::format("NOT ({})", this->condition(condition.children.front()));
            case Condition::Kind::kAnd: return joined(condition.children, " AND ");
            case Condition::Kind::kOr: return joined(condition.children, " OR ");
        }
        FOOTFALL_CHECK(false);  // every kind was met
        return {};
    }

    std::vector<std::pair<std::string, std::string>> parameters() const {
        std::vector<std::pair<std::string, std::string>> result;
        result.reserve(bound_.size());
        for (const Bound& bound : bound_) result.emplace_back(bound.name, bound.value);
        return result;
    }

private:
    struct Bound {
        std::string name;
        std::string type;
        std::string value;
    };

    static std::string reference(std::string_view name, std::string_view type) {
        return fmt::format("{{{}:{}}}", name, type);
    }

    template <class Binder>
    static void fill(std::string& text, std::string_view mark, Binder binder) {
        for (std::size_t at = text.find(mark); at != std::string::npos; at = text.find(mark, at)) {
            const std::string parameter = binder();
            text.replace(at, mark.size(), parameter);
            at += parameter.size();
        }
    }

    std::string expression(const std::vector<SourceExpression>& sources) const {
        const SourceExpression* source = find_source(sources, plan_.source);
        FOOTFALL_CHECK(source != nullptr);
        return source->expression;
    }

    std::string joined(const std::vector<Condition>& conditions,
                       std::string_view separator) {  // NOLINT(misc-no-recursion)
        std::vector<std::string> parts;
        for (const Condition& child : conditions) parts.push_back(condition(child));
        if (parts.size() == 1) return parts.front();
        return fmt::format("({})", fmt::join(parts, separator));
    }

    // A test is true or false, never NULL: NOT of it is then exactly the other events.
    std::string test(const Condition& condition) {
        const std::string column = dimension(condition.column);
        const bool is_text = condition.column.dimension->granularity.empty();
        const bool compares =
            condition.op == Operator::kGt || condition.op == Operator::kLt || condition.op == Operator::kBetween;
        const std::string_view type = !is_text
                                          ? (condition.column.dimension->type == ValueType::kDate ? "Date" : "Int64")
                                      : compares ? "Float64"
                                                 : "String";
        std::vector<std::string> values;
        for (const std::string& value : condition.values) values.push_back(bind(type, value));
        switch (condition.op) {
            case Operator::kIs:
                return values.size() == 1 ? fmt::format("{} = {}", column, values[0])
                                          : fmt::format("{} IN ({})", column, fmt::join(values, ", "));
            case Operator::kContains: return contains(column, values);
            case Operator::kMatches: {
                for (std::string& value : values) value = fmt::format("match({}, {})", column, value);
                return values.size() == 1 ? values[0] : fmt::format("({})", fmt::join(values, " OR "));
            }
            case Operator::kIsSet: return fmt::format("{} != ''", column);
            case Operator::kGt: return comparison(is_text, column, fmt::format("> {}", values[0]));
            case Operator::kLt: return comparison(is_text, column, fmt::format("< {}", values[0]));
            case Operator::kBetween:
                return comparison(is_text, column, fmt::format("BETWEEN {} AND {}", values[0], values[1]));
            default: break;
        }
        FOOTFALL_CHECK(false);  // lower_filters leaves positive operators only
        return {};
    }

    // Text that is no number is neither more nor less than one.
    static std::string comparison(bool is_text, const std::string& column, const std::string& right) {
        return is_text ? fmt::format("ifNull(toFloat64OrNull({}) {}, false)", column, right)
                       : fmt::format("{} {}", column, right);
    }

    static std::string contains(const std::string& column, const std::vector<std::string>& values) {
        if (values.size() == 1) return fmt::format("position({}, {}) > 0", column, values[0]);
        constexpr std::size_t kNeedlesMax = 255;  // of multiSearchAny
        std::vector<std::string> searches;
        for (std::size_t from = 0; from < values.size(); from += kNeedlesMax) {
            const auto to = values.begin() + static_cast<std::ptrdiff_t>(std::min(values.size(), from + kNeedlesMax));
            searches.push_back(fmt::format("multiSearchAny({}, [{}])", column,
                                           fmt::join(values.begin() + static_cast<std::ptrdiff_t>(from), to, ", ")));
        }
        return searches.size() == 1 ? searches[0] : fmt::format("({})", fmt::join(searches, " OR "));
    }

    const Plan& plan_;
    const Zone& zone_;
    std::vector<Bound> bound_;
    int unnamed_ = 0;
};

std::string order_text(const Plan& plan) {
    std::vector<std::string> terms = {"is_total DESC"};
    for (const OrderKey& key : plan.order)
        terms.push_back(fmt::format("{}{}{}", key.of == OrderKey::Of::kDimension ? 'd' : 'm', key.index + 1,
                                    key.direction == Direction::kDescending ? " DESC" : ""));
    return fmt::format("{}", fmt::join(terms, ", "));
}

}  // namespace

store::Statement compose(const Plan& plan, const Range& range, const Zone& zone, int timeout_ms) {
    Composer composer(plan, zone);
    const std::string site = composer.bind_as("site", "String", plan.website_id);
    const std::string from = composer.bind_as("from", "DateTime64(3, 'UTC')", utc_text(range.from_ms));
    const std::string to = composer.bind_as("to", "DateTime64(3, 'UTC')", utc_text(range.to_ms));
    // The days (in UTC, as in the table's key) say nothing new, but the engine does not derive them: since `timestamp`
    // itself stands later in the key, a bound on it alone is held against that column, and every day of the site is
    // read (41 granules instead of 6 for a day of 30).
    std::vector<std::string> where = {
        "website_id = " + site,
        fmt::format("toDate(timestamp) BETWEEN toDate({}) AND toDate({})", from, to),
        "timestamp >= " + from,
        "timestamp < " + to,
        fmt::format("event_type IN ('{}')", fmt::join(plan.event_types, "', '")),
    };
    if (plan.include_bots == Toggle::kOff) where.emplace_back("NOT is_bot");

    std::vector<std::string> columns;
    std::vector<std::string> keys;
    for (const DimensionColumn& column : plan.dimensions) {
        keys.push_back(fmt::format("d{}", keys.size() + 1));
        columns.push_back(fmt::format("{} AS {}", composer.dimension(column), keys.back()));
    }
    for (std::size_t i = 0; i < plan.metrics.size(); ++i)
        columns.push_back(fmt::format("{} AS m{}", composer.metric(plan.metrics[i]), i + 1));
    if (!keys.empty()) columns.emplace_back("grouping(d1) AS is_total");
    if (plan.condition) {
        for (const Condition& child : plan.condition->children) where.push_back(composer.condition(child));
    }

    std::string sql = fmt::format("SELECT\n    {}\nFROM footfall.{}\nWHERE {}", fmt::join(columns, ",\n    "),
                                  plan.source, fmt::join(where, "\n    AND "));
    if (!keys.empty()) {
        const std::string order = order_text(plan);
        sql += fmt::format("\nGROUP BY GROUPING SETS (({}), ())", fmt::join(keys, ", "));
        if (plan.offset > 0)
            sql += fmt::format("\nQUALIFY is_total = 1 OR row_number() OVER (ORDER BY {}) > 1 + {}", order,
                               composer.bind_as("offset", "UInt64", std::to_string(plan.offset)));
        sql += fmt::format("\nORDER BY {}\nLIMIT 1 + {}", order,
                           composer.bind_as("limit", "UInt64", std::to_string(plan.limit)));
    }
    return {.sql = std::move(sql), .parameters = composer.parameters(), .settings = {}, .timeout_ms = timeout_ms};
}

store::Statement compose_estimate(store::Statement statement) {
    statement.sql.insert(0, "EXPLAIN ESTIMATE\n");
    return statement;
}

}  // namespace footfall::query
