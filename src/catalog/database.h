#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace footfall::catalog {

/// What a driver makes of one statement. Places are counted from 1, columns from 0.
class PreparedStatement {
public:
    virtual ~PreparedStatement() = default;
    virtual void bind_text(int place, std::string_view value) = 0;
    virtual void bind_blob(int place, std::string_view value) = 0;
    virtual void bind_integer(int place, std::int64_t value) = 0;
    virtual Result<bool> step() = 0;
    virtual std::string text_at(int column) const = 0;
    virtual std::int64_t integer_at(int column) const = 0;
};

/// A prepared statement. Parameters are bound in order; text and blobs are copied.
class Query {
public:
    explicit Query(std::unique_ptr<PreparedStatement> statement) : statement_(std::move(statement)) {}

    Query& text(std::string_view value) {
        statement_->bind_text(next_++, value);
        return *this;
    }
    Query& blob(std::string_view value) {
        statement_->bind_blob(next_++, value);
        return *this;
    }
    Query& integer(std::int64_t value) {
        statement_->bind_integer(next_++, value);
        return *this;
    }
    /// Steps: true where there is a row. kConflict where a constraint failed.
    Result<bool> step() { return statement_->step(); }
    /// For statements without rows.
    Status run() {
        TRY([[maybe_unused]] const bool row, step());
        return {};
    }
    /// What it is of; empty and 0 for NULL.
    std::string text_at(int column) const { return statement_->text_at(column); }
    std::int64_t integer_at(int column) const { return statement_->integer_at(column); }

private:
    std::unique_ptr<PreparedStatement> statement_;
    int next_ = 1;
};

/// A connection to what keeps the catalog.
class Connection {
public:
    virtual ~Connection() = default;
    virtual Result<Query> prepare(std::string_view sql) = 0;
    virtual Status execute(std::string_view sql) = 0;
    virtual Status begin() = 0;
    virtual int changes() const = 0;
    virtual Status forget_deleted() = 0;
    virtual Result<std::unique_ptr<Connection>> copy_in_memory() = 0;
    virtual Result<std::string> file_content() = 0;
    virtual Status watch() { return {}; }
    virtual bool have_others_changed() { return false; }
};

/// One connection, used under the owner's lock: to SQLite (sqlite.cc), where WAL with synchronous=FULL lets a committed
/// change survive a power cut, or to PostgreSQL (postgres.cc), whose synchronous_commit says the same of it. Both take
/// the same SQL: what they share, `?` for parameters, and the types and words of SQLite in a CREATE TABLE.
class Database {
public:
    static Result<Database> open(const std::string& path);
    /// For reading what the file itself has, without its write-ahead log: nothing is made or changed beside it.
    static Result<Database> open_unchanging(const std::string& path);
    /// By a connection string of libpq, postgresql://USER@HOST/NAME or "host=… dbname=…". kUnavailable where nobody
    /// answers within 5 s, kForbidden where the server refuses the user.
    static Result<Database> open_postgres(const std::string& url);

    Result<Query> prepare(std::string_view sql) const { return connection_->prepare(sql); }
    /// Runs several statements.
    Status execute(std::string_view sql) const { return connection_->execute(sql); }
    /// All of the statements or none, after their first error. Beside others, one after the other.
    Status transaction(const std::function<Status()>& statements) const;
    /// What was deleted can't be read from any file any more, as far as that is the driver's to say.
    Status forget_deleted() const { return connection_->forget_deleted(); }
    /// A copy of the whole as of now, in memory. kUnsupported where a server keeps it, which has its own backups.
    Result<Database> copy_in_memory() const;
    /// The content as a database file. kUnsupported likewise.
    Result<std::string> file_content() const { return connection_->file_content(); }
    /// From now on changes that other connections make are heard of. The tables have to be there. Nothing with a file,
    /// which one process has.
    Status watch() const { return connection_->watch(); }
    /// Whether some have been made since the last call, or may have been while the connection was gone. Asks nobody.
    bool have_others_changed() const { return connection_->have_others_changed(); }
    /// Rows changed by the last statement.
    int changes() const { return connection_->changes(); }

private:
    explicit Database(std::unique_ptr<Connection> connection) : connection_(std::move(connection)) {}
    std::unique_ptr<Connection> connection_;
};

}  // namespace footfall::catalog
