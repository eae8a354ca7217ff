#include "query/vocabulary.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <span>
#include <utility>

#include <fmt/format.h>
#include <simdjson.h>

#include "base/nearest.h"
#include "base/text_file.h"

namespace footfall::query {

namespace declarations {
std::span<const TextFile> files();
}

namespace {

using simdjson::dom::array;
using simdjson::dom::element;

template <class T>
using Names = std::span<const std::pair<std::string_view, T>>;

constexpr std::pair<std::string_view, ValueType> kTypes[] = {
    {"string", ValueType::kString},   {"integer", ValueType::kInteger}, {"number", ValueType::kNumber},
    {"decimal", ValueType::kDecimal}, {"date", ValueType::kDate},       {"time", ValueType::kTime}};
constexpr std::pair<std::string_view, TotalsRule> kTotals[] = {
    {"sum", TotalsRule::kSum}, {"distinct", TotalsRule::kDistinct}, {"ratio", TotalsRule::kRatio}};

Error bad(std::string_view name, std::string_view what) {
    return {Code::kCorrupt, "declaration of '" + std::string(name) + "': " + std::string(what)};
}

std::string text_of(element object, const char* key) {
    std::string_view text;
    return object[key].get(text) == simdjson::SUCCESS ? std::string(text) : std::string();
}

std::vector<std::string> texts_of(element object, const char* key) {
    std::vector<std::string> texts;
    array list;
    if (object[key].get(list) != simdjson::SUCCESS) return texts;
    for (const element item : list)
        if (std::string_view text; item.get(text) == simdjson::SUCCESS) texts.emplace_back(text);
    return texts;
}

template <class T>
std::optional<T> choice(Names<T> names, std::string_view name) {
    const auto found = std::find_if(names.begin(), names.end(), [&](const auto& entry) { return entry.first == name; });
    return found == names.end() ? std::nullopt : std::optional(found->second);
}

// A word that stands in SQL as a literal.
bool plain_word(std::string_view word) {
    return !word.empty() &&
           std::all_of(word.begin(), word.end(), [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; });
}

bool holds_statement_end(std::string_view text) {
    return text.find(';') != std::string_view::npos || text.find("--") != std::string_view::npos;
}

Result<std::vector<SourceExpression>> sources_of(element object, std::string_view name) {
    simdjson::dom::object sources;
    if (object["sources"].get(sources) != simdjson::SUCCESS) return bad(name, "'sources' must be an object");
    std::vector<SourceExpression> result;
    for (const auto field : sources) {
        SourceExpression source{std::string(field.key),
                                text_of(field.value, "expression"),
                                texts_of(field.value, "event_types"),
                                false,
                                text_of(field.value, "at_most"),
                                false,
                                text_of(field.value, "rows_of")};
        for (const auto& [key, flag] :
             {std::pair("by_sessions", &source.by_sessions), std::pair("with_pings", &source.with_pings)})
            if (field.value[key].get(*flag) == simdjson::INCORRECT_TYPE)
                return bad(name, fmt::format("'{}' is true or false", key));
        if (source.expression.empty()) return bad(name, "a source needs an expression");
        for (const std::string& text : {source.expression, source.at_most})
            if (holds_statement_end(text)) return bad(name, "an expression may not hold a semicolon or comment");
        if (!std::all_of(source.event_types.begin(), source.event_types.end(), plain_word))
            return bad(name, "bad event type");
        result.push_back(std::move(source));
    }
    return result;
}

Result<std::optional<RollupColumn>> rollup_of(element object, std::string_view name) {
    element rollup;
    if (object["rollup"].get(rollup) != simdjson::SUCCESS) return std::optional<RollupColumn>();
    const auto text_or = [&](const char* key, std::string_view otherwise) {
        std::string text = text_of(rollup, key);
        return text.empty() ? std::string(otherwise) : text;
    };
    RollupColumn column{.column = text_of(rollup, "column"),
                        .by = text_of(rollup, "by"),
                        .present = text_of(rollup, "present"),
                        .nothing = text_or("nothing", "0"),
                        .of_event = text_of(rollup, "of_event"),
                        .of_session = text_of(rollup, "of_session"),
                        .where = text_of(rollup, "where"),
                        .sum = text_or("sum", "sum"),
                        .value = text_or("value", text_of(rollup, "column")),
                        .state = text_of(rollup, "state"),
                        .state_if = text_of(rollup, "state_if"),
                        .merge = text_of(rollup, "merge"),
                        .merge_state = text_of(rollup, "merge_state"),
                        .at_most = text_of(rollup, "at_most")};
    if (!plain_word(column.column) || column.present.empty()) return bad(name, "bad column of the rollup");
    const bool is_by_one = !column.by.empty();
    const bool has_all = (is_by_one || !column.state_if.empty()) && !column.merge.empty() &&
                         !column.merge_state.empty() &&
                         rollup["standard_error"].get(column.standard_error) == simdjson::SUCCESS;
    const bool adds_up = is_by_one || !column.of_event.empty() || !column.of_session.empty();
    if (column.is_sketch() ? !has_all : !adds_up)
        return bad(name,
                   "a sketch has state, state_if, merge, merge_state and standard_error; a sum of_event or of_session");
    if (!column.where.empty() && !column.of_session.empty())
        return bad(name, "what few events add up to is not of sessions");
    for (const std::string* text :
         {&column.present, &column.nothing, &column.of_event, &column.of_session, &column.where, &column.sum,
          &column.value, &column.state, &column.state_if, &column.merge, &column.merge_state, &column.at_most})
        if (holds_statement_end(*text)) return bad(name, "an expression may not hold a semicolon or comment");
    return std::optional(std::move(column));
}

Status read_quotient(element object, Metric& metric, const Vocabulary& known) {
    metric.quotient = texts_of(object, "quotient");
    for (const auto& part : metric.quotient)
        if (known.metric(part) == nullptr) return bad(metric.name, "a quotient is of metrics declared before");
    if (!metric.quotient.empty() && (metric.quotient.size() != 2 || !metric.sources.empty()))
        return bad(metric.name, "a quotient is of two metrics and has no source");
    for (const auto& [key, number] : {std::pair("times", &metric.times), std::pair("per", &metric.per)})
        if (object[key].get(*number) == simdjson::INCORRECT_TYPE || *number < 1)
            return bad(metric.name, fmt::format("'{}' is a positive integer", key));
    return {};
}

Result<array> list_of(simdjson::dom::parser& parser, std::string_view json, const char* key) {
    element root;
    array list;
    if (parser.parse(json.data(), json.size()).get(root) != simdjson::SUCCESS ||
        root[key].get(list) != simdjson::SUCCESS)
        return bad(key, "not an object with that list");
    return list;
}

}  // namespace

std::string_view value_type_name(ValueType type) {
    const auto found =
        std::find_if(std::begin(kTypes), std::end(kTypes), [&](const auto& entry) { return entry.second == type; });
    FOOTFALL_CHECK(found != std::end(kTypes));
    return found->first;
}

const SourceExpression* find_source(const std::vector<SourceExpression>& sources, std::string_view source) {
    const auto found =
        std::find_if(sources.begin(), sources.end(), [&](const auto& entry) { return entry.source == source; });
    return found == sources.end() ? nullptr : &*found;
}

Result<Vocabulary> Vocabulary::parse(std::string_view metrics_json, std::string_view dimensions_json) {
    Vocabulary result;
    simdjson::dom::parser parser;
    TRY(const array metrics, list_of(parser, metrics_json, "metrics"));
    for (const element object : metrics) {
        Metric metric{.name = text_of(object, "name"),
                      .description = text_of(object, "description"),
                      .aliases = texts_of(object, "aliases"),
                      .sources = {},
                      .quotient = {},
                      .rollup = {}};
        const auto type = choice<ValueType>(kTypes, text_of(object, "type"));
        const auto totals = choice<TotalsRule>(kTotals, text_of(object, "totals"));
        if (!type || !totals) return bad(metric.name, "unknown type or totals rule");
        metric.type = *type;
        metric.totals = *totals;
        TRY(metric.sources, sources_of(object, metric.name));
        for (const auto& source : metric.sources)
            if (source.source == "events" && source.event_types.empty())
                return bad(metric.name, "a metric of events names its event types");
        TRY_STATUS(read_quotient(object, metric, result));
        TRY(metric.rollup, rollup_of(object, metric.name));
        if (object["internal"].get(metric.is_internal) == simdjson::INCORRECT_TYPE)
            return bad(metric.name, "'internal' is true or false");
        if (!plain_word(metric.name) || result.metric(metric.name) != nullptr)
            return bad(metric.name, "malformed or doubled name");
        for (const auto& alias : metric.aliases)
            if (!plain_word(alias) || result.metric(alias) != nullptr) return bad(alias, "malformed or doubled alias");
        result.metrics_.push_back(std::move(metric));
    }
    TRY(const array dimensions, list_of(parser, dimensions_json, "dimensions"));
    for (const element object : dimensions) {
        Dimension dimension{.name = text_of(object, "name"),
                            .description = text_of(object, "description"),
                            .granularity = text_of(object, "granularity"),
                            .first_touch = text_of(object, "first_touch"),
                            .last_touch = text_of(object, "last_touch"),
                            .sources = {}};
        const auto type = choice<ValueType>(kTypes, text_of(object, "type"));
        if (!type) return bad(dimension.name, "unknown type");
        dimension.type = *type;
        for (const auto& [key, flag] :
             {std::pair("has_many_values", &dimension.has_many_values),
              std::pair("varies_in_session", &dimension.varies_in_session),
              std::pair("internal", &dimension.is_internal), std::pair("filter_only", &dimension.is_filter_only),
              std::pair("of_pings", &dimension.is_of_pings)})
            if (object[key].get(*flag) == simdjson::INCORRECT_TYPE)
                return bad(dimension.name, fmt::format("'{}' is true or false", key));
        TRY(dimension.sources, sources_of(object, dimension.name));
        if (dimension.varies_in_session && (find_source(dimension.sources, "events") == nullptr ||
                                            find_source(dimension.sources, "sessions") == nullptr))
            return bad(dimension.name, "what varies in a session is of both events and sessions");
        for (const std::string& touch : {dimension.first_touch, dimension.last_touch})
            if (!touch.empty() && (!plain_word(touch) || dimension.sources.size() != 1 ||
                                   find_source(dimension.sources, "sessions") == nullptr))
                return bad(dimension.name, "a touch is a column of sessions, and its dimension of them alone");
        const std::string_view word =
            std::string_view(dimension.name).substr(0, dimension.name.size() - (dimension.takes_key() ? 1 : 0));
        if (!plain_word(word) || result.dimension(dimension.name) != nullptr)
            return bad(dimension.name, "malformed or doubled name");
        if (dimension.is_of_pings && !dimension.is_filter_only)
            return bad(dimension.name, "what pings tell is for filters only");
        if (dimension.is_filter_only &&
            (dimension.type != ValueType::kNumber || find_source(dimension.sources, "events") == nullptr))
            return bad(dimension.name, "what is for filters only is a number of events");
        const bool is_time = dimension.type == ValueType::kDate || dimension.type == ValueType::kTime;
        if (is_time == dimension.granularity.empty())
            return bad(dimension.name, "exactly the time buckets have a granularity");
        result.dimensions_.push_back(std::move(dimension));
    }
    return result;
}

const Metric* Vocabulary::metric(std::string_view name) const {
    for (const Metric& metric : metrics_)
        if (metric.name == name ||
            std::find(metric.aliases.begin(), metric.aliases.end(), name) != metric.aliases.end())
            return &metric;
    return nullptr;
}

const Dimension* Vocabulary::dimension(std::string_view name) const {
    for (const Dimension& dimension : dimensions_)
        if (dimension.takes_key() ? name.starts_with(dimension.name) : name == dimension.name) return &dimension;
    return nullptr;
}

const Dimension* Vocabulary::bucket(std::string_view granularity) const {
    for (const Dimension& dimension : dimensions_)
        if (!granularity.empty() && dimension.granularity == granularity) return &dimension;
    return nullptr;
}

std::string Vocabulary::nearest_metric(std::string_view name) const {
    std::vector<std::string_view> names;
    for (const Metric& metric : metrics_) {
        if (!metric.is_answered()) continue;
        names.emplace_back(metric.name);
        names.insert(names.end(), metric.aliases.begin(), metric.aliases.end());
    }
    return nearest(name, names);
}

std::string Vocabulary::nearest_dimension(std::string_view name) const {
    std::vector<std::string_view> names;
    for (const Dimension& dimension : dimensions_)
        if (!dimension.sources.empty() && !dimension.is_internal) names.emplace_back(dimension.name);
    return nearest(name, names);
}

const Vocabulary& vocabulary() {
    static const Vocabulary instance = [] {
        std::string_view metrics;
        std::string_view dimensions;
        for (const TextFile& file : declarations::files())
            (file.name == "metrics.json" ? metrics : dimensions) = file.text;
        auto parsed = Vocabulary::parse(metrics, dimensions);
        FOOTFALL_CHECK(parsed.has_value());
        return std::move(*parsed);
    }();
    return instance;
}

}  // namespace footfall::query
