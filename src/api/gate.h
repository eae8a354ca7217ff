#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "api/routes.h"
#include "base/result.h"
#include "catalog/catalog.h"
#include "http/http.h"
#include "http/router.h"

namespace footfall::api {

enum class Scheme : std::uint8_t { kHttp, kHttps };

/// Where a request comes from, as far as proxies that are trusted say.
struct Client {
    std::string address;  ///< text that is equal for requests to be counted together
    Scheme scheme = Scheme::kHttp;
};

/// Who asks: a signed-in user, or a key.
struct Caller {
    std::optional<catalog::User> user;
    std::optional<catalog::Key> key;

    /// The site, where the caller may read it: a user reads every site, a key its own. kNotFound, kForbidden.
    Result<const catalog::Site*> readable_site(std::string_view id, const catalog::Snapshot& snapshot) const;
};

/// What a request proves its caller by: a session's token or a key's secret. Both empty: nothing.
struct Credential {
    std::string session;
    std::string key;
};

/// Whether such a caller may use a route of that access: kForbidden, with what it takes.
Status judge_access(Access access, const Caller& caller);
/// The cookies that carry a session: over http, and over https.
std::string_view session_cookie(Scheme scheme);

/// What stands in the request's path for `name` of the pattern, decoded; with a broken escape as it is. Never empty: a
/// handler that takes an empty id for a new one must not add by a path that names one.
std::string path_text(const http::Exchange& exchange, std::string_view pattern, std::string_view name);

/// The answer to a request that was refused, with the headers that belong to its status.
http::Response refusal(const Error& error);

/// What stands before the handlers of the API: authentication, roles, and what a changing request must be like. Judges
/// in the order 401, 403 (a foreign origin, then the role), 413, 415. Looks into memory alone, so it runs on the event
/// loops. Thread-safe.
///
/// A request of a browser that carries a cookie may have been made by a foreign page. It may change something only
/// where its Origin is this server's own (scheme and Host), or, without an Origin, Sec-Fetch-Site says same-origin. A
/// foreign origin is refused without a cookie too, so that nobody is signed in to somebody else's account. What changes
/// something is also JSON by its Content-Type, which a page can't send elsewhere without asking first; nobody answers
/// that question. A WebSocket is opened by any page without asking, and always with its Origin: a foreign one is
/// refused.
class Gate {
public:
    /// Most bytes of the body of a changing request.
    static constexpr std::size_t kBodyBytesMax = 16 * 1024;

    using Handler = std::function<void(http::Exchange&, const Caller&)>;
    using ClientOf = std::function<Client(const http::Request&)>;
    Gate(catalog::Catalog& catalog, ClientOf client_of);

    /// Adds a route of route_rules(); its handler sees only requests that the rule lets through. The rest is refused
    /// before its body is read, as far as the headers tell.
    void add(http::Router& router, http::Method method, std::string_view path, Handler handler) const;
    /// For routes that are added otherwise. Before the body is there, its announced length is judged. A Caller without
    /// user and key where the rule is for anyone.
    Result<Caller> judge(const RouteRule& rule, const http::Request& request) const;
    /// The same for what goes on after its request: whether its caller still may. Prolongs no session.
    Result<Caller> judge_again(const RouteRule& rule, const Credential& credential) const;
    /// kUnauthenticated for an Authorization header that is none of ours.
    Result<Credential> credential(const http::Request& request) const;
    /// kForbidden where a page of another origin asks, as far as the browser tells.
    Status judge_origin_of_connection(const http::Request& request) const;

    Client client(const http::Request& request) const { return client_of_(request); }
    /// The token of the request's session cookie, whether it is in force or not; empty without one.
    std::string_view session_token(const http::Request& request) const;
    /// Adds the cookie that carries a session, or takes it away. Over https its name has the prefix __Host-, which
    /// browsers take from this host alone and over https alone.
    void set_cookie(http::Response& response, const http::Request& request, std::string_view token,
                    std::int64_t max_age_s) const;
    void clear_cookie(http::Response& response, const http::Request& request) const;

private:
    enum class Use : std::uint8_t { kProlongs, kLooks };
    Result<Caller> authenticate(const Credential& credential, Use use) const;
    /// A request with a cookie has to show where it comes from, but where `cookie_may_be_silent`.
    Status judge_origin(const http::Request& request, bool cookie_may_be_silent) const;

    catalog::Catalog& catalog_;
    const ClientOf client_of_;
};

}  // namespace footfall::api
