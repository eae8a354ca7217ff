#include <charconv>
#include <cmath>
#include <functional>
#include <utility>

#include <fmt/format.h>
#include <re2/re2.h>

#include "base/json.h"
#include "query/goal.h"
#include "query/passes/passes.h"
#include "query/segment.h"

namespace footfall::query {
namespace {

// A pattern may cost this much memory compiled; RE2 runs in linear time whatever it says.
constexpr std::int64_t kPatternMemoryBytes = 1 << 20;
/// A large one takes 5 ms to compile, before the query's own time limit is looked at.
constexpr std::size_t kPatternsMax = 100;

Error refuse_value(const Filter& filter, std::string message) {
    return refuse("invalid_value", filter.field + "[2]", std::move(message));
}

Result<std::string> number(const Filter& filter, const std::string& text) {
    double value = 0;
    const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
    if (result.ec != std::errc() || result.ptr != text.data() + text.size() || !std::isfinite(value))
        return refuse_value(filter, fmt::format("'{}' is no number; gt, lt and between compare numbers", text));
    std::string canonical;
    json::append_number(canonical, value);
    return canonical;
}

Status check_pattern(const Filter& filter, const std::string& pattern) {
    if (pattern.size() > kPatternBytesMax)
        return refuse("limit_exceeded", filter.field + "[2]",
                      fmt::format("a pattern may have {} bytes", kPatternBytesMax));
    if (pattern.find('\0') != std::string::npos)
        return refuse_value(filter, "a pattern may not hold a zero byte; write \\x00");
    RE2::Options options;
    options.set_log_errors(false);
    options.set_max_mem(kPatternMemoryBytes);
    if (const RE2 compiled(pattern, options); !compiled.ok())
        return refuse("invalid_pattern", filter.field + "[2]", "not a valid RE2 pattern: " + compiled.error());
    return {};
}

// Any day or instant inside a bucket names the bucket.
Result<std::string> bucket(const Filter& filter, const Dimension& dimension, const Zone& zone,
                           const std::string& text) {
    if (dimension.type == ValueType::kDate) {
        const auto day = parse_day(text);
        if (!day) return refuse_value(filter, fmt::format("'{}' is no day; write YYYY-MM-DD", text));
        if (dimension.granularity == "week") return day_text(cctz::prev_weekday(*day + 1, cctz::weekday::monday));
        if (dimension.granularity == "month") return day_text(Day(cctz::civil_month(*day)));
        return day_text(*day);
    }
    const auto ms = zone.parse_instant(text);
    if (!ms)
        return refuse_value(filter,
                            fmt::format("'{}' is no instant; write ISO 8601, for instance 2026-11-01T12:00:00Z", text));
    const std::int64_t seconds = *ms / 1000;
    return std::to_string(dimension.granularity == "hour" ? zone.hour_key(seconds) : seconds / 60 * 60);
}

Status check_count(const Filter& filter) {
    const std::size_t count = filter.values.size();
    switch (filter.op) {
        case Operator::kIsSet:
        case Operator::kIsNotSet: return {};
        case Operator::kGt:
        case Operator::kLt:
            if (count != 1) return refuse_value(filter, "gt and lt take exactly one value");
            return {};
        case Operator::kBetween:
            if (count != 2) return refuse_value(filter, "between takes exactly two values, both included");
            return {};
        default:
            if (count == 0) return refuse_value(filter, "name at least one value");
            return {};
    }
}

// The operator without its negation, and whether there was one.
std::pair<Operator, bool> positive(Operator op) {
    switch (op) {
        case Operator::kIsNot: return {Operator::kIs, true};
        case Operator::kContainsNot: return {Operator::kContains, true};
        case Operator::kMatchesNot: return {Operator::kMatches, true};
        case Operator::kIsNotSet: return {Operator::kIsSet, true};
        default: return {op, false};
    }
}

Condition negate(Condition condition) {
    Condition negation{.kind = Condition::Kind::kNot, .children = {}, .column = {}, .values = {}};
    negation.children.push_back(std::move(condition));
    return negation;
}

Result<Condition> lower_test(const Filter& filter, const PlanContext& context) {
    TRY(auto column, resolve_filtered(context.vocabulary, filter.dimension, filter.field + "[0]"));
    TRY_STATUS(check_count(filter));
    const auto [op, negated] = positive(filter.op);
    Condition test{.kind = Condition::Kind::kTest, .children = {}, .column = std::move(column), .op = op, .values = {}};
    const Dimension& dimension = *test.column.dimension;
    const bool is_bucket = !dimension.granularity.empty();
    if (is_bucket && (op == Operator::kContains || op == Operator::kMatches || op == Operator::kIsSet))
        return refuse("unsupported_operator", filter.field + "[1]",
                      fmt::format("the time dimension '{}' takes is, is_not, gt, lt and between", filter.dimension));
    const bool compares = op == Operator::kGt || op == Operator::kLt || op == Operator::kBetween;
    if (dimension.is_filter_only && !compares)
        return refuse("unsupported_operator", filter.field + "[1]",
                      fmt::format("'{}' is a number: it takes gt, lt and between", filter.dimension));
    if (is_goal(dimension) && compares)
        return refuse("unsupported_operator", filter.field + "[1]", "goals are names, not numbers");
    for (const std::string& value : filter.values) {
        if (is_bucket) {
            TRY(auto label, bucket(filter, dimension, context.zone, value));
            test.values.push_back(std::move(label));
            continue;
        }
        if (op == Operator::kMatches) TRY_STATUS(check_pattern(filter, value));
        if (op == Operator::kContains && value.empty())
            return refuse_value(filter, "every text contains the empty one; name a part to look for");
        if (compares) {
            TRY(auto text, number(filter, value));
            test.values.push_back(std::move(text));
            continue;
        }
        test.values.push_back(value);
    }
    return negated ? negate(std::move(test)) : std::move(test);
}

std::size_t count_patterns(const std::vector<Filter>& filters) {  // NOLINT(misc-no-recursion)
    std::size_t count = 0;
    for (const Filter& filter : filters) {
        const bool matches = filter.op == Operator::kMatches || filter.op == Operator::kMatchesNot;
        if (filter.kind == Filter::Kind::kTest && matches) count += filter.values.size();
        count += count_patterns(filter.children);
    }
    return count;
}

Result<Condition> lower(const Filter& filter, const PlanContext& context);

Result<std::vector<Condition>> lower_all(const std::vector<Filter>& filters, const PlanContext& context) {
    std::vector<Condition> conditions;
    for (const Filter& filter : filters) {
        TRY(auto condition, lower(filter, context));
        conditions.push_back(std::move(condition));
    }
    return conditions;
}

/// What was done is asked of one event, or of one session.
Status check_done(const Filter& filter, const Condition& condition) {
    bool is_of_touches = false;
    const std::function<void(const Condition&)> look = [&](const Condition& one) {  // NOLINT(misc-no-recursion)
        if (one.kind == Condition::Kind::kTest) {
            const Dimension& dimension = *one.column.dimension;
            is_of_touches = is_of_touches || !dimension.first_touch.empty() || !dimension.last_touch.empty();
        }
        for (const Condition& child : one.children) look(child);
    };
    look(condition);
    if (asks_what_was_done(condition))
        return refuse("unsupported_filter", filter.field, "'has_done' and 'has_not_done' do not hold one another");
    if (is_of_touches)
        return refuse("unsupported_filter", filter.field,
                      "what a visitor came by at first or at last is nothing that they do; filter by it with 'is'");
    if (!is_of_table(condition, "events") && !is_of_table(condition, "sessions"))
        return refuse("unsupported_filter", filter.field,
                      "one 'has_done' asks for what events have, or for what sessions have, not for both");
    return {};
}

Result<Condition> lower_done(const Filter& filter, std::vector<Condition> children) {
    Condition all =
        children.size() == 1
            ? std::move(children.front())
            : Condition{.kind = Condition::Kind::kAnd, .children = std::move(children), .column = {}, .values = {}};
    TRY_STATUS(check_done(filter, all));
    Condition done{.kind = Condition::Kind::kDone, .children = {}, .column = {}, .values = {}};
    done.children.push_back(std::move(all));
    return done;
}

// parse_request has limited the depth of nesting.
Result<Condition> lower(const Filter& filter, const PlanContext& context) {  // NOLINT(misc-no-recursion)
    if (filter.kind == Filter::Kind::kTest) return lower_test(filter, context);
    TRY(auto children, lower_all(filter.children, context));
    if (filter.kind == Filter::Kind::kNot) return negate(std::move(children.front()));
    if (filter.kind == Filter::Kind::kDone) return lower_done(filter, std::move(children));
    const auto kind = filter.kind == Filter::Kind::kAnd ? Condition::Kind::kAnd : Condition::Kind::kOr;
    return Condition{.kind = kind, .children = std::move(children), .column = {}, .values = {}};
}

}  // namespace

Status lower_filters(const PlanContext& context, Plan& plan) {
    if (context.request.filters.empty()) return {};
    if (const std::size_t patterns = count_patterns(context.request.filters); patterns > kPatternsMax)
        return refuse("limit_exceeded", "filters",
                      fmt::format("a request may have {} patterns, this one has {}", kPatternsMax, patterns));
    auto conditions = lower_all(context.request.filters, context);
    if (!conditions) return of_segment(context.request, conditions.error());
    plan.condition =
        Condition{.kind = Condition::Kind::kAnd, .children = std::move(*conditions), .column = {}, .values = {}};
    if (context.request.segment)
        plan.reasons.push_back(
            fmt::format("segment '{}': its filters hold beside those of the request", *context.request.segment));
    return {};
}

}  // namespace footfall::query
