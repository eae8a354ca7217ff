#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace footfall::store::embedded {

using Parameters = std::vector<std::pair<std::string, std::string>>;

/// How a statement ended: with data and figures, or with the engine's text of an error.
struct Outcome {
    std::string data;
    std::string error;  ///< "Code: 60. DB::Exception: …"; empty where it succeeded
    std::uint64_t rows_read = 0;
    std::uint64_t bytes_read = 0;
    std::uint64_t rows_written = 0;
    std::uint64_t bytes_written = 0;
    double elapsed_seconds = 0;
};

/// What a statement would do, by the engine's own parser.
enum class StatementClass : std::uint32_t {
    kReadOnly = 0,
    kMutating = 1,
    kMutatingGlobal = 2,
    kControl = 3,
    kUnknown = 4
};
struct Analysis {
    std::uint32_t statements = 0;
    StatementClass statement_class = StatementClass::kUnknown;
};

class Engine;

/// A session of the engine, with its own settings and current database. One statement at a time; not thread-safe. The
/// engine mixes up the parameters of statements that share a connection, so each running statement has its own.
class Connection {
public:
    ~Connection();
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    /// Runs a statement. Values of parameters are escaped as tab-separated text.
    Outcome run(std::string_view sql, std::string_view format, const Parameters& parameters);
    /// Takes a piece of an answer; false: no more of it is wanted.
    using Take = std::function<bool(std::string_view piece)>;
    /// The same, with the answer given to `take` block by block, each written in the format by itself: a format with a
    /// head repeats it. The outcome has no data, and no figures; an error may come after pieces. Where no more is
    /// wanted the statement is ended, and the outcome says that it was cancelled.
    Outcome stream(std::string_view sql, std::string_view format, const Parameters& parameters, const Take& take);
    /// Inserts `pieces` as one stream of data in that format. `sql` is the INSERT without FORMAT clause. Binary data
    /// never goes through the text of a statement: the engine's splitting of text and data fails on some bytes.
    Outcome insert(std::string_view sql, std::string_view format, const Parameters& parameters,
                   std::span<const std::string_view> pieces);
    Analysis classify(std::string_view sql) const;

private:
    friend class Engine;
    Connection(const Engine& engine, void* handle) : engine_(engine), handle_(handle) {}

    const Engine& engine_;
    void* handle_;  ///< chdb_connection*
};

/// The engine's library (libchdb, ClickHouse in a process), loaded when it is asked for: it needs AVX2, and a processor
/// without it must hear so in a sentence rather than die. One directory a process; must outlive its connections.
class Engine {
public:
    /// kUnsupported without AVX2 (x86-64-v3); kUnavailable where the library is missing or lacks a function. The
    /// library stays loaded to the process's end.
    static Result<std::unique_ptr<Engine>> load(const std::string& library_path);
    ~Engine();

    /// The first connection opens the directory, with the server's settings among `arguments` ("--path=/absolute",
    /// "--config-file=…"); later ones take only settings of statements from theirs. kCorrupt: it does not open; the
    /// engine has written the reason to standard error.
    Result<std::unique_ptr<Connection>> connect(const std::vector<std::string>& arguments) const;
    std::string version() const;

private:
    friend class Connection;
    struct Functions;
    explicit Engine(std::unique_ptr<Functions> functions);
    std::unique_ptr<Functions> functions_;
};

}  // namespace footfall::store::embedded
