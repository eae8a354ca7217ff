#include "catalog/database.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include <sqlite3.h>

#include "base/bytes.h"
#include "base/file.h"
#include "base/logging.h"

namespace footfall::catalog {
namespace {

Error sqlite_error(sqlite3* handle, int code) {
    const std::string text =
        "catalog: " + std::string(handle != nullptr ? sqlite3_errmsg(handle) : sqlite3_errstr(code));
    switch (code & 0xff) {
        case SQLITE_CONSTRAINT: return Error(Code::kConflict, text);
        case SQLITE_FULL: return Error(Code::kOverloaded, text);
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB: return Error(Code::kCorrupt, text);
        case SQLITE_BUSY: return Error(Code::kUnavailable, text + "; another process uses it, try again");
        default: return Error(Code::kIo, text);
    }
}

// For SQLite no address means NULL, which is not what an empty view means.
const char* address_of(std::string_view value) { return value.data() != nullptr ? value.data() : ""; }

/// SQLite gives a new file the rights that the umask leaves, and its companions those of the database. An earlier
/// version left them so.
Status keep_to_the_owner(const std::string& path) {
    // Only where there is none: to close a file that SQLite has open would give up SQLite's locks on it.
    if (!path_exists(path)) {
        TRY([[maybe_unused]] const File made, File::open(path, O_RDWR | O_CREAT | O_CLOEXEC));
    }
    for (const char* companion : {"", "-wal", "-shm"}) {
        const std::string file = path + companion;
        struct stat status {};
        if (::stat(file.c_str(), &status) != 0 || (status.st_mode & 077) == 0) continue;
        if (::chmod(file.c_str(), 0600) != 0)
            logging::warn("catalog.readable_by_others", {{"path", file}, {"error", std::strerror(errno)}});
    }
    return {};
}

class SqliteStatement final : public PreparedStatement {
public:
    explicit SqliteStatement(sqlite3_stmt* statement) : statement_(statement) {}
    SqliteStatement(const SqliteStatement&) = delete;
    SqliteStatement& operator=(const SqliteStatement&) = delete;
    ~SqliteStatement() override { sqlite3_finalize(statement_); }

    void bind_text(int place, std::string_view value) override {
        sqlite3_bind_text(statement_, place, address_of(value), static_cast<int>(value.size()), SQLITE_TRANSIENT);
    }
    void bind_blob(int place, std::string_view value) override {
        sqlite3_bind_blob(statement_, place, address_of(value), static_cast<int>(value.size()), SQLITE_TRANSIENT);
    }
    void bind_integer(int place, std::int64_t value) override { sqlite3_bind_int64(statement_, place, value); }
    Result<bool> step() override {
        const int code = sqlite3_step(statement_);
        if (code == SQLITE_ROW) return true;
        if (code == SQLITE_DONE) return false;
        return sqlite_error(sqlite3_db_handle(statement_), code);
    }
    std::string text_at(int column) const override {
        const auto* data = static_cast<const char*>(sqlite3_column_blob(statement_, column));
        return data == nullptr ? std::string()
                               : std::string(data, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column)));
    }
    std::int64_t integer_at(int column) const override { return sqlite3_column_int64(statement_, column); }

private:
    sqlite3_stmt* statement_;
};

class SqliteConnection final : public Connection {
public:
    static Result<std::unique_ptr<SqliteConnection>> open(const std::string& name, int flags) {
        sqlite3* handle = nullptr;
        const int code = sqlite3_open_v2(name.c_str(), &handle, flags | SQLITE_OPEN_NOMUTEX, nullptr);
        std::unique_ptr<SqliteConnection> connection(new SqliteConnection(handle));
        if (code != SQLITE_OK) return sqlite_error(handle, code);
        sqlite3_busy_timeout(handle, 5'000);
        return connection;
    }
    SqliteConnection(const SqliteConnection&) = delete;
    SqliteConnection& operator=(const SqliteConnection&) = delete;
    ~SqliteConnection() override { sqlite3_close_v2(handle_); }

    Result<Query> prepare(std::string_view sql) override {
        sqlite3_stmt* statement = nullptr;
        const int code = sqlite3_prepare_v2(handle_, sql.data(), static_cast<int>(sql.size()), &statement, nullptr);
        if (code != SQLITE_OK) return sqlite_error(handle_, code);
        return Query(std::make_unique<SqliteStatement>(statement));
    }
    Status execute(std::string_view sql) override {
        const std::string terminated(sql);
        const int code = sqlite3_exec(handle_, terminated.c_str(), nullptr, nullptr, nullptr);
        if (code != SQLITE_OK) return sqlite_error(handle_, code);
        return {};
    }
    Status begin() override { return execute("BEGIN IMMEDIATE"); }
    int changes() const override { return sqlite3_changes(handle_); }
    /// secure_delete overwrites it in the database; its page would stay readable in the write-ahead log until the next
    /// checkpoint.
    Status forget_deleted() override { return execute("PRAGMA wal_checkpoint(TRUNCATE)"); }
    Result<std::unique_ptr<Connection>> copy_in_memory() override {
        TRY(auto copy, open(":memory:", SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE));
        sqlite3_backup* const backup = sqlite3_backup_init(copy->handle_, "main", handle_, "main");
        if (backup == nullptr) return sqlite_error(copy->handle_, sqlite3_errcode(copy->handle_));
        sqlite3_backup_step(backup, -1);
        if (const int code = sqlite3_backup_finish(backup); code != SQLITE_OK) return sqlite_error(copy->handle_, code);
        return std::unique_ptr<Connection>(std::move(copy));
    }
    Result<std::string> file_content() override {
        sqlite3_int64 size = 0;
        unsigned char* const bytes = sqlite3_serialize(handle_, "main", &size, 0);
        if (bytes == nullptr) return Error(Code::kInternal, "catalog: no memory for a copy of it");
        std::string content(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
        sqlite3_free(bytes);
        return content;
    }

private:
    explicit SqliteConnection(sqlite3* handle) : handle_(handle) {}
    sqlite3* handle_;
};

}  // namespace

Result<Database> Database::open(const std::string& path) {
    if (path != ":memory:") TRY_STATUS(keep_to_the_owner(path));
    auto connection = SqliteConnection::open(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
    if (!connection) return connection.error().context(path);
    TRY_STATUS((*connection)
                   ->execute("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; "
                             "PRAGMA secure_delete=ON;"));
    return Database(std::move(*connection));
}

Result<Database> Database::open_unchanging(const std::string& path) {
    std::string uri = "file:";
    for (const char c : path) {
        if (c == '%' || c == '?' || c == '#') uri += '%' + to_hex({&c, 1});
        else uri += c;
    }
    auto connection = SqliteConnection::open(uri + "?immutable=1", SQLITE_OPEN_READONLY | SQLITE_OPEN_URI);
    if (!connection) return connection.error().context(path);
    return Database(std::move(*connection));
}

}  // namespace footfall::catalog
