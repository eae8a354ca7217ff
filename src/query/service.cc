#include <algorithm>
#include <cmath>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "query/answer.h"
#include "query/answer_cache.h"
#include "query/encoded_rows.h"
#include "query/execution.h"
#include "query/plan.h"
#include "query/query.h"
#include "query/refusals.h"
#include "query/sampled_sql.h"
#include "query/shards.h"
#include "query/sql.h"
#include "query/touch_sql.h"
#include "query/visitor_question.h"
#include "query/vocabulary.h"
#include "query/zone.h"

namespace footfall::query {
namespace {

constexpr std::string_view kOfTables = "events";

/// Ranges of the tables that one statement names; more holes between rolled days are not worth it.
constexpr std::size_t kRangesMax = 20;

/// The rolled days of a range, and what is between them. Without any where they are not to be used; `why_none` says why
/// where the plan would use them.
Cover cover_of(const Plan& plan, const Range& range, const SiteInfo& site, const Zone& zone,
               const Service::Options& options, std::string& why_none) {
    Cover cover{.ranges = {range}, .days = {}};
    why_none.clear();
    if (!plan.rollup || options.rolled_days == nullptr) return cover;
    std::uint64_t events = 0;
    std::vector<RolledDay> days;
    std::vector<Range> between;
    std::int64_t from_ms = range.from_ms;
    const bool is_sketch = plan.rollup->standard_error > 0;
    bool is_sketch_all_there_is = false;
    // What has expired was rolled up whole: between its days there was nothing.
    const auto add_between = [&](std::int64_t begin_ms, std::int64_t end_ms) {
        begin_ms = std::max(begin_ms, std::min(site.expired_ms, end_ms));
        if (begin_ms < end_ms) between.push_back({begin_ms, end_ms, range.unit});
    };
    for (const RolledDay& day :
         options.rolled_days->days(site, zone.day_of(range.from_ms), zone.day_of(range.to_ms),
                                   {.dimension = plan.rollup->dimension, .has_sketches = is_sketch})) {
        const std::int64_t start_ms = zone.day_start_ms(day.day);
        const std::int64_t end_ms = zone.day_start_ms(day.day + 1);
        if (start_ms < from_ms || end_ms > range.to_ms) continue;
        if (start_ms > from_ms) add_between(from_ms, start_ms);
        from_ms = end_ms;
        events += day.events;
        is_sketch_all_there_is = is_sketch_all_there_is || start_ms < site.expired_ms;
        days.push_back(day);
    }
    if (from_ms < range.to_ms) add_between(from_ms, range.to_ms);
    if (days.empty()) why_none = "no rollup: no whole day of the range is summed up";
    else if (between.size() > kRangesMax)
        why_none = fmt::format("no rollup: its {} days of the range leave more than {} holes between them", days.size(),
                               kRangesMax);
    else if (is_sketch && events < options.sketch_above_events && !is_sketch_all_there_is)
        why_none = fmt::format(
            "no rollup: its {} days of the range hold {} events, fewer than query.sketch_above_events, so that "
            "distinct "
            "counts are exact from the events",
            days.size(), events);
    if (!why_none.empty()) return cover;
    cover.ranges = std::move(between);
    cover.days = std::move(days);
    return cover;
}

// ESTIMATE has a row for each table that is read; none where no part can hold a row.
std::uint64_t rows_of_estimate(const store::Answer& answer) {
    constexpr std::size_t kRows = 3;
    std::uint64_t total = 0;
    for (const auto& row : answer.rows)
        if (row.size() > kRows)
            if (const auto* rows = std::get_if<std::uint64_t>(&row[kRows])) total += *rows;
    return total;
}

/// The rows and totals of a plan over a range.
class Question {
public:
    Question(Execution& execution, const Plan& plan, const Range& range, const SiteInfo& site, const Zone& zone,
             const Service::Options& options, KnownSize& known_size)
        : execution_(execution),
          plan_(plan),
          range_(range),
          site_(site),
          zone_(zone),
          options_(options),
          known_size_(known_size),
          timeout_ms_(options.timeout_ms),
          cover_(cover_of(plan, range, site, zone, options, why_no_days_)) {}

    store::Statement statement() const { return compose(plan_, cover_, zone_, timeout_ms_); }
    const Cover& cover() const { return cover_; }
    /// Why the plan's rollup is not read after all; empty where it is, or where the plan has none.
    const std::string& why_no_days() const { return why_no_days_; }
    /// `meta.source`; of the last answer, once there is one.
    std::string source() const {
        if (cover_.days.empty()) return std::string(kOfTables);
        return cover_.ranges.empty() ? "rollup" : "mixed";
    }

    Result<store::Answer> ask() {
        if (plan_.top_rows && (cover_.days.empty() || !plan_.top_rows->rolled_at_most.empty())) {
            if (plan_.top_rows->is_second) {
                auto answer = ask_plainly();
                if (answer || answer.error().code != Code::kTooLarge) return answer;
            }
            TRY(std::optional<store::Answer> found, ask_for_top_rows());
            if (found) return std::move(*found);
        }
        return ask_plainly();
    }
    /// Whether the tables would be read for so many rows that an estimate is to answer instead. Asked of the store,
    /// which knows without reading any.
    Result<bool> is_to_be_sampled() {
        const std::uint64_t rows_max = options_.sample_above_rows;
        if (!plan_.may_be_sampled || rows_max == 0 || !cover_.days.empty()) return false;
        TRY(const std::uint64_t size, known_size_.get([this] { return number(compose_size(timeout_ms_)); }));
        if (size <= rows_max) return false;  // of all sites together: most installations end here
        TRY(const store::Answer estimate, execution_.ask(compose_estimate(statement())));
        rows_to_read_ = rows_of_estimate(estimate);
        return rows_to_read_ > rows_max;
    }
    /// The rows of statement(), as they come. What was given is no answer where it fails.
    Status stream(const store::Client::TakeRow& take) {
        TRY_STATUS(execution_.stream(
            statement(), [this](const auto& columns) { return check_columns(plan_, columns.size()); }, take));
        if (has_its_days()) return {};
        return Error(Code::kUnavailable, "days were summed up again while the question was answered; ask again");
    }
    /// Of all visitors, where is_to_be_sampled().
    std::uint64_t rows_to_read() const { return rows_to_read_; }
    store::Statement sampled_statement() const { return compose_sampled(plan_, range_, zone_, timeout_ms_); }
    /// As ask(), with the columns of sampled_sql.h.
    Result<store::Answer> ask_for_estimate() {
        TRY(store::Answer answer, execution_.ask_on_all_cores(sampled_statement()));
        if (!plan_.has_total || !answer.rows.empty()) return answer;
        // Of groups of which there are none there is no total.
        Plan of_total = plan_;
        of_total.dimensions.clear();
        of_total.has_total = false;
        TRY(store::Answer total, execution_.ask_on_all_cores(compose_sampled(of_total, range_, zone_, timeout_ms_)));
        FOOTFALL_CHECK(total.rows.size() == 1);
        answer.rows_read += total.rows_read;
        std::vector<store::Value> first(plan_.dimensions.size());
        std::move(total.rows[0].begin(), total.rows[0].end(), std::back_inserter(first));
        first.emplace_back(std::uint64_t{1});
        answer.rows.push_back(std::move(first));
        return answer;
    }
    /// By statement(), whatever the plan has for a quicker way.
    Result<store::Answer> ask_plainly() {
        constexpr int kTries = 3;
        for (int tries = 1;; ++tries) {
            auto answer = has_few_groups() ? execution_.ask_on_all_cores(statement()) : execution_.ask(statement());
            if (answer) answer->rows_read += rows_read_;
            if (!answer || has_its_days()) return answer;
            rows_read_ = answer->rows_read;
            cover_ = tries < kTries ? cover_of(plan_, range_, site_, zone_, options_, why_no_days_)
                                    : Cover{.ranges = {range_}, .days = {}};
        }
    }

private:
    /// Numbers and charts. With lists each thread has sets of its own for every group, and more is lost by putting them
    /// together than is won where others wait for a core.
    bool has_few_groups() const {
        return std::all_of(plan_.dimensions.begin(), plan_.dimensions.end(),
                           [](const DimensionColumn& column) { return !column.dimension->granularity.empty(); });
    }
    /// Nothing where the candidates do not decide. What arrives between the statements may be any group's.
    Result<std::optional<store::Answer>> ask_for_top_rows() {
        std::uint64_t size_before = 0;
        if (!plan_.has_total) {
            TRY(size_before, number(compose_size(timeout_ms_)));
        }
        TRY(const store::Answer groups,
            execution_.ask_on_all_cores(compose_candidates(plan_, cover_, zone_, timeout_ms_)));
        rows_read_ += groups.rows_read;
        const std::size_t count_max = plan_.top_rows->candidates;
        if (groups.rows.size() < 1 + count_max + 1) return std::optional<store::Answer>();
        std::vector<std::string> names;
        std::vector<std::uint64_t> bounds;
        for (const auto& row : std::span(groups.rows).subspan(1)) {
            names.push_back(std::get<std::string>(row[0]));
            bounds.push_back(bound_of_estimate(natural(row[1])));
        }
        // Bytes that are no UTF-8 do not come as they are, and would not find their group again.
        constexpr std::string_view kReplaced = "\xEF\xBF\xBD";
        for (const std::string& name : std::span(names).first(count_max))
            if (name.find(kReplaced) != std::string::npos) return std::optional<store::Answer>();
        const std::uint64_t of_all = natural(groups.rows.front()[1]);
        const std::size_t metric = plan_.dimensions.size() + plan_.order.front().index;

        std::size_t count = likely_to_decide(bounds);
        while (true) {
            TRY(store::Answer answer,
                execution_.ask_on_all_cores(
                    compose_top_rows(plan_, cover_, zone_, std::span(names).first(count), names[count], timeout_ms_)));
            rows_read_ += answer.rows_read;
            if (answer.rows.size() != (plan_.has_total ? 1 : 0) + static_cast<std::size_t>(plan_.limit))
                return std::optional<store::Answer>();
            const std::uint64_t last = natural(answer.rows.back()[metric]);
            if (last > bounds[count]) {
                TRY(const bool is_decided, decides(last - bounds[count], of_all, size_before, answer));
                if (!is_decided || !has_its_days()) return std::optional<store::Answer>();
                answer.rows_read = rows_read_;
                return std::optional<store::Answer>(std::move(answer));
            }
            // Now it is known how many can be better.
            const auto needed = static_cast<std::size_t>(
                std::find_if(bounds.begin(), bounds.end(), [&](std::uint64_t bound) { return bound < last; }) -
                bounds.begin());
            if (needed <= count || needed > count_max) return std::optional<store::Answer>();
            count = needed;
        }
    }

    /// What comes from sketches may be more than there is: beyond four standard errors once in 30,000 times.
    std::uint64_t bound_of_estimate(std::uint64_t bound) const {
        const double error = cover_.days.empty() ? 0 : plan_.rollup->standard_error;
        return static_cast<std::uint64_t>(std::ceil(static_cast<double>(bound) * (1 + 4 * error)));
    }
    /// A day that was made again meanwhile may have lost rows of the generation that was read.
    bool has_its_days() const { return cover_.days.empty() || options_.rolled_days->are_kept(site_, cover_.days); }

    /// How many groups are counted first. Each more costs; too few cost a second statement. Most often a group has no
    /// less of the metric than three quarters of its bound: of a page's views, different visitors.
    std::size_t likely_to_decide(const std::vector<std::uint64_t>& bounds) const {
        const auto asked = static_cast<std::size_t>(plan_.limit + plan_.offset);
        std::size_t count = asked;
        while (count < plan_.top_rows->candidates && 4 * bounds[count] >= 3 * bounds[asked - 1]) ++count;
        return count;
    }

    /// Whether less than `lead` has come since the bounds were asked for; takes the column that says so from `answer`.
    Result<bool> decides(std::uint64_t lead, std::uint64_t of_all, std::uint64_t size_before, store::Answer& answer) {
        const auto is_little = [&](std::uint64_t before, std::uint64_t now) {
            return now >= before && now - before < lead;
        };
        if (plan_.has_total) {
            const std::uint64_t of_all_now = natural(answer.rows.front().back());
            answer.columns.pop_back();
            for (auto& row : answer.rows) row.pop_back();
            return is_little(of_all, of_all_now);
        }
        // The table's size costs nothing and says the most that can have come; what has come of what is asked for is
        // counted only where that is too much.
        TRY(const std::uint64_t size_now, number(compose_size(timeout_ms_)));
        if (is_little(size_before, size_now)) return true;
        TRY(const std::uint64_t of_all_now, number(compose_bound(plan_, cover_, zone_, timeout_ms_)));
        return is_little(of_all, of_all_now);
    }

    /// Of a statement whose answer is one.
    Result<std::uint64_t> number(store::Statement statement) {
        TRY(const store::Answer answer, execution_.ask(std::move(statement)));
        rows_read_ += answer.rows_read;
        return natural(answer.rows.at(0).at(0));
    }
    static std::uint64_t natural(const store::Value& value) {
        const auto* number = std::get_if<std::uint64_t>(&value);
        FOOTFALL_CHECK(number != nullptr);  // the declarations name counts alone
        return *number;
    }

    Execution& execution_;
    const Plan& plan_;
    const Range& range_;
    const SiteInfo& site_;
    const Zone& zone_;
    const Service::Options& options_;
    KnownSize& known_size_;
    const int timeout_ms_;
    std::string why_no_days_;  // before cover_, which says it
    Cover cover_;
    std::uint64_t rows_read_ = 0;  ///< by what did not become the answer
    std::uint64_t rows_to_read_ = 0;
};

/// Whether an answer of that source has distinct counts that were put together from the rollup's.
bool is_of_sketches(const Plan& plan, std::string_view source) {
    return source != kOfTables && plan.rollup && plan.rollup->standard_error > 0;
}

/// Everything that the answer to a statement depends on but the rows; `more` is what its text does not say.
std::string key_of(const store::Statement& statement, std::string_view more = {}) {
    std::string key(more);
    const auto add = [&key](std::string_view text) { key += fmt::format("\n{}:{}", text.size(), text); };
    add(statement.sql);
    for (const auto& [name, value] : statement.parameters) {
        add(name);
        add(value);
    }
    return key;
}

/// Which days come from the rollup, and as of when: days are summed up, and those whose events have expired are put
/// back, without a batch that touches them.
std::uint64_t fingerprint_of(const Cover& cover) {
    std::uint64_t hash = cover.days.size();
    const auto mix = [&hash](std::uint64_t value) { hash = (hash ^ value) * 0x100000001b3; };  // FNV-1a, by number
    for (const RolledDay& day : cover.days) {
        mix(static_cast<std::uint64_t>(day.day - Day(1970, 1, 1)));
        mix(day.generation);
    }
    return hash;
}

/// Which rows an answer depends on.
AnswerCache::Scope scope_of(const Plan& plan, const Range& range, const store::Statement& statement,
                            bool is_of_all_before) {
    AnswerCache::Scope scope{.site_id = plan.website_id, .from_ms = range.from_ms, .to_ms = range.to_ms};
    // By what a visitor came at first or at last is looked for in all sessions.
    if (is_of_all_before || asks_for_touches(plan)) scope.from_ms = 0;
    // What pages tell of the time on them comes after them, and may come from a clock that is slow.
    if (statement.sql.find("'ping'") != std::string::npos) {
        constexpr std::int64_t kHourMs = 3'600'000;
        scope.from_ms = std::max<std::int64_t>(0, scope.from_ms - kHourMs);
        scope.to_ms += 25 * kHourMs;
    }
    return scope;
}

std::string_view reason_of_cache(bool is_kept) {
    return is_kept ? "cache: the answer is kept, since nothing touched what it is of; asked again for this explanation"
                   : "cache: the answer is not kept";
}

std::vector<std::string> reasons_of(const Plan& plan, const Question& question, std::uint64_t sampled_rows) {
    const Cover& cover = question.cover();
    std::vector<std::string> reasons = plan.reasons;
    if (!question.why_no_days().empty()) reasons.push_back(question.why_no_days());
    if (sampled_rows > 0) {
        reasons.push_back(fmt::format(
            "sampled: about {} rows would be read, more than query.sample_above_rows; the statement reads those of one "
            "in {} visitors, and each number has its 95 % interval; 'exact' reads all",
            sampled_rows, Sample{}.one_in));
        return reasons;
    }
    if (cover.days.empty()) {
        reasons.emplace_back("exact: no sampling, no sketches");
        return reasons;
    }
    reasons.push_back(fmt::format(
        "rollup: {} days from {} to {} are read by day from footfall.rollup_days, {} of the range from the tables",
        cover.days.size(), day_text(cover.days.front().day), day_text(cover.days.back().day),
        cover.ranges.empty() ? "nothing" : fmt::format("{} parts", cover.ranges.size())));
    if (plan.rollup->standard_error > 0)
        reasons.push_back(
            fmt::format("distinct counts are sketches, of a standard error of {:.2f} %; 'exact' counts "
                        "them one by one",
                        100 * plan.rollup->standard_error));
    return reasons;
}

}  // namespace

Service::Service(store::Client& store, Clock& clock, const Options& options)
    : store_(store),
      clock_(clock),
      options_(options),
      cache_({.bytes_max = options.data_state ? options.cache_bytes_max : 0,
              .state = options.data_state,
              .shared = options.shared}),
      known_size_(options.data_state) {}

Result<Execution> Service::begin(std::optional<std::int64_t> asked_ns, const std::stop_token& stop,
                                 const std::shared_ptr<Progress>& progress) const {
    const std::int64_t deadline_ns =
        asked_ns.value_or(clock_.steady_ns()) + options_.timeout_ms * std::int64_t{1'000'000};
    Execution execution(store_, clock_,
                        {.deadline_ns = deadline_ns,
                         .memory_max = options_.memory_max,
                         .all_cores_memory_max = options_.all_cores_memory_max},
                        stop, progress);
    if (stop.stop_requested()) return nobody_waits();
    if (asked_ns && execution.left_ms() <= 0) return waited_too_long();
    return execution;
}

Result<std::string> Service::run(const Request& request, const SiteInfo& site,
                                 const std::function<std::string()>& as_of, Format format,
                                 std::optional<std::int64_t> asked_ns, const std::stop_token& stop,
                                 const std::shared_ptr<Progress>& progress) {
    TRY(Execution execution, begin(asked_ns, stop, progress));
    TRY(const Zone zone, Zone::load(site.timezone));
    if (format == Format::kEvents) format = Format::kJson;
    Request asked = request;
    if (format != Format::kJson) asked.totals = Toggle::kOff;  // no other has a place for them
    TRY(Plan plan,
        make_plan(
            {.request = asked, .site = site, .zone = zone, .vocabulary = vocabulary(), .now_ms = clock_.wall_ms()}));
    // Nor for what says that they are estimates.
    if (format != Format::kJson) plan.may_be_sampled = false;

    AnswerParts parts;
    parts.as_of = as_of();
    const auto of_tables = [&](const Range& range) {
        return compose(plan, {.ranges = {range}, .days = {}}, zone, options_.timeout_ms);
    };
    // With what the tables' statement does not say of a question.
    const auto key_as = [&](const store::Statement& statement, const Question& question) {
        return key_of(statement, fmt::format("{} {} {} {}", plan.rollup ? plan.rollup->standard_error : 0.0,
                                             site.expired_ms, fingerprint_of(question.cover()), plan.may_be_sampled));
    };
    const auto ask_over = [&](const Range& range) -> Result<AnswerCache::Found> {
        Question question(execution, plan, range, site, zone, options_, known_size_);
        const store::Statement statement = of_tables(range);
        return cache_.get(
            key_as(statement, question), scope_of(plan, range, statement, false),
            {.deadline_ns = execution.deadline_ns(), .stop = stop},
            [&](const std::stop_token& of_all) -> Result<AnswerCache::Kept> {
                const Execution::Shared shared(execution, of_all);
                TRY(const bool is_sampled, question.is_to_be_sampled());
                TRY(store::Answer answer, is_sampled ? question.ask_for_estimate() : question.ask());
                return AnswerCache::Kept{std::move(answer), question.source(), is_sampled ? Sample{}.rate() : 1};
            });
    };
    std::string source;
    if (request.explain == Toggle::kOn) {
        Question current(execution, plan, plan.range, site, zone, options_, known_size_);
        TRY(const bool is_sampled, current.is_to_be_sampled());
        TRY(parts.current, is_sampled ? current.ask_for_estimate() : current.ask_plainly());
        if (is_sampled) parts.sample_rate = Sample{}.rate();
        const store::Statement statement = is_sampled ? current.sampled_statement() : current.statement();
        TRY(const store::Answer estimate, execution.ask(compose_estimate(statement)));
        parts.explanation = Explanation{statement, rows_of_estimate(estimate),
                                        reasons_of(plan, current, is_sampled ? current.rows_to_read() : 0)};
        parts.explanation->reasons.emplace_back(reason_of_cache(cache_.has(key_as(of_tables(plan.range), current))));
        source = current.source();
    } else {
        TRY(const AnswerCache::Found found, ask_over(plan.range));
        parts.current = found.kept->answer;
        parts.sample_rate = found.kept->sample_rate;
        if (found.is_cached) parts.current.rows_read = 0;
        parts.is_cached = found.is_cached;
        source = found.kept->source;
    }
    if (is_encoded_by_store(format)) {
        TRY_STATUS(check_rows(plan, parts.current));
        return execution.fetch(compose_encoding(plan, zone, parts.current, format, options_.timeout_ms));
    }
    if (format != Format::kJson) return write_rows(plan, zone, parts.current, format);
    if (plan.previous) {
        TRY(const AnswerCache::Found found, ask_over(*plan.previous));
        parts.previous = found.kept->answer;
        parts.previous_sample_rate = found.kept->sample_rate;
        parts.previous_is_of_sketches = is_of_sketches(plan, found.kept->source);
        if (found.is_cached) parts.previous->rows_read = 0;
        parts.is_cached = parts.is_cached && found.is_cached;
    }
    if (plan.range.from_ms < site.expired_ms && source == kOfTables)
        parts.events_from = day_text(zone.day_of(site.expired_ms));
    const std::int64_t first_ms =
        plan.previous ? std::min(plan.range.from_ms, plan.previous->from_ms) : plan.range.from_ms;
    if (plan.rollup && options_.rolled_days != nullptr && first_ms < site.expired_ms)
        parts.days_missing =
            site.kept_days - std::min<std::uint64_t>(site.kept_days, options_.rolled_days->expired_days(site));
    parts.is_of_sketches = is_of_sketches(plan, source);
    parts.source = std::move(source);
    parts.took_ms = execution.took_ms();
    return write_answer(plan, zone, parts);
}

Status Service::stream(const Request& request, const SiteInfo& site, Format format, const Take& take,
                       std::optional<std::int64_t> asked_ns, const std::stop_token& stop) {
    constexpr std::size_t kPieceBytes = 64 * 1024;
    TRY(Execution execution, begin(asked_ns, stop));
    TRY(const Zone zone, Zone::load(site.timezone));
    Request asked = request;
    asked.totals = Toggle::kOff;
    TRY(const Plan plan,
        make_plan(
            {.request = asked, .site = site, .zone = zone, .vocabulary = vocabulary(), .now_ms = clock_.wall_ms()}));
    Question question(execution, plan, plan.range, site, zone, options_, known_size_);
    RowsWriter writer(plan, zone, format);
    const auto add = [&](const std::vector<store::Value>& row) -> Status {
        writer.add(row);
        if (writer.text().size() < kPieceBytes) return {};
        TRY_STATUS(take(writer.text()));
        writer.text().clear();
        return {};
    };
    TRY_STATUS(question.stream(add));
    return take(writer.text());
}

Result<std::string> Service::run(const VisitorRequest& request, const SiteInfo& site,
                                 const std::function<std::string()>& as_of, std::optional<std::int64_t> asked_ns,
                                 const std::stop_token& stop, const std::shared_ptr<Progress>& progress) {
    TRY(Execution execution, begin(asked_ns, stop, progress));
    TRY(const Zone zone, Zone::load(site.timezone));
    TRY(const auto question, request.plan({.request = request.of,
                                           .site = site,
                                           .zone = zone,
                                           .vocabulary = vocabulary(),
                                           .now_ms = clock_.wall_ms()}));
    using Compose = std::function<store::Statement(const Shard&)>;
    const Plan& plan = question->plan();
    const bool explains = request.of.explain == Toggle::kOn;
    AnswerParts parts;
    parts.as_of = as_of();
    parts.is_cached = !explains;
    std::uint64_t in_parts = 1;
    const auto ask = [&](const Compose& compose, std::span<const std::size_t> keys) -> Result<store::Answer> {
        const auto compute = [&](const std::stop_token& of_all) -> Result<AnswerCache::Kept> {
            const Execution::Shared shared(execution, of_all);
            TRY(ShardedAnswer asked, ask_by_shards(execution, compose, keys, in_parts));
            in_parts = asked.count;
            return AnswerCache::Kept{std::move(asked.answer), std::string(kOfTables)};
        };
        if (explains) {
            TRY(AnswerCache::Kept made, compute(stop));
            return std::move(made.answer);
        }
        const store::Statement statement = compose({});
        const auto scope = scope_of(plan, plan.range, statement, question->is_of_all_before());
        TRY(const AnswerCache::Found found,
            cache_.get(key_of(statement), scope, {.deadline_ns = execution.deadline_ns(), .stop = stop}, compute));
        store::Answer answer = found.kept->answer;
        if (found.is_cached) answer.rows_read = 0;
        else parts.is_cached = false;
        return answer;
    };
    std::uint64_t read_before = 0;
    if (const auto before = question->before()) {
        TRY(const store::Answer known,
            ask([&](const Shard& shard) { return before->compose(shard, options_.timeout_ms); }, before->keys));
        read_before = known.rows_read;
        TRY_STATUS(question->learn(known));
    }
    const Compose compose = [&](const Shard& shard) { return question->compose(shard, options_.timeout_ms); };
    TRY(parts.current, ask(compose, question->keys()));
    parts.current.rows_read += read_before;
    question->arrange(parts.current);
    if (const auto after = question->after()) {
        TRY(store::Answer told,
            ask([&](const Shard& shard) { return after->compose(shard, options_.timeout_ms); }, after->keys));
        parts.current.rows_read += told.rows_read;
        TRY_STATUS(question->learn_after(std::move(told)));
    }
    if (explains) {
        const store::Statement statement = compose({});
        TRY(const store::Answer estimate, execution.ask(compose_estimate(statement)));
        parts.explanation = Explanation{statement, rows_of_estimate(estimate), plan.reasons};
        auto& reasons = parts.explanation->reasons;
        if (in_parts > 1)
            reasons.push_back(
                fmt::format("too much for the store's memory at once: asked of {} parts of the visitors after the "
                            "other, each between two values of visitor_id",
                            in_parts));
        reasons.emplace_back(reason_of_cache(cache_.has(key_of(statement))));
    }
    if (question->is_of_all_before() ? site.expired_ms > 0 : plan.range.from_ms < site.expired_ms)
        parts.events_from = day_text(zone.day_of(site.expired_ms));
    parts.took_ms = execution.took_ms();
    return question->write(parts);
}

}  // namespace footfall::query
