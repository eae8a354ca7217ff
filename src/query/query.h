#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "query/answer_cache.h"
#include "query/known_size.h"
#include "query/zone.h"
#include "store/client.h"

/// From a request's JSON to an answer: parse_request → make_plan (plan.h: passes in order) → SQL (sql.h) → store
/// → write_answer (answer.h). Metrics and dimensions are declared in schema/metrics.json and schema/dimensions.json;
/// nothing else gives identifiers, and every value of a request reaches the store as a parameter.
namespace footfall::query {

/// Limits of one request. Beyond each is 400 with the code "limit_exceeded".
inline constexpr std::size_t kBodyBytesMax = 256 * 1024;
inline constexpr std::size_t kMetricsMax = 20;
inline constexpr std::size_t kDimensionsMax = 8;
inline constexpr std::size_t kOrderTermsMax = 8;
inline constexpr std::size_t kFiltersMax = 50;  // conditions, those inside and/or/not included
inline constexpr std::size_t kFilterDepthMax = 8;
inline constexpr std::size_t kFilterValuesMax = 1'000;  // over all conditions
inline constexpr std::size_t kValueBytesMax = 2'000;
inline constexpr std::size_t kPatternBytesMax = 500;
inline constexpr std::int64_t kRowsDefault = 100;
inline constexpr std::int64_t kRowsMax = 10'000;
inline constexpr std::int64_t kStreamedRowsMax = 1'000'000;  ///< as CSV and NDJSON, which are sent as they come
inline constexpr std::int64_t kOffsetMax = 1'000'000;

/// How an answer is written. kCsv and kNdjson are its rows alone, without totals, comparison and meta: CSV as RFC 4180
/// has it, with the columns' names as its first record, nothing where a value is null, and an apostrophe before a text
/// that a spreadsheet would take for a formula; NDJSON with an object a row. So are the binary ones (encoded_rows.h):
/// Arrow's file and stream, and Parquet. kEvents is JSON as well, behind events that tell how far it is.
enum class Format : std::uint8_t { kJson, kCsv, kNdjson, kArrow, kArrowStream, kParquet, kEvents };

enum class Operator : std::uint8_t {
    kIs,
    kIsNot,
    kContains,
    kContainsNot,
    kMatches,
    kMatchesNot,
    kGt,
    kLt,
    kBetween,
    kIsSet,
    kIsNotSet
};

/// A goal as it was declared: pageviews of such a page, or custom events of such a name, or any, that pass the filters.
struct GoalDeclaration {
    enum class Of : std::uint8_t { kPage, kEvent };
    std::string name;
    Of of = Of::kPage;
    bool is_of_any = false;  ///< whatever the page or name: the filters alone say which
    Operator op = Operator::kIs;
    std::string value;
    std::string filters = "[]";  ///< JSON, as `filters` of a request
};

/// A segment as it was saved.
struct SegmentDeclaration {
    std::string name;
    std::string filters = "[]";  ///< JSON, as `filters` of a request
};

/// What the planner needs of the catalog.
struct SiteInfo {
    std::string id;
    std::string timezone;  ///< IANA name
    std::int64_t created_ms = 0;
    std::string currency{};  ///< of its revenue; empty: that of its first event that names one
    std::int64_t session_timeout_longest_ms = 30 * 60'000;  ///< that its sessions ever had
    std::vector<GoalDeclaration> goals{};
    std::vector<SegmentDeclaration> segments{};
    /// Of before there are no events any more, only rolled days: the start of a day, epoch ms; 0: nothing has expired.
    std::int64_t expired_ms = 0;
    /// How many such days there are by the calendar in which they were summed up, whatever the site's is now.
    std::uint64_t kept_days = 0;
};

/// A day of a site whose numbers are in footfall.rollup_days, in the rows of that generation.
struct RolledDay {
    Day day;
    std::uint64_t generation = 0;
    std::uint64_t events = 0;  ///< that it holds
    bool operator==(const RolledDay&) const = default;
};

/// Which days of the rollup say what the tables say. Thread-safe.
class RolledDays {
public:
    virtual ~RolledDays() = default;
    /// What is needed of a day.
    struct Need {
        std::string_view dimension;  ///< its rows, also none; "" for the site as a whole
        bool has_sketches = false;   ///< distinct counts
    };
    /// Those of [first, last] by the calendar of the site's zone that have it, in order.
    virtual std::vector<RolledDay> days(const SiteInfo& site, Day first, Day last, const Need& need) const = 0;
    /// Whether rows of these generations are still the table's: what read them meanwhile has read all of them.
    virtual bool are_kept(const SiteInfo& site, const std::vector<RolledDay>& days) const = 0;
    /// How many there are by that calendar of which there are no events any more.
    virtual std::size_t expired_days(const SiteInfo& site) const = 0;
};

/// A filter as asked: a test of one dimension, or and/or/not over others; kDone: the visitor has an event, or a
/// session, in the range that passes all of the children. `field` is its path in the request, for errors.
struct Filter {
    enum class Kind : std::uint8_t { kTest, kAnd, kOr, kNot, kDone };
    Kind kind = Kind::kTest;
    std::vector<Filter> children;
    std::string dimension;
    Operator op = Operator::kIs;
    std::vector<std::string> values;
    std::string field;
};

enum class Direction : std::uint8_t { kAscending, kDescending };
/// What a range is compared with: the range of the same length before it, the same days a year before, or days of one's
/// own. Of days that are not over, as much of them as of the range.
enum class Compare : std::uint8_t { kNothing, kPreviousPeriod, kPreviousYear, kDays };
enum class Toggle : std::uint8_t { kOff, kOn };

struct OrderTerm {
    std::string name;
    Direction direction = Direction::kAscending;
};

/// The range as asked: days of the site's calendar, both included; instants, `from` included and `to` not; or a name.
struct RangeRequest {
    enum class Kind : std::uint8_t { kNamed, kDays, kInstants };
    Kind kind = Kind::kNamed;
    std::string from;  ///< the name, where it is a named one
    std::string to;
};

/// One request of POST /api/v1/query, of the right shape; names and values are judged by the planner.
struct Request {
    std::string website_id;
    std::vector<std::string> metrics;
    std::vector<std::string> dimensions;
    RangeRequest range{.kind = RangeRequest::Kind::kNamed, .from = "30d", .to = {}};
    std::string granularity;
    std::vector<Filter> filters;           ///< all of them must hold
    std::optional<std::string> segment{};  ///< of the site; its filters are in `filters` after apply_segment()
    std::vector<OrderTerm> order_by;
    std::int64_t limit = kRowsDefault;
    std::int64_t offset = 0;
    Compare compare = Compare::kNothing;
    RangeRequest compare_days{.kind = RangeRequest::Kind::kDays, .from = {}, .to = {}};  ///< where it is kDays
    Toggle totals = Toggle::kOn;
    Toggle include_bots = Toggle::kOff;
    Toggle exact = Toggle::kOff;
    Toggle explain = Toggle::kOff;
};

/// Reads the body of a request. Errors are kInvalidArgument (kTooLarge for the body's size) with the contract's `code`
/// in `name`, the path in `field` and the nearest word in `did_you_mean`. A member that is unknown is an error too: a
/// misspelt "filters" must not answer with everything. Of the format it depends how many rows may be asked for.
Result<Request> parse_request(std::string_view body, Format format = Format::kJson);

/// The same of `filters` alone, at that path.
Result<std::vector<Filter>> parse_filters(std::string_view json, const std::string& field = "filters");
/// Whether a question can be answered that asks for this goal. kInvalidArgument, with the member in `field`.
Status check_goal(const GoalDeclaration& declared);

/// Whether so many rows in that format are not kept whole anywhere, but sent as they come.
bool is_streamed(Format format, std::int64_t limit);

struct VisitorRequest;
class Execution;
class Progress;

/// Answers requests from the event store. Thread-safe.
class Service {
public:
    struct Options {
        int timeout_ms = 30'000;  ///< from when it was asked; past it kTimeout, kOverloaded where it only waited
        /// Bytes that the store may take for a statement on all of its cores; where it needs more it has one core. So
        /// the statements that run meanwhile keep theirs.
        std::uint64_t all_cores_memory_max = 200'000'000;
        std::uint64_t memory_max = 0;  ///< bytes that the store may take for one statement; 0: the store's own limit
        const RolledDays* rolled_days = nullptr;  ///< outlives the service; null: the rollup is not asked
        /// Distinct counts of days that hold fewer events are counted from the events, exactly.
        std::uint64_t sketch_above_events = 2'000'000;
        /// Estimated rows above which a question is answered from a sample of the visitors; 0: none is.
        std::uint64_t sample_above_rows = 0;
        std::uint64_t cache_bytes_max = 0;  ///< of answers that are kept
        /// What the tables hold, in step with cache().touch(); without it no answer is kept.
        std::function<DataState()> data_state{};
        SharedAnswers* shared = nullptr;  ///< see AnswerCache::Options
    };
    Service(store::Client& store, Clock& clock, const Options& options);

    AnswerCache& cache() { return cache_; }

    /// The answer in that format (kEvents: as kJson). `as_of` is asked once, before the store is read, so that the
    /// answer holds everything up to that moment. `asked_ns` is the steady time at which the question came, now by
    /// default. `stop` says that nobody waits for the answer any more: its statements end, unless others wait for
    /// theirs, and it is nobody_waits() (refusals.h). Errors: as parse_request for names and values that the planner
    /// refuses; those of store::Client, except that a statement which the store calls wrong is kInternal, since a
    /// caller can't write one. `progress` (progress.h), where it is given, shows what the question's own statements
    /// have read; of an answer that somebody else's computation gives, nothing.
    Result<std::string> run(const Request& request, const SiteInfo& site, const std::function<std::string()>& as_of,
                            Format format = Format::kJson, std::optional<std::int64_t> asked_ns = std::nullopt,
                            const std::stop_token& stop = {}, const std::shared_ptr<Progress>& progress = nullptr);
    /// The answer as CSV or NDJSON, in pieces of some 64 KiB as the store gives its rows: what run() gives, byte for
    /// byte, with bounded memory for any limit, and not kept. Errors as of run(), and those of `take`, which end the
    /// statement; also after pieces, and then what was given is no answer.
    using Take = std::function<Status(std::string_view piece)>;
    Status stream(const Request& request, const SiteInfo& site, Format format, const Take& take,
                  std::optional<std::int64_t> asked_ns = std::nullopt, const std::stop_token& stop = {});
    /// The same of what each visitor did, as a funnel (visitor_question.h), as JSON.
    Result<std::string> run(const VisitorRequest& request, const SiteInfo& site,
                            const std::function<std::string()>& as_of,
                            std::optional<std::int64_t> asked_ns = std::nullopt, const std::stop_token& stop = {},
                            const std::shared_ptr<Progress>& progress = nullptr);

private:
    Result<Execution> begin(std::optional<std::int64_t> asked_ns, const std::stop_token& stop,
                            const std::shared_ptr<Progress>& progress = nullptr) const;

    store::Client& store_;
    Clock& clock_;
    const Options options_;
    AnswerCache cache_;
    KnownSize known_size_;
};

}  // namespace footfall::query
