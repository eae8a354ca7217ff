#pragma once

#include <list>
#include <memory>
#include <mutex>
#include <string>

#include "base/worker_pool.h"
#include "http/http.h"
#include "store/embedded/engine.h"

namespace footfall::store {

/// A statement as it came by HTTP: where the query stands, its data, parameters and settings are told apart.
struct HttpStatement {
    std::string query;                ///< of an INSERT without its FORMAT clause
    std::string format;               ///< of the answer, or of the data of an INSERT
    std::string_view data;            ///< borrowed from the request's body
    bool is_insert = false;
    bool is_select = false;
    std::vector<std::pair<std::string, std::string>> parameters;
    std::vector<std::pair<std::string, std::string>> settings;
};

/// Takes a request of the ClickHouse HTTP interface apart: query in the URL, in the body, in both (INSERT with data behind it), or in a multipart
/// form. kUnsupported for the compressions that are not served.
Result<HttpStatement> parse_statement(const http::Request& request);

/// The ClickHouse HTTP interface over the engine: GET /ping, POST /. Statements that read run on one lane, at most `reads` at once; inserts and the rest
/// pass them by on another. A setting of a request never stays behind: a pooled connection knows which it has and is set to what the next one wants.
class StoreServer {
public:
    StoreServer(Engine& engine, unsigned reads);
    ~StoreServer();
    void handle(http::Exchange& exchange);

private:
    struct Pooled {
        std::unique_ptr<EngineConnection> connection;
        std::vector<std::pair<std::string, std::string>> settings;
    };
    http::Response run(const HttpStatement& statement);
    Result<EngineAnswer> execute(const HttpStatement& statement);
    Result<Pooled> acquire(const std::vector<std::pair<std::string, std::string>>& settings);

    Engine& engine_;
    std::mutex mutex_;
    std::list<Pooled> idle_;
    WorkerPool reads_;
    WorkerPool writes_;
};

}  // namespace footfall::store
