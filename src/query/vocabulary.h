#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace footfall::query {

/// Type of a column of the answer. kTime is an instant written as ISO 8601 with the offset of the site's zone, kDate a
/// day.
enum class ValueType : std::uint8_t { kString, kInteger, kNumber, kDecimal, kDate, kTime };
std::string_view value_type_name(ValueType type);

/// Whether the rows' values add up to the total.
enum class TotalsRule : std::uint8_t { kSum, kDistinct, kRatio };

/// How one table answers a metric or dimension.
struct SourceExpression {
    std::string source;
    std::string expression;
    std::vector<std::string> event_types;  ///< of a metric: the rows that it looks at
    bool by_sessions = false;  ///< of a metric of events: over the sessions that have such events it gives the same
    std::string at_most;  ///< of a metric that is dear for each of many groups: what is never less and cheap; or empty
    bool with_pings = false;  ///< of a metric of events: they are joined with what pings told of them
    std::string rows_of;      ///< of a time bucket in the rollup: the dimension whose rows are put together; or empty
};

/// How footfall.rollup_days keeps a metric, by day and value of a dimension.
struct RollupColumn {
    std::string column;
    std::string by;       ///< the only dimension in whose rows it is kept, by statements of its own; empty: by each
    std::string present;  ///< over columns of the rollup: not 0 where the metric's source has a row
    std::string nothing;  ///< of the column, where nothing was counted
    // What adds up to the column; empty where nothing of that kind does.
    std::string of_event;
    std::string of_session;
    std::string where;  ///< the only events that add something, a few; empty: all do
    std::string sum;    ///< the function that adds up
    std::string value;  ///< the number in the column of a row
    // Of distinct counts, whose days do not add up; empty where the column is a number and days do.
    std::string state;          ///< of the rows of the metric's source
    std::string state_if;       ///< of those where {present} is not 0
    std::string merge;          ///< function: states to the metric's value
    std::string merge_state;    ///< function: states to one
    double standard_error = 0;  ///< of a value from states, relative
    std::string at_most;        ///< over columns of the rollup: as SourceExpression::at_most; or empty

    bool is_sketch() const { return !state.empty(); }
    /// The value over rows of the rollup, for a statement that puts it together with others: a number or a state.
    std::string partial() const { return is_sketch() ? merge_state + "(" + column + ")" : "sum(" + value + ")"; }
};

/// The dimension that takes the name of a property behind it.
inline constexpr std::string_view kProperty = "property:";

struct Metric {
    std::string name;
    std::string description;  ///< for people
    std::vector<std::string> aliases;
    ValueType type = ValueType::kInteger;
    TotalsRule totals = TotalsRule::kSum;
    std::vector<SourceExpression> sources;
    /// Names of two metrics of which the one is divided by the other; empty where `sources` say it.
    std::vector<std::string> quotient;
    // What the quotient is multiplied with and divided by.
    std::int64_t times = 1;
    std::int64_t per = 1;
    bool is_internal = false;  ///< a part of other metrics, not asked for by name
    std::optional<RollupColumn> rollup;

    /// False: known, but not answered by this version.
    bool is_answered() const { return !is_internal && (!sources.empty() || !quotient.empty()); }
};

struct Dimension {
    std::string name;         ///< ends with a colon where the rest of the asked name is a key ("property:")
    std::string description;  ///< for people
    ValueType type = ValueType::kString;
    std::string granularity;       ///< of a time bucket: minute, hour, day, week or month
    bool has_many_values = false;  ///< thousands on a large site
    bool varies_in_session =
        false;                    ///< a session has its first event's value, and another event of it may have another
    bool is_internal = false;     ///< of the rollup's rows, not asked for by name
    bool is_filter_only = false;  ///< a number of each event, by which events are found and not put into groups
    bool is_of_pings = false;     ///< of a pageview, over the pings that tell of it; 0 without one
    // The column of footfall.sessions that another session of the visitor gives: their first one, or the last that did
    // not come directly (docs/adr/0018). Empty where the dimension is of the session itself.
    std::string first_touch;
    std::string last_touch;
    std::vector<SourceExpression> sources;

    bool takes_key() const { return name.ends_with(':'); }
};

const SourceExpression* find_source(const std::vector<SourceExpression>& sources, std::string_view source);

/// The metrics and dimensions of schema/metrics.json and schema/dimensions.json.
class Vocabulary {
public:
    /// kCorrupt where a declaration is malformed, doubled, or would put a character into SQL that no declaration needs.
    static Result<Vocabulary> parse(std::string_view metrics_json, std::string_view dimensions_json);

    /// By name or alias, internal ones too; nullptr where there is none.
    const Metric* metric(std::string_view name) const;
    const Dimension* dimension(std::string_view name) const;
    /// The time bucket of a granularity.
    const Dimension* bucket(std::string_view granularity) const;

    const std::vector<Metric>& metrics() const { return metrics_; }
    const std::vector<Dimension>& dimensions() const { return dimensions_; }

    /// The nearest name that this version answers; empty where none is near.
    std::string nearest_metric(std::string_view name) const;
    std::string nearest_dimension(std::string_view name) const;

private:
    std::vector<Metric> metrics_;
    std::vector<Dimension> dimensions_;
};

/// The embedded declarations, read once. Immutable.
const Vocabulary& vocabulary();

}  // namespace footfall::query
