#pragma once

#include <functional>
#include <string>

#include "base/clock.h"
#include "base/worker_pool.h"
#include "catalog/catalog.h"
#include "http/http.h"
#include "query/query.h"

namespace footfall::api {

/// POST /api/v1/query. Judges in the contract's order: 401 (no or unknown key), 403/404 (key or site), 400 (the
/// request). Runs on the pool; a full queue is answered 503 with Retry-After.
class QueryEndpoint {
public:
    /// `as_of` gives the moment up to which every acknowledged event is in the store, ISO 8601. `store_problem` says
    /// why the store can't answer now, empty where it can: then 503 at once rather than after the query's time.
    QueryEndpoint(const catalog::Catalog& catalog, query::Service& service, WorkerPool& pool, Clock& clock,
                  std::function<std::string()> as_of, std::function<std::string()> store_problem);

    void handle(http::Exchange& exchange);

private:
    const catalog::Catalog& catalog_;
    query::Service& service_;
    WorkerPool& pool_;
    Clock& clock_;
    const std::function<std::string()> as_of_;
    const std::function<std::string()> store_problem_;
};

}  // namespace footfall::api
