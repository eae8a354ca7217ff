#include "api/account_routes.h"

#include <algorithm>
#include <vector>

#include "api/bodies.h"
#include "base/json.h"
#include "base/logging.h"
#include "base/metrics.h"

namespace footfall::api {
namespace {

using http::Method;

constexpr ThrottlePolicy kAddressPolicy = {.failures_min = 10, .most_ms = 900'000};
constexpr std::size_t kEmailBytesMax = 254;
constexpr std::string_view kSite = "/api/v1/sites/{id}";

void count_sign_in(std::string_view result) {
    metrics::counter("footfall_sign_ins_total", "Attempts to sign in, by what became of them.",
                     "result=\"" + std::string(result) + "\"")
        .add();
}

// Mail addresses are compared without regard to ASCII case, as the catalog does.
std::string account_name(std::string_view email) {
    std::string name(email.substr(0, kEmailBytesMax));
    for (char& c : name)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
    return name;
}

http::Response too_soon(std::int64_t wait_ms) {
    const std::int64_t seconds = (wait_ms + 999) / 1'000;
    http::Response response = http::error_response(
        Error(Code::kLimited, "too many attempts failed; try again in " + std::to_string(seconds) + " seconds"));
    response.headers.emplace_back("Retry-After", std::to_string(seconds));
    return response;
}

void write_user(json::Writer& writer, const catalog::User& user) {
    writer.key("user");
    writer.begin_object();
    writer.member("email", user.email);
    writer.member("role", catalog::role_name(user.role));
    writer.end_object();
}

void write_site(json::Writer& writer, const catalog::Site& site) {
    writer.begin_object();
    writer.member("id", site.id);
    writer.member("name", site.name);
    writer.member("domain", site.domain);
    writer.member("timezone", site.timezone);
    writer.member(kSessionTimeout, std::int64_t{site.counting.session_timeout});
    writer.member("currency", site.counting.currency);
    writer.member(kRetention, std::int64_t{site.retention.months});
    writer.end_object();
}

http::Response site_answer(int status, const Result<catalog::Site>& site) {
    if (!site) {
        Error error = site.error();
        if (error.field == "session_timeout") error.field = kSessionTimeout;
        return refusal(error);
    }
    http::Response response;
    response.status = status;
    json::Writer writer(response.body);
    write_site(writer, *site);
    return response;
}

/// Those that the caller may read, oldest first.
void write_sites(json::Writer& writer, const Caller& caller, const catalog::Snapshot& snapshot) {
    std::vector<const catalog::Site*> sites;
    for (const auto& [id, site] : snapshot.sites)
        if (caller.readable_site(id, snapshot)) sites.push_back(&site);
    std::sort(sites.begin(), sites.end(), [](const catalog::Site* a, const catalog::Site* b) {
        return std::tie(a->created_ms, a->id) < std::tie(b->created_ms, b->id);
    });
    writer.key("sites");
    writer.begin_array();
    for (const catalog::Site* site : sites) write_site(writer, *site);
    writer.end_array();
}

http::Response answer(int status, const std::function<void(json::Writer&)>& members) {
    http::Response response;
    response.status = status;
    json::Writer writer(response.body);
    writer.begin_object();
    members(writer);
    writer.end_object();
    return response;
}

http::Response no_content() {
    http::Response response;
    response.status = 204;
    return response;
}

}  // namespace

AccountRoutes::AccountRoutes(catalog::Catalog& catalog, const Gate& gate, WorkerPool& hashing, WorkerPool& writing,
                             Clock& clock, AccountOptions options)
    : catalog_(catalog),
      gate_(gate),
      hashing_(hashing),
      writing_(writing),
      options_(std::move(options)),
      accounts_(clock, {}),
      addresses_(clock, kAddressPolicy),
      current_passwords_(clock, {}) {}

void AccountRoutes::add_to(http::Router& router) {
    gate_.add(router, Method::kGet, "/api/v1/setup", [this](http::Exchange& exchange, const Caller&) {
        exchange.respond(
            answer(200, [this](json::Writer& writer) { writer.member("needed", !catalog_.accounts().has_users()); }));
    });
    gate_.add(router, Method::kPost, "/api/v1/setup",
              [this](http::Exchange& exchange, const Caller&) { set_up(exchange); });
    gate_.add(router, Method::kPost, "/api/v1/session",
              [this](http::Exchange& exchange, const Caller&) { sign_in(exchange); });
    gate_.add(router, Method::kGet, "/api/v1/session",
              [this](http::Exchange& exchange, const Caller& caller) { show_session(exchange, caller); });
    gate_.add(router, Method::kDelete, "/api/v1/session",
              [this](http::Exchange& exchange, const Caller&) { sign_out(exchange); });
    gate_.add(router, Method::kPut, "/api/v1/account/password",
              [this](http::Exchange& exchange, const Caller& caller) { change_password(exchange, caller); });
    gate_.add(router, Method::kGet, "/api/v1/sites",
              [this](http::Exchange& exchange, const Caller& caller) { list_sites(exchange, caller); });
    gate_.add(router, Method::kPost, "/api/v1/sites",
              [this](http::Exchange& exchange, const Caller&) { add_site(exchange); });
    gate_.add(router, Method::kPatch, kSite,
              [this](http::Exchange& exchange, const Caller&) { change_site(exchange); });
}

/// The request stays valid until the exchange is answered, so the work may look at it.
void AccountRoutes::run(WorkerPool& pool, http::Exchange& exchange, Work work) const {
    if (!pool.submit([&exchange, work = std::move(work)] { exchange.complete(work()); }))
        exchange.respond(
            refusal(Error(Code::kOverloaded, "too many sign-ins and changes wait; try again in a moment")));
}

http::Response AccountRoutes::signed_in(const http::Request& request, const Result<catalog::SignedIn>& result,
                                        int status) const {
    if (!result) return refusal(result.error());
    // A browser has one session here; the one that it came with would live on without anybody to end it.
    if (const std::string_view earlier = gate_.session_token(request); !earlier.empty()) {
        if (const Status ended = catalog_.accounts().end_session(earlier); !ended)
            logging::warn("account.session_not_ended", {{"error", ended.error().message}});
    }
    logging::info("account.signed_in", {{"user", result->user.email}, {"role", catalog::role_name(result->user.role)}});
    http::Response response = answer(status, [&](json::Writer& writer) { write_user(writer, result->user); });
    gate_.set_cookie(response, request, result->token, options_.cookie_age_s);
    return response;
}

void AccountRoutes::set_up(http::Exchange& exchange) {
    auto fields = Fields::parse(exchange.request().body, kSetupBody);
    if (!fields) return exchange.respond(refusal(fields.error()));
    run(hashing_, exchange, [this, &exchange, fields = std::move(*fields)] {
        return signed_in(exchange.request(),
                         catalog_.accounts().set_up(fields.get("token"), fields.get("email"), fields.get("password")),
                         201);
    });
}

void AccountRoutes::sign_in(http::Exchange& exchange) {
    auto fields = Fields::parse(exchange.request().body, kSignInBody);
    if (!fields) return exchange.respond(refusal(fields.error()));
    if (!fields->has("token")) {
        if (const Status there = fields->require({"email", "password"}); !there)
            return exchange.respond(refusal(there.error()));
        return sign_in_by_password(exchange, fields->get("email"), fields->get("password"));
    }
    if (fields->has("email") || fields->has("password"))
        return exchange.respond(
            refusal(Error(Code::kInvalidArgument, "send a token, or a mail address and a password", "token")));
    // 256 random bits need no throttle.
    run(writing_, exchange, [this, &exchange, token = fields->get("token")] {
        auto result = catalog_.accounts().sign_in_by_link(token);
        count_sign_in(result ? "ok" : "refused");
        return signed_in(exchange.request(), result, 200);
    });
}

void AccountRoutes::sign_in_by_password(http::Exchange& exchange, std::string email, std::string password) {
    const std::string account = account_name(email);
    const std::string address = gate_.client(exchange.request()).address;
    const auto wait_ms = [this, account, address] {
        return std::max(accounts_.wait_ms(account), addresses_.wait_ms(address));
    };
    if (const std::int64_t wait = wait_ms(); wait > 0) {
        count_sign_in("throttled");
        return exchange.respond(too_soon(wait));
    }
    run(hashing_, exchange,
        [this, &exchange, wait_ms, account, address, email = std::move(email), password = std::move(password)] {
            // Again: attempts that were sent at once have all passed the first look.
            if (const std::int64_t wait = wait_ms(); wait > 0) {
                count_sign_in("throttled");
                return too_soon(wait);
            }
            const auto result = catalog_.accounts().sign_in(email, password);
            if (result) {
                count_sign_in("ok");
                // Not the address: somebody with an account could otherwise guess others' passwords in between.
                accounts_.succeeded(account);
            } else if (result.error().code == Code::kUnauthenticated) {
                count_sign_in("refused");
                accounts_.failed(account);
                addresses_.failed(address);
            }
            return signed_in(exchange.request(), result, 200);
        });
}

void AccountRoutes::show_session(http::Exchange& exchange, const Caller& caller) const {
    const auto snapshot = catalog_.snapshot();
    exchange.respond(answer(200, [&](json::Writer& writer) {
        write_user(writer, *caller.user);
        write_sites(writer, caller, *snapshot);
        writer.member("version", options_.version);
    }));
}

void AccountRoutes::sign_out(http::Exchange& exchange) {
    run(writing_, exchange, [this, &exchange] {
        const Status ended = catalog_.accounts().end_session(gate_.session_token(exchange.request()));
        if (!ended) return refusal(ended.error());
        http::Response response = no_content();
        gate_.clear_cookie(response, exchange.request());
        return response;
    });
}

void AccountRoutes::change_password(http::Exchange& exchange, const Caller& caller) {
    auto fields = Fields::parse(exchange.request().body, kPasswordBody);
    if (!fields) return exchange.respond(refusal(fields.error()));
    run(hashing_, exchange, [this, &exchange, email = caller.user->email, fields = std::move(*fields)] {
        if (const std::int64_t wait = current_passwords_.wait_ms(email); wait > 0) return too_soon(wait);
        const Status changed = catalog_.accounts().change_password(email, fields.get("current"), fields.get("new"),
                                                                   gate_.session_token(exchange.request()));
        if (!changed) {
            if (changed.error().code == Code::kForbidden) current_passwords_.failed(email);
            return refusal(changed.error());
        }
        current_passwords_.succeeded(email);
        logging::info("account.password_changed", {{"user", email}});
        return no_content();
    });
}

void AccountRoutes::list_sites(http::Exchange& exchange, const Caller& caller) const {
    const auto snapshot = catalog_.snapshot();
    exchange.respond(answer(200, [&](json::Writer& writer) { write_sites(writer, caller, *snapshot); }));
}

void AccountRoutes::add_site(http::Exchange& exchange) {
    auto fields = Fields::parse(exchange.request().body, kNewSiteBody);
    if (!fields) return exchange.respond(refusal(fields.error()));
    run(writing_, exchange, [this, fields = std::move(*fields)] {
        return site_answer(
            201, catalog_.add_site(
                     fields.get("name"), fields.get("domain"), fields.get("timezone"), fields.get("id"), {},
                     {.session_timeout = fields.number(kSessionTimeout).value_or(catalog::kSessionTimeoutDefault),
                      .currency = fields.get("currency")},
                     fields.number(kRetention).value_or(catalog::kRetentionMonthsDefault)));
    });
}

void AccountRoutes::change_site(http::Exchange& exchange) {
    auto fields = Fields::parse(exchange.request().body, kSiteBody);
    if (!fields) return exchange.respond(refusal(fields.error()));
    run(writing_, exchange, [this, fields = std::move(*fields), id = path_text(exchange, kSite, "{id}")] {
        catalog::SiteChange change;
        change.name = fields.text("name");
        change.domain = fields.text("domain");
        change.timezone = fields.text("timezone");
        change.session_timeout = fields.number(kSessionTimeout);
        change.currency = fields.text("currency");
        change.retention_months = fields.number(kRetention);
        return site_answer(200, catalog_.change_site(id, change));
    });
}

}  // namespace footfall::api
