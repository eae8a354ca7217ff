#pragma once

#include <string>

#include "api/gate.h"
#include "base/json.h"
#include "base/worker_pool.h"
#include "catalog/catalog.h"
#include "http/http.h"
#include "http/router.h"

namespace footfall::api {

/// Adds a segment, or changes the one that has its id, where a question of the site can be asked with its filters.
/// Errors are those of query::check_segment() and the catalog.
Result<catalog::Segment> save_checked_segment(catalog::Catalog& catalog, catalog::Segment segment);
/// As the routes and `footfall segment` give it: {"id", "name", "filters"}.
void write_segment(json::Writer& writer, const catalog::Segment& segment);

/// GET, POST, PUT and DELETE of /api/v1/sites/ID/segments. Changes wait for the disk on the pool; a full queue is
/// answered 503 with Retry-After.
class SegmentRoutes {
public:
    SegmentRoutes(catalog::Catalog& catalog, WorkerPool& pool) : catalog_(catalog), pool_(pool) {}

    void add_to(http::Router& router, const Gate& gate);

private:
    void list(http::Exchange& exchange, const Caller& caller) const;
    /// `id` empty: a new one.
    void save(http::Exchange& exchange, const Caller& caller, std::string site_id, std::string id);
    void remove(http::Exchange& exchange);

    catalog::Catalog& catalog_;
    WorkerPool& pool_;
};

}  // namespace footfall::api
