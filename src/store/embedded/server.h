#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/worker_pool.h"
#include "http/body_stream.h"
#include "http/http.h"
#include "store/embedded/canceller.h"
#include "store/embedded/engine.h"
#include "store/embedded/request.h"
#include "store/embedded/session.h"

namespace footfall::store::embedded {

/// How many statements of a kind run at once and how many wait. Beyond that: 503 with Retry-After.
struct Lane {
    std::size_t at_once = 1;
    std::size_t waiting_max = 1;
};

struct StoreServerOptions {
    Lane queries{.at_once = 2, .waiting_max = 16};  ///< SELECT: at most one a core, since each takes all it gets
    Lane inserts{.at_once = 2, .waiting_max = 16};  ///< formatted INSERT
    Lane others{.at_once = 2, .waiting_max = 32};   ///< everything else, and statements with `priority=1`
    std::size_t body_bytes_max = 256u << 20;
    std::size_t answer_bytes_max = 256u << 20;
    Clock* clock = &system_clock();
};

/// The ClickHouse HTTP interface over the engine: GET /ping, and statements at / as a ClickHouse server takes them
/// (docs: request.h). Statements that change sessions (SET, USE) are carried out and forgotten. An answer is sent
/// whole, unless it is asked for as it comes (wait_end_of_query=0), the statement only reads, and the format has its
/// rows one by one, without a head: then the connection is cut where the statement fails after the first bytes. Bodies
/// may be compressed both ways, as HTTP does it.
class StoreServer {
public:
    explicit StoreServer(StoreServerOptions options);
    /// Stops at once where stop() was not called.
    ~StoreServer();

    /// Binds, before start() and before the process gives up its rights. "unix:/path" or "host:port".
    Status listen(const std::string& address) { return http_.listen(address); }
    std::uint16_t port() const { return http_.port(); }
    /// Opens the directory with a first connection and starts answering. `engine` must outlive the server.
    Status start(const Engine& engine, std::vector<std::string> connect_arguments,
                 std::map<std::string, std::string> standard_settings);
    /// Stops accepting, waits `grace_ms` for statements that run, cancels queries that still do, and returns when none
    /// is left.
    void stop(int grace_ms);

private:
    struct Lanes;
    void handle(http::Exchange& exchange);
    void handle_statement(http::Exchange& exchange);
    void answer(http::Exchange& exchange, StoreRequest& request);
    /// Begins an answer that comes piece by piece, with that head.
    using BeginStream = std::function<http::BodyStream&(http::Response head)>;
    /// With success after `begin` all of the body has been written.
    http::Response carry_out(StoreRequest& request, std::int64_t started_ns, const BeginStream& begin);
    Outcome stream(Connection& connection, const StoreRequest& request, std::string_view format,
                   const BeginStream& begin) const;
    http::Response success(const StoreRequest& request, std::string_view format) const;
    http::Response failure(std::string_view query_id, const std::string& text) const;
    WorkerPool& lane_of(const StoreRequest& request);

    const StoreServerOptions options_;
    http::Server http_;
    std::unique_ptr<SessionPool> sessions_;
    std::unique_ptr<Canceller> canceller_;
    std::string version_;
    std::string host_name_;
    std::atomic<bool> stopping_{false};
    // Last, so that statements that still run end before what they use.
    std::unique_ptr<WorkerPool> queries_;
    std::unique_ptr<WorkerPool> inserts_;
    std::unique_ptr<WorkerPool> others_;
};

}  // namespace footfall::store::embedded
