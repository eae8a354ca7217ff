#include "api/gate.h"

#include <algorithm>

namespace footfall::api {
namespace {

constexpr std::string_view kPlainCookie = "footfall_session";
constexpr std::string_view kSecureCookie = "__Host-footfall";

std::string_view trim(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
    return out;
}

/// Value of the first cookie of that name; nullopt where there is none.
std::optional<std::string_view> cookie(const http::Request& request, std::string_view name) {
    for (std::string_view rest : request.header_values("cookie")) {
        while (!rest.empty()) {
            const std::size_t end = std::min(rest.find(';'), rest.size());
            const std::string_view pair = trim(rest.substr(0, end));
            rest.remove_prefix(std::min(end + 1, rest.size()));
            if (pair.size() > name.size() && pair.starts_with(name) && pair[name.size()] == '=')
                return pair.substr(name.size() + 1);
        }
    }
    return std::nullopt;
}

Status judge_body(const http::Request& request) {
    const std::uint64_t bytes = std::max<std::uint64_t>(request.body.size(), request.content_length);
    if (request.method == http::Method::kDelete && bytes == 0) return {};
    if (bytes > Gate::kBodyBytesMax)
        return Error(Code::kTooLarge, "the body is larger than " + std::to_string(Gate::kBodyBytesMax) + " bytes");
    const std::string_view type = request.header("content-type");
    if (lower(trim(type.substr(0, type.find(';')))) != "application/json")
        return Error(Code::kUnsupported, "send the body as JSON, with Content-Type: application/json", "Content-Type");
    if (!request.header("content-encoding").empty())
        return Error(Code::kUnsupported, "this route takes no Content-Encoding", "Content-Encoding");
    return {};
}

}  // namespace

std::string_view session_cookie(Scheme scheme) { return scheme == Scheme::kHttps ? kSecureCookie : kPlainCookie; }

Status judge_access(Access access, const Caller& caller) {
    switch (access) {
        case Access::kAnyone: return {};
        case Access::kReader:
            if (caller.key && caller.key->scope == catalog::Scope::kCollect)
                return Error(Code::kForbidden, "a collect key may not read; make one with --scope read",
                             "Authorization");
            return {};
        case Access::kSession:
        case Access::kEditor:
        case Access::kManager:
            if (!caller.user)
                return Error(Code::kForbidden, "this is for a signed-in user, not for a key", "Authorization");
            if (access == Access::kManager && caller.user->role != catalog::Role::kOwner &&
                caller.user->role != catalog::Role::kAdmin)
                return Error(Code::kForbidden, "this needs the role owner or admin");
            if (access == Access::kEditor && caller.user->role == catalog::Role::kViewer)
                return Error(Code::kForbidden, "this needs the role owner, admin or editor");
            return {};
    }
    return Error(Code::kInternal, "an access that is not judged");
}

Result<const catalog::Site*> Caller::readable_site(std::string_view id, const catalog::Snapshot& snapshot) const {
    const catalog::Site* site = snapshot.site(id);
    if (site == nullptr) return Error(Code::kNotFound, "there is no such site", "website_id");
    if (!user && (!key || key->site_id != site->id))
        return Error(Code::kForbidden, "this key is for another site", "website_id");
    return site;
}

std::string path_text(const http::Exchange& exchange, std::string_view pattern, std::string_view name) {
    const std::string_view sent = http::path_parameter(pattern, exchange.request().path, name);
    return http::percent_decode(sent, false).value_or(std::string(sent));
}

http::Response refusal(const Error& error) {
    http::Response response = http::error_response(error);
    if (response.status == 401) response.headers.emplace_back("WWW-Authenticate", "Bearer");
    if (response.status == 503 || response.status == 429) response.headers.emplace_back("Retry-After", "1");
    return response;
}

Gate::Gate(catalog::Catalog& catalog, ClientOf client_of) : catalog_(catalog), client_of_(std::move(client_of)) {}

void Gate::add(http::Router& router, http::Method method, std::string_view path, Handler handler) const {
    const RouteRule* rule = find_rule(method, path);
    FOOTFALL_CHECK(rule != nullptr);
    router.add(
        method, std::string(path),
        [this, rule, handler = std::move(handler)](http::Exchange& exchange) {
            const auto caller = judge(*rule, exchange.request());
            if (!caller) return exchange.respond(refusal(caller.error()));
            handler(exchange, *caller);
        },
        [this, rule](const http::Request& request) -> std::optional<http::Response> {
            const auto caller = judge(*rule, request);
            if (caller) return std::nullopt;
            return refusal(caller.error());
        });
}

Result<Caller> Gate::judge(const RouteRule& rule, const http::Request& request) const {
    Caller caller;
    if (rule.access != Access::kAnyone) {
        TRY(const Credential proof, credential(request));
        TRY(caller, authenticate(proof, Use::kProlongs));
    }
    if (rule.effect == Effect::kChanges) TRY_STATUS(judge_origin(request, false));
    if (rule.effect == Effect::kConnects) TRY_STATUS(judge_origin_of_connection(request));
    TRY_STATUS(judge_access(rule.access, caller));
    if (rule.effect == Effect::kChanges) TRY_STATUS(judge_body(request));
    return caller;
}

Result<Caller> Gate::judge_again(const RouteRule& rule, const Credential& credential) const {
    TRY(Caller caller, authenticate(credential, Use::kLooks));
    TRY_STATUS(judge_access(rule.access, caller));
    return caller;
}

Result<Credential> Gate::credential(const http::Request& request) const {
    // Who sends a key means it: a cookie that comes along does not mend a wrong one.
    const std::string_view authorization = request.header("authorization");
    if (authorization.empty()) return Credential{.session = std::string(session_token(request)), .key = {}};
    const auto secret = http::bearer_token(authorization);
    if (!secret) return Error(Code::kUnauthenticated, "the Authorization header must be 'Bearer KEY'", "Authorization");
    return Credential{.session = {}, .key = std::string(*secret)};
}

Result<Caller> Gate::authenticate(const Credential& credential, Use use) const {
    Caller caller;
    if (!credential.key.empty()) {
        const auto snapshot = catalog_.snapshot();
        const catalog::Key* key = snapshot->key(credential.key);
        if (key == nullptr) return Error(Code::kUnauthenticated, "unknown or revoked key", "Authorization");
        caller.key = *key;
        return caller;
    }
    auto& accounts = catalog_.accounts();
    caller.user =
        use == Use::kProlongs ? accounts.session(credential.session) : accounts.look_at_session(credential.session);
    if (!caller.user)
        return Error(Code::kUnauthenticated, "sign in, or send a read key as 'Authorization: Bearer KEY'");
    return caller;
}

Status Gate::judge_origin_of_connection(const http::Request& request) const { return judge_origin(request, true); }

Status Gate::judge_origin(const http::Request& request, bool cookie_may_be_silent) const {
    const bool has_cookie = cookie(request, kPlainCookie) || cookie(request, kSecureCookie);
    const auto origins = request.header_values("origin");
    const std::string_view site = request.header("sec-fetch-site");
    const std::string own =
        std::string(client(request).scheme == Scheme::kHttps ? "https://" : "http://") + lower(request.header("host"));
    const bool is_own = origins.size() == 1 && lower(origins[0]) == own;
    const bool is_foreign = (!origins.empty() && !is_own) || (!site.empty() && site != "same-origin");
    const bool is_known = is_own || site == "same-origin";
    if (is_foreign || (has_cookie && !is_known && !cookie_may_be_silent))
        return Error(Code::kForbidden,
                     "this request does not come from this server's own page (" + own +
                         "); a proxy in front of it must pass on Host and set X-Forwarded-Proto",
                     "Origin");
    return {};
}

std::string_view Gate::session_token(const http::Request& request) const {
    return cookie(request, session_cookie(client(request).scheme)).value_or(std::string_view());
}

void Gate::set_cookie(http::Response& response, const http::Request& request, std::string_view token,
                      std::int64_t max_age_s) const {
    const Scheme scheme = client(request).scheme;
    std::string value(session_cookie(scheme));
    value.append("=").append(token).append("; Path=/; Max-Age=").append(std::to_string(max_age_s));
    value += "; HttpOnly; SameSite=Lax";
    if (scheme == Scheme::kHttps) value += "; Secure";
    response.headers.emplace_back("Set-Cookie", std::move(value));
}

void Gate::clear_cookie(http::Response& response, const http::Request& request) const {
    set_cookie(response, request, "", 0);
}

}  // namespace footfall::api
