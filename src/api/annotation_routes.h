#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "api/gate.h"
#include "base/json.h"
#include "base/worker_pool.h"
#include "catalog/catalog.h"
#include "http/http.h"
#include "http/router.h"

namespace footfall::api {

/// Who is told by whom a note was made: a key may be in a page that anybody reads, so that people of the team are not
/// named to it.
enum class Authors : std::uint8_t { kHidden, kShown };

/// As the routes and `footfall annotation` give it: {"id", "date", "time", "text", "created_by", "created_at"}, of
/// which `time` and `created_by` may be null.
void write_annotation(json::Writer& writer, const catalog::Annotation& annotation, Authors authors);

/// GET, POST, PUT and DELETE of /api/v1/sites/ID/annotations. All of it asks the disk, on the pool; a full queue is
/// answered 503 with Retry-After.
class AnnotationRoutes {
public:
    AnnotationRoutes(catalog::Catalog& catalog, WorkerPool& pool) : catalog_(catalog), pool_(pool) {}

    void add_to(http::Router& router, const Gate& gate);

private:
    void list(http::Exchange& exchange, const Caller& caller);
    /// `id` empty: a new one.
    void save(http::Exchange& exchange, const Caller& caller, std::string site_id, std::string id);
    void remove(http::Exchange& exchange);

    catalog::Catalog& catalog_;
    WorkerPool& pool_;
};

}  // namespace footfall::api
