#include "api/query_endpoint.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <vector>

#include <simdjson.h>

#include "api/answer_format.h"
#include "api/goal_routes.h"
#include "base/json.h"
#include "base/json_reader.h"
#include "base/metrics.h"
#include "http/encoding.h"
#include "query/cohorts/cohorts.h"
#include "query/funnel/funnel.h"
#include "query/paths/paths.h"
#include "query/segment.h"
#include "query/site_info.h"

namespace footfall::api {
namespace {

constexpr std::size_t kBodyBytesMax = 1024 * 1024;  // of a batch; a query alone has a limit of its own

constexpr query::Format kFormats[] = {query::Format::kJson,  query::Format::kCsv,         query::Format::kNdjson,
                                      query::Format::kArrow, query::Format::kArrowStream, query::Format::kParquet};
constexpr query::Format kJsonAlone[] = {query::Format::kJson};

Error refuse(std::string_view code, std::string field, std::string message) {
    Error error(Code::kInvalidArgument, std::move(message), std::move(field));
    error.name = code;
    return error;
}

Result<std::string> decoded_body(const http::Request& request) {
    return http::decode_body(request.header("content-encoding"), request.body, kBodyBytesMax, http::kAnyRatio);
}

/// The body as an object, which borrows from the reader.
Result<simdjson::dom::object> object_of(std::string_view body, json::Reader& reader) {
    const auto root = reader.read(body, json::Reader::Padding::kAbsent);
    if (!root) return refuse("invalid_json", "", root.error().message);
    simdjson::dom::object object;
    if (root->get(object) != simdjson::SUCCESS) return refuse("invalid_json", "", "the body must be a JSON object");
    return object;
}

// The site is judged before the rest of the request is looked at.
Result<std::string> website_id_of(std::string_view body) {
    json::Reader reader;
    TRY(const simdjson::dom::object object, object_of(body, reader));
    simdjson::dom::element value;
    std::string_view id;
    const bool is_there = object["website_id"].get(value) == simdjson::SUCCESS && !value.is_null();
    if (is_there && value.get(id) != simdjson::SUCCESS)
        return refuse("invalid_type", "website_id", "'website_id' must be a string");
    if (id.empty()) return refuse("missing", "website_id", "name the site: website_id is missing");
    return std::string(id);
}

/// The queries of a batch, each as JSON of its own.
Result<std::vector<std::string>> queries_of(std::string_view body) {
    json::Reader reader;
    TRY(const simdjson::dom::object object, object_of(body, reader));
    for (const auto& [key, value] : object)
        if (key != "queries")
            return refuse("unknown_field", std::string(key), "there is no field '" + std::string(key) + "' here");
    simdjson::dom::element value;
    if (object["queries"].get(value) != simdjson::SUCCESS || value.is_null())
        return refuse("missing", "queries", "'queries' is missing");
    simdjson::dom::array list;
    if (value.get(list) != simdjson::SUCCESS) return refuse("invalid_type", "queries", "'queries' must be an array");
    if (list.size() > QueryEndpoint::kBatchMax)
        return refuse("limit_exceeded", "queries",
                      "at most " + std::to_string(QueryEndpoint::kBatchMax) + " queries are allowed");
    std::vector<std::string> queries;
    for (const simdjson::dom::element query : list) queries.push_back(simdjson::minify(query));
    return queries;
}

}  // namespace

/// A batch that is being answered. Each of its workers takes the next query until none is left, so that a batch takes
/// no more of the pool than its share; who finishes the last query answers.
struct QueryEndpoint::Batch {
    Batch(http::Exchange& e, Caller c, std::vector<std::string> q)
        : exchange(e), caller(std::move(c)), queries(std::move(q)), answers(queries.size()), left(queries.size()) {}

    http::Exchange& exchange;
    const Caller caller;
    const std::vector<std::string> queries;
    std::vector<std::string> answers;  ///< each written by the worker that took it
    std::atomic<std::size_t> next{0};
    std::atomic<std::size_t> left;
};

QueryEndpoint::QueryEndpoint(const catalog::Catalog& catalog, query::Service& service, WorkerPool& pool, Clock& clock,
                             Options options)
    : catalog_(catalog), service_(service), pool_(pool), clock_(clock), options_(std::move(options)) {}

/// Of what is answered as JSON alone.
template <class Request, Result<Request> (*Parse)(std::string_view body)>
QueryEndpoint::Judge QueryEndpoint::judge_of(const Result<query::Format>& format, std::int64_t asked_ns) const {
    return [this, format, asked_ns](std::string_view body) -> Result<Ask> {
        if (!format) return format.error();
        TRY(Request request, Parse(body));
        return Ask(
            [this, request = std::move(request), asked_ns](const query::SiteInfo& site) mutable -> Result<std::string> {
                TRY_STATUS(query::apply_segment(request.of, site));
                return service_.run(request, site, options_.as_of, asked_ns);
            });
    };
}

void QueryEndpoint::add_to(http::Router& router, const Gate& gate) {
    gate.add(router, http::Method::kPost, "/api/v1/query", [this](http::Exchange& exchange, const Caller& caller) {
        answer_one(exchange, caller, &QueryEndpoint::query_judge, kFormats);
    });
    gate.add(router, http::Method::kPost, "/api/v1/query/batch",
             [this](http::Exchange& exchange, const Caller& caller) { answer_batch(exchange, caller); });
    gate.add(router, http::Method::kPost, "/api/v1/funnel", [this](http::Exchange& exchange, const Caller& caller) {
        answer_one(exchange, caller, &QueryEndpoint::judge_of<query::FunnelRequest, query::parse_funnel>, kJsonAlone);
    });
    gate.add(router, http::Method::kPost, "/api/v1/retention", [this](http::Exchange& exchange, const Caller& caller) {
        answer_one(exchange, caller, &QueryEndpoint::judge_of<query::CohortRequest, query::parse_cohorts>, kJsonAlone);
    });
    gate.add(router, http::Method::kPost, "/api/v1/paths", [this](http::Exchange& exchange, const Caller& caller) {
        answer_one(exchange, caller, &QueryEndpoint::judge_of<query::PathsRequest, query::parse_paths>, kJsonAlone);
    });
}

QueryEndpoint::Judge QueryEndpoint::query_judge(const Result<query::Format>& format, std::int64_t asked_ns) const {
    return [this, format, asked_ns](std::string_view body) -> Result<Ask> {
        if (!format) return format.error();
        TRY(query::Request request, query::parse_request(body));
        return Ask([this, request = std::move(request), format,
                    asked_ns](const query::SiteInfo& site) mutable -> Result<std::string> {
            TRY_STATUS(query::apply_segment(request, site));
            return service_.run(request, site, options_.as_of, *format, asked_ns);
        });
    };
}

Result<std::string> QueryEndpoint::answer(std::string_view body, const Caller& caller, const Judge& judge) const {
    static auto& seconds =
        metrics::histogram("footfall_query_seconds", "From the start of a query's work to its answer.");
    const std::int64_t started = clock_.steady_ns();
    const auto snapshot = catalog_.snapshot();
    TRY(const std::string id, website_id_of(body));
    TRY(const catalog::Site* site, caller.readable_site(id, *snapshot));
    TRY(const Ask ask, judge(body));
    const std::uint64_t remakes = options_.remakes();
    if (const std::string problem = options_.store_problem(); !problem.empty())
        return Error(Code::kUnavailable, problem);
    auto result = ask(query::site_info(*snapshot, *site));
    if (options_.remakes() != remakes)
        result = Error(Code::kUnavailable, "what is stored was changed while the question was answered; ask again");
    seconds.observe_ns(clock_.steady_ns() - started);
    metrics::counter("footfall_queries_total", "Queries that were carried out, by what became of them.",
                     result ? "result=\"answered\"" : "result=\"failed\"")
        .add();
    return result;
}

void QueryEndpoint::answer_one(http::Exchange& exchange, const Caller& caller, MakeJudge judge,
                               std::span<const query::Format> offered) {
    const bool queued = pool_.submit([this, &exchange, caller, judge, offered] {
        auto body = decoded_body(exchange.request());
        if (!body) return exchange.complete(refusal(body.error()));
        const auto format = answer_format(exchange.request(), offered);
        auto result = answer(*body, caller, (this->*judge)(format, exchange.started_ns()));
        if (!result) return exchange.complete(refusal(result.error()));
        http::Response response;
        response.content_type = content_type(*format);
        response.body = std::move(*result);
        exchange.complete(std::move(response));
    });
    if (!queued) exchange.respond(refusal(Error(Code::kOverloaded, "too many queries wait; try again in a moment")));
}

void QueryEndpoint::answer_batch(http::Exchange& exchange, const Caller& caller) {
    const auto format = answer_format(exchange.request(), kJsonAlone);
    if (!format) return exchange.respond(refusal(format.error()));
    const auto body = decoded_body(exchange.request());
    if (!body) return exchange.respond(refusal(body.error()));
    auto queries = queries_of(*body);
    if (!queries) return exchange.respond(refusal(queries.error()));
    if (queries->empty()) return exchange.respond({.body = R"({"answers":[]})"});
    const auto batch = std::make_shared<Batch>(exchange, caller, std::move(*queries));
    const auto work = [this, batch] {
        for (std::size_t i = batch->next++; i < batch->queries.size(); i = batch->next++) {
            auto result = answer(batch->queries[i], batch->caller,
                                 query_judge(query::Format::kJson, batch->exchange.started_ns()));
            batch->answers[i] = result ? std::move(*result) : http::error_response(result.error()).body;
            if (--batch->left > 0) continue;
            http::Response response;
            json::Writer writer(response.body);
            writer.begin_object();
            writer.key("answers");
            writer.begin_array();
            for (const std::string& one : batch->answers) writer.raw(one);
            writer.end_array();
            writer.end_object();
            return batch->exchange.complete(std::move(response));
        }
    };
    const std::size_t wanted = std::clamp<std::size_t>(batch->queries.size(), 1, options_.batch_concurrency);
    std::size_t workers = 0;
    while (workers < wanted && pool_.submit(work)) ++workers;
    // Fewer workers than wanted take longer; none at all would never answer.
    if (workers == 0)
        exchange.respond(refusal(Error(Code::kOverloaded, "too many queries wait; try again in a moment")));
}

}  // namespace footfall::api
