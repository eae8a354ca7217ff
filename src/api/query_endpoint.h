#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "api/gate.h"
#include "base/clock.h"
#include "base/worker_pool.h"
#include "catalog/catalog.h"
#include "http/http.h"
#include "http/router.h"
#include "query/query.h"

namespace footfall::api {

/// POST /api/v1/query, query/batch, funnel, retention and paths. Behind the gate, which answers 401 and the 403 of a
/// collect key, it judges in the contract's order: 403/404 (the site), 400 and 406 (the request). A query is answered
/// as JSON, CSV or NDJSON, everything else as JSON. Runs on the pool, a batch on half of it; a full queue is answered
/// 503 with Retry-After.
class QueryEndpoint {
public:
    static constexpr std::size_t kBatchMax = 32;  ///< queries

    struct Options {
        std::size_t batch_concurrency = 1;  ///< of the queries of one batch
        /// Gives the moment up to which every acknowledged event is in the store, ISO 8601.
        std::function<std::string()> as_of;
        /// Says why the store can't answer now, or would without events that were acknowledged long ago; empty where it
        /// can: then 503 at once rather than after the query's time.
        std::function<std::string()> store_problem;
        /// How often so far rows were taken out of the store to be made again. An answer during which that happened
        /// may lack some: 503 as well.
        std::function<std::uint64_t()> remakes;
    };
    QueryEndpoint(const catalog::Catalog& catalog, query::Service& service, WorkerPool& pool, Clock& clock,
                  Options options);

    void add_to(http::Router& router, const Gate& gate);

private:
    struct Batch;
    /// What a body asks for, and what judges whether it is understood.
    using Ask = std::function<Result<std::string>(const query::SiteInfo& site)>;
    using Judge = std::function<Result<Ask>(std::string_view body)>;
    /// The format is judged after the site, as the rest of the request is.
    Judge query_judge(const Result<query::Format>& format, std::int64_t asked_ns) const;
    template <class Request, Result<Request> (*Parse)(std::string_view body)>
    Judge judge_of(const Result<query::Format>& format, std::int64_t asked_ns) const;

    using MakeJudge = Judge (QueryEndpoint::*)(const Result<query::Format>& format, std::int64_t asked_ns) const;
    /// `offered`: the formats that it is answered in.
    void answer_one(http::Exchange& exchange, const Caller& caller, MakeJudge judge,
                    std::span<const query::Format> offered);
    void answer_batch(http::Exchange& exchange, const Caller& caller);
    Result<std::string> answer(std::string_view body, const Caller& caller, const Judge& judge) const;

    const catalog::Catalog& catalog_;
    query::Service& service_;
    WorkerPool& pool_;
    Clock& clock_;
    const Options options_;
};

}  // namespace footfall::api
