#pragma once

#include <string>

#include "api/gate.h"
#include "base/json.h"
#include "base/worker_pool.h"
#include "catalog/catalog.h"
#include "http/http.h"
#include "http/router.h"
#include "query/query.h"

namespace footfall::api {

/// Adds a goal whose filters a question can be asked with, or, where it has an id, changes the one of that id. Errors
/// are those of query::check_goal() and the catalog.
Result<catalog::Goal> save_checked_goal(catalog::Catalog& catalog, catalog::Goal goal);
/// As the routes and `footfall goal` give it: {"id", "name", "page" or "event", "match", "filters"}.
void write_goal(json::Writer& writer, const catalog::Goal& goal);

/// GET, POST, PUT and DELETE of /api/v1/sites/ID/goals. Changes wait for the disk on the pool; a full queue is answered
/// 503 with Retry-After.
class GoalRoutes {
public:
    GoalRoutes(catalog::Catalog& catalog, WorkerPool& pool) : catalog_(catalog), pool_(pool) {}

    void add_to(http::Router& router, const Gate& gate);

private:
    void list(http::Exchange& exchange, const Caller& caller) const;
    /// Of an empty id: adds one.
    void save(http::Exchange& exchange, const Caller& caller, std::string site_id, std::string id);
    void remove(http::Exchange& exchange);

    catalog::Catalog& catalog_;
    WorkerPool& pool_;
};

}  // namespace footfall::api
