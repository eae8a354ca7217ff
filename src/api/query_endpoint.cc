#include "api/query_endpoint.h"

#include <simdjson.h>

#include "base/metrics.h"

namespace footfall::api {
namespace {

Result<const catalog::Key*> reader_key(const http::Request& request, const catalog::Snapshot& snapshot) {
    const std::string_view authorization = request.header("authorization");
    if (authorization.size() < 7 ||
        (authorization.substr(0, 7) != "Bearer " && authorization.substr(0, 7) != "bearer "))
        return Error(Code::kUnauthenticated, "send a read key as 'Authorization: Bearer KEY'", "Authorization");
    const catalog::Key* key = snapshot.key(authorization.substr(7));
    if (key == nullptr) return Error(Code::kUnauthenticated, "unknown or revoked key", "Authorization");
    if (key->scope == catalog::Scope::kCollect)
        return Error(Code::kForbidden, "a collect key may not read; make one with --scope read", "Authorization");
    return key;
}

// The site is judged before the rest of the request is looked at.
Result<std::string> website_id_of(std::string_view body) {
    simdjson::dom::parser parser;
    simdjson::dom::element root;
    if (const auto error = parser.parse(body.data(), body.size(), false).get(root); error != simdjson::SUCCESS)
        return Error(Code::kInvalidArgument,
                     std::string("the body is not valid UTF-8 JSON: ") + simdjson::error_message(error));
    std::string_view id;
    if (!root.is_object()) return Error(Code::kInvalidArgument, "the body must be a JSON object");
    if (root["website_id"].get(id) != simdjson::SUCCESS)
        return Error(Code::kInvalidArgument, "website_id is missing or no string", "website_id");
    return std::string(id);
}

Result<const catalog::Site*> readable_site(const catalog::Key& key, const std::string& id,
                                           const catalog::Snapshot& snapshot) {
    const catalog::Site* site = snapshot.site(id);
    if (site == nullptr) return Error(Code::kNotFound, "there is no such site", "website_id");
    if (site->id != key.site_id) return Error(Code::kForbidden, "this key is for another site", "website_id");
    return site;
}

http::Response refuse(const Error& error) {
    http::Response response = http::error_response(error);
    if (response.status == 401) response.headers.emplace_back("WWW-Authenticate", "Bearer");
    if (response.status == 503) response.headers.emplace_back("Retry-After", "1");
    return response;
}

Result<std::string> answer(const http::Request& request, const catalog::Snapshot& snapshot, query::Service& service,
                           const std::function<std::string()>& as_of,
                           const std::function<std::string()>& store_problem) {
    TRY(const catalog::Key* key, reader_key(request, snapshot));
    TRY(const std::string id, website_id_of(request.body));
    TRY(const catalog::Site* site, readable_site(*key, id, snapshot));
    TRY(const query::Request parsed, query::parse_request(request.body));
    if (const std::string problem = store_problem(); !problem.empty()) return Error(Code::kUnavailable, problem);
    return service.run(parsed, {.id = site->id, .timezone = site->timezone, .created_ms = site->created_ms}, as_of);
}

}  // namespace

QueryEndpoint::QueryEndpoint(const catalog::Catalog& catalog, query::Service& service, WorkerPool& pool, Clock& clock,
                             std::function<std::string()> as_of, std::function<std::string()> store_problem)
    : catalog_(catalog),
      service_(service),
      pool_(pool),
      clock_(clock),
      as_of_(std::move(as_of)),
      store_problem_(std::move(store_problem)) {}

void QueryEndpoint::handle(http::Exchange& exchange) {
    // Unknown callers don't reach the pool.
    if (const auto key = reader_key(exchange.request(), *catalog_.snapshot()); !key)
        return exchange.respond(refuse(key.error()));
    const bool queued = pool_.submit([this, &exchange] {
        static auto& seconds =
            metrics::histogram("footfall_query_seconds", "From the start of a query's work to its answer.");
        const auto snapshot = catalog_.snapshot();
        const std::int64_t started = clock_.steady_ns();
        auto result = answer(exchange.request(), *snapshot, service_, as_of_, store_problem_);
        seconds.observe_ns(clock_.steady_ns() - started);
        if (!result) return exchange.complete(refuse(result.error()));
        http::Response response;
        response.body = std::move(*result);
        response.headers.emplace_back("Cache-Control", "no-store");
        exchange.complete(std::move(response));
    });
    if (!queued) exchange.respond(refuse(Error(Code::kOverloaded, "too many queries wait; try again in a moment")));
}

}  // namespace footfall::api
