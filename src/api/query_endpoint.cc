#include "api/query_endpoint.h"

#include <algorithm>
#include <atomic>
#include <future>
#include <map>
#include <memory>
#include <utility>
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
#include "query/refusals.h"
#include "query/segment.h"
#include "query/site_info.h"

namespace footfall::api {
namespace {

constexpr std::size_t kBodyBytesMax = 1024 * 1024;  // of a batch; a query alone has a limit of its own

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
        if (key != QueryEndpoint::kBatchMember)
            return refuse("unknown_field", std::string(key), "there is no field '" + std::string(key) + "' here");
    simdjson::dom::element value;
    if (object[QueryEndpoint::kBatchMember].get(value) != simdjson::SUCCESS || value.is_null())
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

/// `error`: null where there is an answer.
void count_result(const Error* error) {
    std::string became = "failed";
    if (error == nullptr) became = "answered";
    else if (error->name == query::kClientGone) became = "client_gone";
    else if (error->name == query::kMemoryExceeded) became = "memory";
    else if (error->code == Code::kTimeout) became = "timeout";
    metrics::counter("footfall_queries_total", "Queries that were carried out, by what became of them.",
                     "result=\"" + became + "\"")
        .add();
}

}  // namespace

/// A batch that is being answered. Its queries are grouped by their sites; each worker of a group takes the next query
/// of it with every turn, until none is left, so that a batch takes no more at once than its share. Who finishes the
/// last query answers.
struct QueryEndpoint::Batch {
    struct Group {
        std::vector<std::size_t> places;  ///< of its queries
        std::atomic<std::size_t> next{0};
    };
    Batch(http::Exchange& e, Caller c, std::size_t size)
        : exchange(e), caller(std::move(c)), questions(size), answers(size), left(size + 1) {}

    void add(std::size_t place, Question question) {
        groups[question.site_id].places.push_back(place);
        questions[place] = std::move(question);
    }
    void put(std::size_t place, const Result<std::string>& answer) {
        answers[place] = answer ? *answer : http::error_response(answer.error()).body;
        end_one();
    }
    /// What is left of a group has this for its answer.
    void refuse(Group& group, const Error& error) {
        for (std::size_t i = group.next++; i < group.places.size(); i = group.next++) put(group.places[i], error);
    }
    void end_one() {
        if (--left > 0) return;
        http::Response response;
        json::Writer writer(response.body);
        writer.begin_object();
        writer.key("answers");
        writer.begin_array();
        for (const std::string& one : answers) writer.raw(one);
        writer.end_array();
        writer.end_object();
        exchange.complete(std::move(response));
    }

    http::Exchange& exchange;
    const Caller caller;
    std::vector<Question> questions;  ///< without a function where it is not understood
    std::map<std::string, Group> groups;
    std::vector<std::string> answers;  ///< each written by the worker that took it
    std::atomic<std::size_t> left;     ///< and one for who submits them
    std::stop_source stop;
    std::vector<query::Executor::Ticket> tickets;
};

QueryEndpoint::QueryEndpoint(const catalog::Catalog& catalog, query::Service& service, query::Executor& executor,
                             Clock& clock, Options options)
    : catalog_(catalog),
      service_(service),
      executor_(executor),
      clock_(clock),
      options_(std::move(options)),
      events_(clock, options_.look_at_progress) {}

/// Of what is answered as JSON alone.
template <class Request, Result<Request> (*Parse)(std::string_view body)>
QueryEndpoint::Judge QueryEndpoint::judge_of(const Result<query::Format>& format, std::int64_t asked_ns) const {
    return [this, format, asked_ns](std::string_view body) -> Result<Ask> {
        if (!format) return format.error();
        TRY(Request request, Parse(body));
        return Ask{[this, request = std::move(request), asked_ns](
                       const query::SiteInfo& site, const std::stop_token& stop,
                       const std::shared_ptr<query::Progress>& progress) mutable -> Result<std::string> {
            TRY_STATUS(query::apply_segment(request.of, site));
            return service_.run(request, site, options_.as_of, asked_ns, stop, progress);
        }};
    };
}

void QueryEndpoint::add_to(http::Router& router, const Gate& gate) {
    gate.add(router, http::Method::kPost, "/api/v1/query", [this](http::Exchange& exchange, const Caller& caller) {
        answer_one(exchange, caller, &QueryEndpoint::query_judge, kFormats);
    });
    gate.add(router, http::Method::kPost, "/api/v1/query/batch",
             [this](http::Exchange& exchange, const Caller& caller) { answer_batch(exchange, caller); });
    gate.add(router, http::Method::kPost, "/api/v1/funnel", [this](http::Exchange& exchange, const Caller& caller) {
        answer_one(exchange, caller, &QueryEndpoint::judge_of<query::FunnelRequest, query::parse_funnel>,
                   kFormatsOfJson);
    });
    gate.add(router, http::Method::kPost, "/api/v1/retention", [this](http::Exchange& exchange, const Caller& caller) {
        answer_one(exchange, caller, &QueryEndpoint::judge_of<query::CohortRequest, query::parse_cohorts>,
                   kFormatsOfJson);
    });
    gate.add(router, http::Method::kPost, "/api/v1/paths", [this](http::Exchange& exchange, const Caller& caller) {
        answer_one(exchange, caller, &QueryEndpoint::judge_of<query::PathsRequest, query::parse_paths>, kFormatsOfJson);
    });
}

QueryEndpoint::Judge QueryEndpoint::query_judge(const Result<query::Format>& format, std::int64_t asked_ns) const {
    return [this, format, asked_ns](std::string_view body) -> Result<Ask> {
        if (!format) return format.error();
        TRY(query::Request request, query::parse_request(body, *format));
        if (query::is_streamed(*format, request.limit))
            return Ask{.whole = {},
                       .pieces = [this, request = std::move(request), format, asked_ns](
                                     const query::SiteInfo& site, const std::stop_token& stop,
                                     const query::Service::Take& take) mutable -> Status {
                           TRY_STATUS(query::apply_segment(request, site));
                           return service_.stream(request, site, *format, take, asked_ns, stop);
                       }};
        return Ask{[this, request = std::move(request), format, asked_ns](
                       const query::SiteInfo& site, const std::stop_token& stop,
                       const std::shared_ptr<query::Progress>& progress) mutable -> Result<std::string> {
            TRY_STATUS(query::apply_segment(request, site));
            return service_.run(request, site, options_.as_of, *format, asked_ns, stop, progress);
        }};
    };
}

Result<QueryEndpoint::Question> QueryEndpoint::read(std::string_view body, const Caller& caller,
                                                    const Judge& judge) const {
    const auto snapshot = catalog_.snapshot();
    TRY(const std::string id, website_id_of(body));
    TRY(const catalog::Site* site, caller.readable_site(id, *snapshot));
    TRY(Ask ask, judge(body));
    return Question{.site_id = site->id, .ask = std::move(ask)};
}

template <class Answered>
Answered QueryEndpoint::carry_out(const Question& question, const Caller& caller,
                                  const std::function<Answered(const query::SiteInfo& site)>& ask) const {
    static auto& seconds =
        metrics::histogram("footfall_query_seconds", "From the start of a query's work to its answer.");
    const std::int64_t started = clock_.steady_ns();
    // As they are now: it may have waited.
    const auto snapshot = catalog_.snapshot();
    TRY(const catalog::Site* site, caller.readable_site(question.site_id, *snapshot));
    const std::uint64_t remakes = options_.remakes();
    if (const std::string problem = options_.store_problem(); !problem.empty())
        return Error(Code::kUnavailable, problem);
    Answered result = ask(query::site_info(*snapshot, *site));
    if (!result) result = query::as_told(result.error());
    if (options_.remakes() != remakes)
        result = Error(Code::kUnavailable, "what is stored was changed while the question was answered; ask again");
    seconds.observe_ns(clock_.steady_ns() - started);
    count_result(result ? nullptr : &result.error());
    return result;
}

Result<std::string> QueryEndpoint::answer(const Question& question, const Caller& caller, const std::stop_token& stop,
                                          const std::shared_ptr<query::Progress>& progress) const {
    return carry_out<Result<std::string>>(
        question, caller, [&](const query::SiteInfo& site) { return question.ask.whole(site, stop, progress); });
}

void QueryEndpoint::answer_whole(http::Exchange& exchange, const Question& question, const Caller& caller,
                                 std::string_view content_type, const std::stop_token& stop) const {
    auto result = answer(question, caller, stop);
    if (!result) return exchange.complete(refusal(result.error()));
    http::Response response;
    response.content_type = content_type;
    response.body = std::move(*result);
    exchange.complete(std::move(response));
}

void QueryEndpoint::answer_by_pieces(http::Exchange& exchange, const Question& question, const Caller& caller,
                                     std::string_view content_type, const std::stop_token& stop) const {
    const std::int64_t deadline_ns = this->deadline_ns(exchange);
    std::shared_ptr<http::BodyStream> body;
    const auto take = [&](std::string_view piece) -> Status {
        if (!body) {
            http::Response head;
            head.content_type = content_type;
            body = exchange.stream(std::move(head));
        }
        const std::int64_t left_ms = (deadline_ns - clock_.steady_ns()) / 1'000'000;
        const Status written = body->write(piece, static_cast<int>(std::max<std::int64_t>(0, left_ms)));
        if (written) return {};
        return written.error().code == Code::kTimeout ? query::took_too_long() : query::nobody_waits();
    };
    const Status done = carry_out<Status>(
        question, caller, [&](const query::SiteInfo& site) { return question.ask.pieces(site, stop, take); });
    if (!body) return exchange.complete(refusal(done.error()));
    if (done) body->end();
    else body->abort();
}

std::int64_t QueryEndpoint::deadline_ns(const http::Exchange& exchange) const {
    return exchange.started_ns() + options_.timeout_ms * 1'000'000;
}

void QueryEndpoint::answer_one(http::Exchange& exchange, const Caller& caller, MakeJudge judge,
                               std::span<const query::Format> offered) {
    const auto body = decoded_body(exchange.request());
    if (!body) return exchange.respond(refusal(body.error()));
    const auto format = answer_format(exchange.request(), offered);
    auto read = this->read(*body, caller, (this->*judge)(format, exchange.started_ns()));
    if (!read) return exchange.respond(refusal(read.error()));
    std::stop_source stop;
    if (*format == query::Format::kEvents) return answer_by_events(exchange, caller, std::move(*read), stop);
    const auto ticket = executor_.submit(
        {.site_id = read->site_id,
         .deadline_ns = deadline_ns(exchange),
         .run =
             [this, &exchange, caller, question = std::move(*read), type = content_type(*format), stop] {
                 if (question.ask.pieces) answer_by_pieces(exchange, question, caller, type, stop.get_token());
                 else answer_whole(exchange, question, caller, type, stop.get_token());
                 return query::Executor::Next::kDone;
             },
         .refuse = [&exchange](const Error& error) { exchange.complete(refusal(error)); }});
    if (!ticket) return exchange.respond(refusal(ticket.error()));
    stop_when_gone(exchange, stop, *ticket);
}

void QueryEndpoint::answer_by_events(http::Exchange& exchange, const Caller& caller, Question question,
                                     std::stop_source stop) {
    // It begins once the question has its place, since a refusal is an ordinary answer; its turn may come before.
    std::promise<std::shared_ptr<EventAnswer>> begun;
    const auto events = begun.get_future().share();
    const std::string site_id = question.site_id;
    const auto ticket = executor_.submit({.site_id = site_id,
                                          .deadline_ns = deadline_ns(exchange),
                                          .run =
                                              [this, caller, question = std::move(question), events, stop] {
                                                  EventAnswer& to = *events.get();
                                                  to.end(answer(question, caller, stop.get_token(), to.progress()));
                                                  return query::Executor::Next::kDone;
                                              },
                                          .refuse = [events](const Error& error) { events.get()->end(error); }});
    if (!ticket) return exchange.respond(refusal(ticket.error()));
    begun.set_value(events_.begin(exchange));
    stop_when_gone(exchange, stop, *ticket);
}

void QueryEndpoint::stop_when_gone(http::Exchange& exchange, std::stop_source stop, query::Executor::Ticket ticket) {
    exchange.on_client_gone([this, stop = std::move(stop), ticket]() mutable {
        stop.request_stop();
        executor_.cancel(ticket);
    });
}

void QueryEndpoint::answer_batch(http::Exchange& exchange, const Caller& caller) {
    const auto format = answer_format(exchange.request(), kJsonAlone);
    if (!format) return exchange.respond(refusal(format.error()));
    const auto body = decoded_body(exchange.request());
    if (!body) return exchange.respond(refusal(body.error()));
    const auto queries = queries_of(*body);
    if (!queries) return exchange.respond(refusal(queries.error()));
    const auto batch = std::make_shared<Batch>(exchange, caller, queries->size());
    const Judge judge = query_judge(query::Format::kJson, exchange.started_ns());
    for (std::size_t place = 0; place < queries->size(); ++place) {
        auto question = read((*queries)[place], caller, judge);
        if (question) batch->add(place, std::move(*question));
        else batch->put(place, question.error());
    }
    if (const auto refused = submit(batch)) return exchange.respond(refusal(*refused));
    exchange.on_client_gone([this, batch] {
        batch->stop.request_stop();
        for (const query::Executor::Ticket ticket : batch->tickets) executor_.cancel(ticket);
    });
    batch->end_one();
}

std::optional<Error> QueryEndpoint::submit(const std::shared_ptr<Batch>& batch) {
    std::optional<Error> refused;
    for (auto& [site_id, of_site] : batch->groups) {
        Batch::Group& group = of_site;
        const auto work = [this, batch, &group] {
            const std::size_t i = group.next++;
            if (i >= group.places.size()) return query::Executor::Next::kDone;
            const std::size_t place = group.places[i];
            batch->put(place, answer(batch->questions[place], batch->caller, batch->stop.get_token()));
            return group.next < group.places.size() ? query::Executor::Next::kAgain : query::Executor::Next::kDone;
        };
        const std::size_t wanted = std::min(group.places.size(), options_.batch_concurrency);
        for (std::size_t workers = 0; workers < wanted; ++workers) {
            // A site more gets one worker in any case.
            if (workers > 0 && batch->tickets.size() >= options_.batch_concurrency) break;
            const auto ticket =
                executor_.submit({.site_id = site_id,
                                  .deadline_ns = deadline_ns(batch->exchange),
                                  .run = work,
                                  .refuse = [batch, &group](const Error& error) { batch->refuse(group, error); }});
            if (ticket) {
                batch->tickets.push_back(*ticket);
                continue;
            }
            // Fewer workers than wanted take longer; none at all would never answer.
            if (workers == 0) {
                batch->refuse(group, ticket.error());
                refused = ticket.error();
            }
            break;
        }
    }
    return batch->tickets.empty() ? refused : std::nullopt;
}

}  // namespace footfall::api
