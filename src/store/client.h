#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"

namespace footfall::http {
class ClientTls;
}

namespace footfall::store {

using Settings = std::vector<std::pair<std::string, std::string>>;

/// One statement. Values are always parameters: `{name:Type}` in the text, name and plain value here (the client
/// escapes it). Statements name their database (`footfall.events`).
struct Statement {
    std::string sql;
    std::vector<std::pair<std::string, std::string>> parameters = {};
    /// ClickHouse's settings, for this statement only. `priority=1` lets it pass by the queue of heavy queries in the
    /// embedded store: for small questions that the product itself asks.
    Settings settings = {};
    /// Deadline for the whole call, and max_execution_time at the server.
    int timeout_ms = 30'000;
};

/// "['a','b']": the value of a parameter of the type Array(String).
std::string array_literal(std::span<const std::string> values);

/// A cell of an answer. 64-bit integers are exact; wider ones, Decimal, UUID, IPv6, dates and strings come as text;
/// arrays, maps and tuples as their JSON text. Bytes of a string that are no UTF-8 come as U+FFFD.
using Value = std::variant<std::monostate, bool, std::int64_t, std::uint64_t, double, std::string>;

struct Column {
    std::string name;
    std::string type;  // ClickHouse's name of the type
};

struct Answer {
    std::vector<Column> columns;
    std::vector<std::vector<Value>> rows;
    std::uint64_t rows_read = 0;
    std::uint64_t bytes_read = 0;
};

/// How bodies are compressed between the client and a server: those of inserts, and of answers where the server can.
enum class Compression { kNone, kGzip, kZstd };

/// "none", "gzip" or "zstd"; none for another word.
Compression compression_named(std::string_view name);

/// Where a ClickHouse HTTP interface listens: "unix:/path" (the embedded child), "http://host:port" or
/// "https://host:port".
struct Endpoint {
    std::string address;
    std::string user = {};
    std::string password = {};
    std::string database = {};  ///< stands for `footfall` in statements; empty: footfall itself
    std::shared_ptr<const http::ClientTls> tls = nullptr;  ///< with https: whom to believe
    Compression compression = Compression::kNone;
    /// The server knows cancel_http_readonly_queries_on_client_close, as all since ClickHouse 19 do: a statement ends
    /// where its client has gone.
    bool ends_with_client = true;
};

/// `Error::name` of kTooLarge: a statement needs more memory than it may have (max_memory_usage), or the store has no
/// more for it beside everything else.
inline constexpr std::string_view kStatementMemory = "statement_memory";
inline constexpr std::string_view kStoreMemory = "store_memory";

/// The one client of the event store, the same for the embedded child and for a ClickHouse server. Keeps a pool of
/// connections, one statement at a time on each. Thread-safe. Errors: kUnavailable where the store does not answer or
/// stops (whether a statement took effect is then not known), kTimeout (nor is it then), kOverloaded where it has too
/// much to do, kTooLarge (the query's memory limit; the message says what to do), kCorrupt for damaged data,
/// kInvalidArgument for what the store refuses as wrong, with its text.
class Client {
public:
    explicit Client(Endpoint endpoint, std::size_t connections_max = 16);
    ~Client();

    /// Answer rows, whole in memory: for bounded results. Repeated once where a kept connection turns out to be dead,
    /// so for reading only. `stop` ends the call at once from any thread, and the statement in the store soon after
    /// (kUnavailable, http::kStopped).
    Result<Answer> query(const Statement& statement, const std::stop_token& stop = {});
    /// The answer's bytes as they come, of a statement that names its FORMAT, whole in memory. For reading only.
    Result<std::string> fetch(const Statement& statement);
    /// Takes a part of an answer, of any length; an error ends the statement.
    using Sink = std::function<Status(std::string_view bytes)>;
    /// The answer's bytes as they come, never whole in memory here or in the store: of a statement that names a FORMAT
    /// without head, foot and commas between its rows (JSONEachRow, JSONCompactEachRow, CSV, TabSeparated, each without
    /// names). For reading only. An error says nothing of how much the sink was given before it. The sink's own error
    /// is returned as it is, and then, or by `stop` as in query(), the statement ends soon.
    Status stream(const Statement& statement, const Sink& sink, const std::stop_token& stop = {});
    /// The rows of a statement without FORMAT as they come, under the same conditions. It is asked for its columns
    /// first, each of which has the type that it has in query().
    using TakeRow = std::function<Status(std::vector<Value> row)>;
    using TakeColumns = std::function<Status(const std::vector<Column>& columns)>;
    Status stream_rows(const Statement& statement, const TakeColumns& begin, const TakeRow& take,
                       const std::stop_token& stop = {});
    /// A statement without rows.
    Status execute(const Statement& statement);
    /// `insert` is "INSERT INTO t (a, b) FORMAT Native" and `block` its data, sent apart from the text. On return with
    /// success the rows are stored, and durable where the table syncs its parts. After kTimeout or kUnavailable it may
    /// still run.
    Status insert(std::string_view insert, std::string_view block, int timeout_ms = 120'000,
                  const Settings& settings = {});
    Status ping(int timeout_ms = 1'000);

    /// How many answers so far named damaged data, and how many a disk without room.
    struct Troubles {
        std::uint64_t damaged = 0;
        std::uint64_t out_of_space = 0;
    };
    Troubles troubles() const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace footfall::store
