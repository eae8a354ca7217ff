#pragma once

#include <functional>

#include "base/result.h"
#include "base/worker_pool.h"
#include "http/http.h"

namespace footfall::api {

/// Answers with what `work` comes to, on the pool of those who change the catalog; 503 where too many wait.
void answer_from(WorkerPool& pool, http::Exchange& exchange, std::function<Result<http::Response>()> work);

/// The answer where something was removed: 204, or the error.
Result<http::Response> removed_or(const Status& removed);

}  // namespace footfall::api
