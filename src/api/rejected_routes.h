#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "api/gate.h"
#include "base/clock.h"
#include "base/result.h"
#include "catalog/catalog.h"
#include "http/http.h"
#include "http/router.h"
#include "query/executor.h"

namespace footfall::api {

/// What is asked of the rejected events.
struct RejectedQuestion {
    std::string site_id;  ///< empty: what belonged to no known site
    std::string reason;   ///< empty: all
    std::int64_t since_ms = 0;
    std::uint64_t before = 0;  ///< offset of the log; 0: from the newest on
    std::uint32_t limit = 0;   ///< of the samples
};

/// GET /api/v1/sites/ID/rejected, and /api/v1/rejected for what belonged to no known site: how many events were
/// rejected by reason and hour, and samples of them, newest first. `?reason=&days=&limit=&before=`. Behind the gate it
/// judges 404 (the site), then 400. Runs on the executor; what it refuses is 429 or 503 with Retry-After.
class RejectedRoutes {
public:
    /// Of which samples are kept.
    static constexpr std::string_view kReasons[] = {"missing",      "wrong_type", "invalid",
                                                    "out_of_range", "unknown",    "forbidden"};
    static constexpr std::uint32_t kLimit = 50;
    static constexpr std::uint32_t kLimitMax = 500;
    static constexpr std::uint32_t kDays = 7;
    static constexpr std::uint32_t kDaysMax = 30;  ///< as long as they are kept

    struct Options {
        std::int64_t timeout_ms = 30'000;  ///< of the wait for its turn
        /// Gives the answer's JSON.
        std::function<Result<std::string>(const RejectedQuestion&)> answer;
        /// As QueryEndpoint's.
        std::function<std::string()> store_problem;
    };
    RejectedRoutes(const catalog::Catalog& catalog, query::Executor& executor, Clock& clock, Options options);

    void add_to(http::Router& router, const Gate& gate);

private:
    /// `site_id`: of a site that is known, or empty.
    void answer(http::Exchange& exchange, std::string site_id);

    const catalog::Catalog& catalog_;
    query::Executor& executor_;
    Clock& clock_;
    const Options options_;
};

}  // namespace footfall::api
