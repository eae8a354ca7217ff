#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>

#include "api/event_answers.h"
#include "api/gate.h"
#include "base/clock.h"
#include "catalog/catalog.h"
#include "http/http.h"
#include "http/router.h"
#include "query/executor.h"
#include "query/query.h"

namespace footfall::api {

/// POST /api/v1/query, query/batch, funnel, retention and paths. Behind the gate, which answers 401 and the 403 of a
/// collect key, it judges in the contract's order, on the event loop: 403/404 (the site), 400 and 406 (the request). A
/// query is answered in each format that there is, everything else as JSON, and as events that tell how far it is.
/// Runs on the executor, where the queries of a batch take a turn each; what it refuses is 429 or 503 with Retry-After.
/// A question whose client has gone is stopped.
class QueryEndpoint {
public:
    static constexpr std::size_t kBatchMax = 32;  ///< queries
    /// The one that the body of a batch has.
    static constexpr std::string_view kBatchMember = "queries";
    /// In which a query is answered, the first where nobody wishes for one.
    static constexpr query::Format kFormats[] = {
        query::Format::kJson,        query::Format::kCsv,     query::Format::kNdjson, query::Format::kArrow,
        query::Format::kArrowStream, query::Format::kParquet, query::Format::kEvents};
    /// In which everything else is, a batch aside.
    static constexpr query::Format kFormatsOfJson[] = {query::Format::kJson, query::Format::kEvents};

    struct Options {
        std::int64_t timeout_ms = 30'000;   ///< from a request on, as the service's
        std::size_t batch_concurrency = 1;  ///< of the queries of one batch, where they are of fewer sites
        /// Gives the moment up to which every acknowledged event is in the store, ISO 8601.
        std::function<std::string()> as_of;
        /// Says why the store can't answer now, or would without events that were acknowledged long ago; empty where it
        /// can: then 503 at once rather than after the query's time.
        std::function<std::string()> store_problem;
        /// How often so far rows were taken out of the store to be made again. An answer during which that happened
        /// may lack some: 503 as well.
        std::function<std::uint64_t()> remakes;
        /// Asks the store how far questions are.
        EventAnswers::Look look_at_progress;
    };
    QueryEndpoint(const catalog::Catalog& catalog, query::Service& service, query::Executor& executor, Clock& clock,
                  Options options);

    void add_to(http::Router& router, const Gate& gate);

private:
    struct Batch;
    /// What a body asks for.
    struct Ask {
        using Whole = std::function<Result<std::string>(const query::SiteInfo& site, const std::stop_token& stop,
                                                        const std::shared_ptr<query::Progress>& progress)>;
        using Pieces = std::function<Status(const query::SiteInfo& site, const std::stop_token& stop,
                                            const query::Service::Take& take)>;
        Whole whole;
        Pieces pieces{};  ///< in its place, where there is one
    };
    /// What judges whether a body is understood.
    using Judge = std::function<Result<Ask>(std::string_view body)>;
    /// A request that is understood, of a site that the caller reads.
    struct Question {
        std::string site_id;
        Ask ask;
    };
    /// The format is judged after the site, as the rest of the request is.
    Judge query_judge(const Result<query::Format>& format, std::int64_t asked_ns) const;
    template <class Request, Result<Request> (*Parse)(std::string_view body)>
    Judge judge_of(const Result<query::Format>& format, std::int64_t asked_ns) const;

    using MakeJudge = Judge (QueryEndpoint::*)(const Result<query::Format>& format, std::int64_t asked_ns) const;
    /// `offered`: the formats that it is answered in.
    void answer_one(http::Exchange& exchange, const Caller& caller, MakeJudge judge,
                    std::span<const query::Format> offered);
    /// Answers with events, where it finds a place among what waits.
    void answer_by_events(http::Exchange& exchange, const Caller& caller, Question question, std::stop_source stop);
    /// Ends the question and its turn when the client has gone.
    void stop_when_gone(http::Exchange& exchange, std::stop_source stop, query::Executor::Ticket ticket);
    void answer_batch(http::Exchange& exchange, const Caller& caller);
    /// Gives the batch's queries to the executor; the error where it takes none.
    std::optional<Error> submit(const std::shared_ptr<Batch>& batch);
    Result<Question> read(std::string_view body, const Caller& caller, const Judge& judge) const;
    /// Answers, all at once or by pieces.
    void answer_whole(http::Exchange& exchange, const Question& question, const Caller& caller,
                      std::string_view content_type, const std::stop_token& stop) const;
    void answer_by_pieces(http::Exchange& exchange, const Question& question, const Caller& caller,
                          std::string_view content_type, const std::stop_token& stop) const;
    Result<std::string> answer(const Question& question, const Caller& caller, const std::stop_token& stop,
                               const std::shared_ptr<query::Progress>& progress = nullptr) const;
    /// What every question has around it: whether it may be asked now, and what is counted.
    template <class Answered>
    Answered carry_out(const Question& question, const Caller& caller,
                       const std::function<Answered(const query::SiteInfo& site)>& ask) const;
    std::int64_t deadline_ns(const http::Exchange& exchange) const;

    const catalog::Catalog& catalog_;
    query::Service& service_;
    query::Executor& executor_;
    Clock& clock_;
    const Options options_;
    EventAnswers events_;
};

}  // namespace footfall::api
