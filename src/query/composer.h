#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "query/goal.h"
#include "query/plan.h"
#include "query/statement_parts.h"
#include "query/zone.h"

namespace footfall::query {

/// Text of a statement whose values become parameters as they are met: dimensions, metrics and conditions of a plan in
/// the columns of one table. Of sql.cc. Not thread-safe.
class Composer {
public:
    Composer(const Zone& zone, const Plan& plan) : zone_(zone), plan_(plan) {}

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

    /// The table whose columns stand in the text that is composed now. Of two that are joined, the event gives what it
    /// has (kEventsFirst), or what varies in a session and what sessions have not (kSessionsFirst).
    enum class Scope : std::uint8_t { kEvents, kSessions, kEventsFirst, kSessionsFirst, kRollup };
    void enter(Scope scope) { scope_ = scope; }
    /// Until it is set back, `goal` is a dimension of which all is one group, and conditions on it hold.
    void ignore_goals(bool ignored) { ignores_goals_ = ignored; }
    /// What stands for footfall.sessions where dimensions are asked of its rows: the table, or it with more joined to
    /// it.
    void read_sessions_from(std::string text) { sessions_ = std::move(text); }
    const std::string& sessions() const { return sessions_; }
    /// Of what time it counts what visitors did and pings told; everything before `to_ms` where there is no `from_ms`.
    struct Period {
        std::optional<std::int64_t> from_ms;
        std::int64_t to_ms = 0;
    };
    void count_what_is_of(Period period) { period_ = period; }
    /// The pings that may tell of an event of that time. They come up to a day after their pageview, and by the clock
    /// of a browser that was set meanwhile some minutes before it.
    std::vector<std::string> pings_where() {
        constexpr std::int64_t kEarlyMs = 5 * 60'000;
        constexpr std::int64_t kLateMs = 86'400'000;
        std::vector<std::string> where = {rows_of_site()};
        const auto instant = [&](std::string_view name, std::int64_t ms) {
            return bind_as(name, kInstant, utc_text(std::max<std::int64_t>(0, ms)));
        };
        std::string from;
        if (period_.from_ms) from = instant("pings_from", *period_.from_ms - kEarlyMs);
        const std::string to = instant("pings_to", period_.to_ms + kLateMs);
        add_within(where, "timestamp", from, to);
        where.emplace_back("event_type = 'ping'");
        return where;
    }
    /// As the clause SAMPLE would have it, for the tables of the statement alike.
    std::string rows_of_site() {
        const std::string site = "website_id = " + bind_as("site", "String", plan_.website_id);
        if (!plan_.sample) return site;
        return fmt::format("{} AND visitor_id < {}", site,
                           bind_as("sample_below", "UInt64", std::to_string(plan_.sample->below())));
    }
    /// The column that says whose session a row is, for metrics that count visitors over sessions.
    void count_visitors_by(std::string_view column) { visitor_ = column; }
    bool ignores(const Condition& condition) const { return ignores_goals_ && mentions_goals(condition); }

    std::string dimension(const DimensionColumn& column) {
        // No constant: the engine would take it out of the groups.
        if (ignores_goals_ && is_goal(*column.dimension)) return "left(website_id, 0)";
        if (scope_ == Scope::kEvents) return dimension_of(column, "events");
        if (scope_ == Scope::kSessions) return dimension_of(column, "sessions");
        if (scope_ == Scope::kRollup) return dimension_of(column, "rollup");
        if (scope_ == Scope::kEventsFirst
                ? find_source(column.dimension->sources, "events") != nullptr
                : column.dimension->varies_in_session || find_source(column.dimension->sources, "sessions") == nullptr)
            return dimension_of(column, "events");
        // Of the session: the joined sessions give it under a name of its own.
        const auto known = std::find_if(joined_.begin(), joined_.end(), [&](const DimensionColumn* other) {
            return other->dimension == column.dimension && other->key == column.key;
        });
        const auto place = known - joined_.begin();
        if (known == joined_.end()) joined_.push_back(&column);
        return fmt::format("s{}", place + 1);
    }
    /// Each of these under its own key and those that were joined to it, with the dimensions that were named since the
    /// last call and these columns.
    std::string joined_sessions(std::span<const std::string_view> counted, const std::vector<std::string>& which,
                                std::string_view of_keys = {}) {
        std::vector<std::string> inner;
        std::vector<std::string> passed;
        for (const std::string_view column : counted) {
            inner.push_back(fmt::format("{0} AS session_{0}", column));
            passed.push_back(fmt::format("session_{}", column));
        }
        for (std::string& column : take_joined_columns()) {
            inner.push_back(std::move(column));
            passed.push_back(fmt::format("s{}", inner.size() - counted.size()));
        }
        return fmt::format("INNER JOIN\n(\n{}\n) AS of_session ON session_key = any_key",
                           sessions_by_any_key(inner, passed, which, of_keys));
    }

    const Zone& zone() const { return zone_; }

    /// d1 AS …, d2 AS …: the plan's dimensions.
    std::vector<std::string> dimension_columns() {
        std::vector<std::string> columns;
        for (std::size_t i = 0; i < plan_.dimensions.size(); ++i)
            columns.push_back(fmt::format("{} AS d{}", dimension(plan_.dimensions[i]), i + 1));
        return columns;
    }
    /// The plan's filters, in the columns of the scope.
    void add_conditions(std::vector<std::string>& where) {
        if (!plan_.condition) return;
        std::vector<const Condition*> of_sessions;
        for (const Condition& child : plan_.condition->children) {
            if (ignores(child)) continue;
            if (is_by_keys(child)) of_sessions.push_back(&child);
            else where.push_back(condition(child));
        }
        if (!of_sessions.empty()) where.push_back(in_sessions(of_sessions));
    }

    /// The expression of a metric.
    std::string metric(std::string text) {
        fill_currency(text);
        fill(text, "{visitor}", [&] { return std::string(visitor_); });
        fill(text, "{active_since}", [&] {
            constexpr std::int64_t kActiveMs = 5 * 60'000;
            return bind_as("active_since", kInstant, utc_text(std::max<std::int64_t>(0, plan_.now_ms - kActiveMs)));
        });
        return text;
    }

    std::string condition(
        const Condition& condition) {  // NOLINT(misc-no-recursion): as deep as parse_request lets a filter be
        if (is_by_keys(condition)) return in_sessions({&condition});
        switch (condition.kind) {
            case Condition::Kind::kTest: return test(condition);
            case Condition::Kind::kDone: return done(condition.children.front());
            case Condition::Kind::kNot: return fmt::format("NOT ({})", this->condition(condition.children.front()));
            case Condition::Kind::kAnd: return joined(condition.children, " AND ");
            case Condition::Kind::kOr: return joined(condition.children, " OR ");
        }
        FOOTFALL_CHECK(false);  // every kind was met
        return {};
    }

    /// Whether a row's value of that dimension is one of these.
    std::string is_one_of(const DimensionColumn& column, std::span<const std::string> values) {
        std::vector<std::string> bound;
        for (const std::string& value : values) bound.push_back(bind("String", value));
        return fmt::format("{} IN ({})", dimension(column), fmt::join(bound, ", "));
    }

    /// Whether an event met a goal.
    std::string met_goal() {
        std::vector<std::string> met;
        for (const PlanGoal& goal : plan_.goals) met.push_back(goal_condition(goal));
        return met.empty() ? "false" : fmt::format("({})", fmt::join(met, " OR "));
    }

    std::vector<std::pair<std::string, std::string>> parameters() const {
        std::vector<std::pair<std::string, std::string>> result;
        result.reserve(bound_.size());
        for (const Bound& bound : bound_) result.emplace_back(bound.name, bound.value);
        return result;
    }

private:
    /// What the joined sessions have to give: each dimension that dimension() named since the last call.
    std::vector<std::string> take_joined_columns() {
        std::vector<std::string> columns;
        for (const DimensionColumn* column : joined_)
            columns.push_back(fmt::format("{} AS s{}", dimension_of(*column, "sessions"), columns.size() + 1));
        joined_.clear();
        return columns;
    }

    static constexpr std::string_view kInstant = "DateTime64(3, 'UTC')";

    struct Bound {
        std::string name;
        std::string type;
        std::string value;
    };

    static std::string reference(std::string_view name, std::string_view type) {
        return fmt::format("{{{}:{}}}", name, type);
    }

    std::string dimension_of(const DimensionColumn& column, std::string_view table) {
        const SourceExpression* source = find_source(column.dimension->sources, table);
        FOOTFALL_CHECK(source != nullptr);
        std::string text = source->expression;
        fill(text, "{goals}", [&] { return met_goals(); });
        fill(text, "{key}", [&] { return bind("String", column.key); });
        fill_currency(text);
        fill(text, "{zone}", [&] { return bind_as("zone", "String", zone_.name()); });
        return text;
    }

    template <class Binder>
    static void fill(std::string& text, std::string_view mark, Binder binder) {
        for (std::size_t at = text.find(mark); at != std::string::npos; at = text.find(mark, at)) {
            const std::string parameter = binder();
            text.replace(at, mark.size(), parameter);
            at += parameter.size();
        }
    }

    void fill_currency(std::string& text) {
        fill(text, "{currency}", [&] {
            if (!plan_.currency.empty()) return bind_as("currency", "String", plan_.currency);
            // Asked once, however often it stands in the statement.
            return fmt::format(
                "(SELECT argMin(currency, log_offset) FROM footfall.events WHERE website_id = {} "
                "AND event_type = 'event' AND currency != '')",
                bind_as("site", "String", plan_.website_id));
        });
    }

    static void add_within(std::vector<std::string>& where, std::string_view column, const std::string& from,
                           const std::string& to) {
        if (from.empty())
            where.insert(where.end(),
                         {fmt::format("toDate({}) <= toDate({})", column, to), fmt::format("{} < {}", column, to)});
        else
            for (std::string& bound : within(column, from, to)) where.push_back(std::move(bound));
    }

    /// Sessions as `key`, under that and under each key that was joined to it, with those columns. The joined ones are
    /// few: a second look at them alone takes a third of the time that it takes to put an array of keys to every
    /// session.
    std::string sessions_by_any_key(std::span<const std::string> columns, std::span<const std::string> passed,
                                    std::vector<std::string> which, std::string_view of_keys) {
        const std::string site = bind_as("site", "String", plan_.website_id);
        add_not_cancelled(which, site);
        std::vector<std::string> inner = {"session_key AS key"};
        inner.insert(inner.end(), columns.begin(), columns.end());
        std::string outer = "key";
        for (const std::string& name : passed) outer += ", " + name;
        return fmt::format(
            "WITH\n"
            "x AS\n(\n{0}\n),\n"
            "moved AS\n(\n{1}\n)\n"
            "SELECT key AS any_key, {2} FROM x{3}\n"
            "UNION ALL\n"
            "SELECT old_key AS any_key, {2} FROM x INNER JOIN moved ON new_key = key\n"
            "WHERE key IN (SELECT new_key FROM moved){4}",
            select(inner, sessions_, which), keys_that_moved(site), outer,
            of_keys.empty() ? "" : fmt::format(" WHERE any_key IN ({})", of_keys),
            of_keys.empty() ? "" : fmt::format(" AND any_key IN ({})", of_keys));
    }

    /// Where events alone are read, a set of keys stands for what sessions have.
    bool is_by_keys(const Condition& condition) const {
        return scope_ == Scope::kEvents && is_of_sessions_alone(condition);
    }
    std::string in_sessions(const std::vector<const Condition*>& met) {  // NOLINT(misc-no-recursion)
        const Scope scope_outside = std::exchange(scope_, Scope::kSessions);
        std::vector<std::string> where = sessions_of_period();
        for (const Condition* one : met) where.push_back(condition(*one));
        scope_ = scope_outside;
        return fmt::format("session_key IN\n(\nSELECT any_key FROM\n(\n{}\n)\n)",
                           sessions_by_any_key({}, {}, std::move(where), {}));
    }
    std::vector<std::string> events_of_period() {
        const std::string to = bind_as("to", kInstant, utc_text(period_.to_ms));
        const std::string from = period_.from_ms ? bind_as("from", kInstant, utc_text(*period_.from_ms)) : "";
        std::vector<std::string> where = {rows_of_site()};
        add_within(where, "timestamp", from, to);
        where.emplace_back("event_type IN ('event', 'pageview')");
        if (plan_.include_bots == Toggle::kOff) where.emplace_back("NOT is_bot");
        return where;
    }
    /// Those that may have an event in the period.
    std::vector<std::string> sessions_of_period() {
        std::vector<std::string> where = {rows_of_site(),
                                          "started_at < " + bind_as("to", kInstant, utc_text(period_.to_ms))};
        if (period_.from_ms) where.push_back("ended_at >= " + bind_as("from", kInstant, utc_text(*period_.from_ms)));
        if (plan_.include_bots == Toggle::kOff) where.emplace_back("NOT is_bot");
        return where;
    }

    /// Whether the row's visitor has, in the period, an event or a session that meets the condition, whatever else is
    /// asked for. One that spans the period's begin or end is in it.
    std::string done(const Condition& what) {  // NOLINT(misc-no-recursion): no such condition holds another
        const bool is_of_events = is_of_table(what, "events");
        const Scope scope_outside = std::exchange(scope_, is_of_events ? Scope::kEvents : Scope::kSessions);
        const bool ignores_outside = std::exchange(ignores_goals_, false);
        std::vector<std::string> where = is_of_events ? events_of_period() : sessions_of_period();
        where.push_back(condition(what));
        if (!is_of_events) add_not_cancelled(where, bind_as("site", "String", plan_.website_id));
        scope_ = scope_outside;
        ignores_goals_ = ignores_outside;
        return fmt::format("visitor_id IN\n(\n{}\n)",
                           select({"visitor_id"}, is_of_events ? "footfall.events" : "footfall.sessions", where));
    }

    /// A pageview without a ping has been seen for 0 seconds, and scrolled by 0 percent.
    std::string test_of_pings(const Condition& condition) {
        const SourceExpression* source = find_source(condition.column.dimension->sources, "events");
        FOOTFALL_CHECK(source != nullptr);
        const bool passes_without = passes_zero(condition);
        const std::string passing = test_of(source->expression, condition);
        // Of the visitor's own event, as sessions have it: nobody else's ping says anything of it.
        return fmt::format(
            "(event_type = 'pageview' AND (event_key, visitor_id, is_bot) {}IN\n(\n{}\n"
            "GROUP BY event_key, visitor_id, is_bot HAVING {}\n))",
            passes_without ? "NOT " : "",
            select({"event_key", "visitor_id", "is_bot"}, "footfall.events", pings_where()),
            passes_without ? fmt::format("NOT ({})", passing) : passing);
    }
    static bool passes_zero(const Condition& condition) {
        const auto bound = [&](std::size_t place) { return std::strtod(condition.values.at(place).c_str(), nullptr); };
        switch (condition.op) {
            case Operator::kGt: return bound(0) < 0;
            case Operator::kLt: return bound(0) > 0;
            default: return bound(0) <= 0 && bound(1) >= 0;
        }
    }

    std::string goal_condition(const PlanGoal& goal) {  // NOLINT(misc-no-recursion): no goal asks for goals
        return fmt::format("(event_type = '{}' AND {})", goal.event_type, condition(goal.condition));
    }
    /// The names of the goals that an event met, an array.
    std::string met_goals() {  // NOLINT(misc-no-recursion)
        std::vector<std::string> names;
        for (const PlanGoal& goal : plan_.goals)
            names.push_back(fmt::format("if({}, {}, '')", goal_condition(goal), bind("String", goal.name)));
        if (names.empty()) return "CAST([], 'Array(String)')";
        return fmt::format("arrayFilter(g -> g != '', [{}])", fmt::join(names, ", "));
    }
    std::string joined(const std::vector<Condition>& conditions,
                       std::string_view separator) {  // NOLINT(misc-no-recursion)
        std::vector<std::string> parts;
        for (const Condition& child : conditions) parts.push_back(condition(child));
        if (parts.size() == 1) return parts.front();
        return fmt::format("({})", fmt::join(parts, separator));
    }

    // A test is true or false, never NULL: NOT of it is then exactly the other events.
    std::string test(const Condition& condition) {  // NOLINT(misc-no-recursion)
        if (condition.column.dimension->is_of_pings) return test_of_pings(condition);
        // Of several goals that an event met one passes.
        if (is_goal(*condition.column.dimension) && scope_ != Scope::kRollup)
            return fmt::format("arrayExists(g -> {}, {})", test_of("g", condition), met_goals());
        return test_of(dimension(condition.column), condition);
    }
    std::string test_of(const std::string& column, const Condition& condition) {
        const Dimension& dimension = *condition.column.dimension;
        const bool is_text = dimension.granularity.empty() && dimension.type != ValueType::kNumber;
        const bool compares =
            condition.op == Operator::kGt || condition.op == Operator::kLt || condition.op == Operator::kBetween;
        const std::string_view type = dimension.type == ValueType::kDate ? "Date"
                                      : !dimension.granularity.empty()   ? "Int64"
                                      : compares                         ? "Float64"
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

    const Zone& zone_;
    const Plan& plan_;
    bool ignores_goals_ = false;
    std::string sessions_ = "footfall.sessions";
    std::string_view visitor_ = "visitor_id";
    Period period_;
    Scope scope_ = Scope::kEvents;
    std::vector<const DimensionColumn*> joined_;
    std::vector<Bound> bound_;
    int unnamed_ = 0;
};

}  // namespace footfall::query
