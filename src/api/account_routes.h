#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "api/gate.h"
#include "api/throttle.h"
#include "base/clock.h"
#include "base/worker_pool.h"
#include "catalog/catalog.h"
#include "http/router.h"

namespace footfall::api {

struct AccountOptions {
    std::string version;            ///< for GET /api/v1/session
    std::int64_t cookie_age_s = 0;  ///< the absolute limit of a session
};

/// /api/v1/setup, /session, /account/password and /sites. What hashes a password runs on a pool of its own, what waits
/// for the disk on another, so that a flood of sign-ins leaves the event loops and everybody else alone; a full queue
/// is answered 503 with Retry-After.
///
/// After three failures an account has to wait before the next attempt: 4 s, doubling to a minute; an address after
/// ten, doubling to a quarter of an hour. Within that time the right password is refused like a wrong one (429,
/// Retry-After). The limit of an account is the lower one, since anybody can use it up for somebody else.
class AccountRoutes {
public:
    AccountRoutes(catalog::Catalog& catalog, const Gate& gate, WorkerPool& hashing, WorkerPool& writing, Clock& clock,
                  AccountOptions options);

    void add_to(http::Router& router);

private:
    using Work = std::function<http::Response()>;
    void run(WorkerPool& pool, http::Exchange& exchange, Work work) const;
    http::Response signed_in(const http::Request& request, const Result<catalog::SignedIn>& result, int status) const;

    void set_up(http::Exchange& exchange);
    void sign_in(http::Exchange& exchange);
    void sign_in_by_password(http::Exchange& exchange, std::string email, std::string password);
    void show_session(http::Exchange& exchange, const Caller& caller) const;
    void sign_out(http::Exchange& exchange);
    void change_password(http::Exchange& exchange, const Caller& caller);
    void list_sites(http::Exchange& exchange, const Caller& caller) const;
    void add_site(http::Exchange& exchange);
    void change_site(http::Exchange& exchange);

    catalog::Catalog& catalog_;
    const Gate& gate_;
    WorkerPool& hashing_;
    WorkerPool& writing_;
    const AccountOptions options_;
    Throttle accounts_;
    Throttle addresses_;
    Throttle current_passwords_;  ///< of signed-in users who change theirs
};

}  // namespace footfall::api
