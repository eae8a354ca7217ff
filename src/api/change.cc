#include "api/change.h"

#include <utility>

#include "api/gate.h"

namespace footfall::api {

void answer_from(WorkerPool& pool, http::Exchange& exchange, std::function<Result<http::Response>()> work) {
    const bool queued = pool.submit([&exchange, work = std::move(work)] {
        auto response = work();
        exchange.complete(response ? std::move(*response) : refusal(response.error()));
    });
    if (!queued) exchange.respond(refusal(Error(Code::kOverloaded, "too many changes wait; try again in a moment")));
}

Result<http::Response> removed_or(const Status& removed) {
    if (!removed) return removed.error();
    http::Response response;
    response.status = 204;
    return response;
}

}  // namespace footfall::api
