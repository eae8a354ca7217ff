#include "api/rejected_routes.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <string_view>
#include <utility>

namespace footfall::api {
namespace {

using http::Method;

constexpr std::string_view kOfSite = "/api/v1/sites/{id}/rejected";
constexpr std::string_view kOfNone = "/api/v1/rejected";
constexpr std::int64_t kDayMs = 86'400'000;

/// The parameter as a number within [least, most]; `standard` where it is not there.
template <class T>
Result<T> number(std::string_view query, std::string_view name, T standard, T least, T most) {
    const auto text = http::query_value(query, name);
    if (!text) return standard;
    T value = 0;
    const auto read = std::from_chars(text->data(), text->data() + text->size(), value);
    if (read.ec != std::errc() || read.ptr != text->data() + text->size() || value < least || value > most)
        return Error(Code::kInvalidArgument,
                     "'" + std::string(name) + "' must be a whole number from " + std::to_string(least) + " to " +
                         std::to_string(most),
                     std::string(name));
    return value;
}

Result<RejectedQuestion> question_of(std::string_view query, std::int64_t now_ms) {
    RejectedQuestion question;
    question.reason = http::query_value(query, "reason").value_or("");
    if (!question.reason.empty() &&
        std::ranges::find(RejectedRoutes::kReasons, question.reason) == std::end(RejectedRoutes::kReasons))
        return Error(Code::kInvalidArgument,
                     "'reason' must be missing, wrong_type, invalid, out_of_range, unknown or forbidden", "reason");
    TRY(const auto days, number<std::uint32_t>(query, "days", RejectedRoutes::kDays, 1, RejectedRoutes::kDaysMax));
    question.since_ms = now_ms - days * kDayMs;
    TRY(question.limit, number<std::uint32_t>(query, "limit", RejectedRoutes::kLimit, 1, RejectedRoutes::kLimitMax));
    TRY(question.before, number<std::uint64_t>(query, "before", 0, 1, std::uint64_t{1} << 62));
    return question;
}

}  // namespace

RejectedRoutes::RejectedRoutes(const catalog::Catalog& catalog, query::Executor& executor, Clock& clock,
                               Options options)
    : catalog_(catalog), executor_(executor), clock_(clock), options_(std::move(options)) {}

void RejectedRoutes::add_to(http::Router& router, const Gate& gate) {
    gate.add(router, Method::kGet, kOfSite, [this](http::Exchange& exchange, const Caller& caller) {
        const auto snapshot = catalog_.snapshot();
        const auto site = caller.readable_site(path_text(exchange, kOfSite, "{id}"), *snapshot);
        if (!site) return exchange.respond(refusal(site.error()));
        answer(exchange, (*site)->id);
    });
    gate.add(router, Method::kGet, kOfNone, [this](http::Exchange& exchange, const Caller&) { answer(exchange, {}); });
}

void RejectedRoutes::answer(http::Exchange& exchange, std::string site_id) {
    auto question = question_of(exchange.request().query, clock_.wall_ms());
    if (!question) return exchange.respond(refusal(question.error()));
    question->site_id = std::move(site_id);
    const auto work = [this, question = *question]() -> Result<std::string> {
        if (std::string problem = options_.store_problem(); !problem.empty())
            return Error(Code::kUnavailable, std::move(problem));
        return options_.answer(question);
    };
    const auto ticket = executor_.submit(
        {.site_id = question->site_id,
         .deadline_ns = exchange.started_ns() + options_.timeout_ms * 1'000'000,
         .run =
             [&exchange, work] {
                 auto result = work();
                 exchange.complete(result ? http::Response{.body = std::move(*result)} : refusal(result.error()));
                 return query::Executor::Next::kDone;
             },
         .refuse = [&exchange](const Error& error) { exchange.complete(refusal(error)); }});
    if (!ticket) return exchange.respond(refusal(ticket.error()));
    exchange.on_client_gone([this, ticket = *ticket] { executor_.cancel(ticket); });
}

}  // namespace footfall::api
