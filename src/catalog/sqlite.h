#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace footfall::catalog {

/// A prepared statement. Parameters are bound in order; text and blobs are copied.
class Query {
public:
    Query(Query&& other) noexcept : statement_(other.statement_) { other.statement_ = nullptr; }
    Query(const Query&) = delete;
    ~Query();

    Query& text(std::string_view value);
    Query& blob(std::string_view value);
    Query& integer(std::int64_t value);

    /// Steps: true where there is a row. kConflict where a constraint failed.
    Result<bool> step();
    /// For statements without rows.
    Status run();

    std::string text_at(int column) const;
    std::int64_t integer_at(int column) const;

private:
    friend class Database;
    explicit Query(sqlite3_stmt* statement) : statement_(statement) {}
    sqlite3_stmt* statement_;
    int next_ = 1;
};

/// One SQLite connection, used under the owner's lock. WAL with synchronous=FULL: a committed change survives a power
/// cut.
class Database {
public:
    static Result<Database> open(const std::string& path);
    /// For reading what the file itself has, without its write-ahead log: nothing is made or changed beside it.
    static Result<Database> open_unchanging(const std::string& path);
    Database(Database&& other) noexcept : handle_(other.handle_) { other.handle_ = nullptr; }
    Database(const Database&) = delete;
    ~Database();

    Result<Query> prepare(std::string_view sql) const;
    /// Runs several statements.
    Status execute(std::string_view sql) const;
    /// All of the statements or none, after their first error.
    Status transaction(const std::function<Status()>& statements) const;
    /// A copy of the whole as of now, in memory.
    Result<Database> copy_in_memory() const;
    /// The content as a database file.
    Result<std::string> file_content() const;
    /// Rows changed by the last statement.
    int changes() const;

private:
    explicit Database(sqlite3* handle) : handle_(handle) {}
    sqlite3* handle_;
};

}  // namespace footfall::catalog
