#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "query/plan.h"
#include "query/zone.h"
#include "store/client.h"

namespace footfall::query {

/// What `explain` adds to an answer.
struct Explanation {
    store::Statement statement;
    std::uint64_t rows_to_read = 0;
    std::vector<std::string> reasons;
};

/// Everything that stands in an answer.
struct AnswerParts {
    store::Answer current;
    std::optional<store::Answer> previous;  ///< of the period before
    // Of the visitors; where it is less than 1, the answer has the columns of sampled_sql.h.
    double sample_rate = 1;
    double previous_sample_rate = 1;
    // Of rolled days, whose distinct counts are put together from sketches (sketch_error.h).
    bool is_of_sketches = false;
    bool previous_is_of_sketches = false;
    std::optional<Explanation> explanation;
    std::string source = "events";  ///< or "rollup", "mixed"
    std::string as_of;
    std::string events_from{};       ///< the day before which there are none any more, where the question needed them
    std::uint64_t days_missing = 0;  ///< of those whose events are gone, that nothing can tell at present
    double took_ms = 0;
    bool is_cached = false;  ///< nothing was asked of the store
};

/// The member "meta" of an answer.
void write_meta(json::Writer& json, const Plan& plan, const Zone& zone, const AnswerParts& parts);

/// The answer's JSON, as the contract has it; `totals` is null where none were asked for. `comparison` is null or
/// {from, to, rows, totals} of the period before: its rows are those of that period in the same order and columns, not
/// matched to the current ones. Where an answer is an estimate, from a sample or from sketches, `meta`, and of the
/// period before `comparison`, has its `sample_rate` and as `confidence` the ends of the interval of each value:
/// {level, rows, totals}. kInternal where the store's columns are not the plan's.
Result<std::string> write_answer(const Plan& plan, const Zone& zone, const AnswerParts& parts);

/// What is shown of a row: an array of its cells.
void write_cells(json::Writer& json, const Plan& plan, const Zone& zone, const std::vector<store::Value>& row);

/// kInternal where the store's columns are not the plan's.
Status check_rows(const Plan& plan, const store::Answer& answer);

/// The same of the columns alone.
Status check_columns(const Plan& plan, std::size_t columns);

/// Writes rows as CSV or NDJSON (query.h), one after the other. It borrows plan and zone.
class RowsWriter {
public:
    RowsWriter(const Plan& plan, const Zone& zone, Format format);

    /// A row as the store has it.
    void add(const std::vector<store::Value>& row);
    /// What is written by now, and not taken yet.
    std::string& text() { return text_; }

private:
    void add_field(ValueType type, const store::Value& value);
    void end_record();

    const Plan& plan_;
    const Zone& zone_;
    const Format format_;
    std::string text_;
    std::string record_;  ///< of CSV, that is being written
};

/// The answer's rows alone, as CSV or NDJSON (query.h). kInternal as above.
Result<std::string> write_rows(const Plan& plan, const Zone& zone, const store::Answer& answer, Format format);

}  // namespace footfall::query
