#include "catalog/sqlite.h"

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

}  // namespace

Query::~Query() { sqlite3_finalize(statement_); }

Query& Query::text(std::string_view value) {
    sqlite3_bind_text(statement_, next_++, address_of(value), static_cast<int>(value.size()), SQLITE_TRANSIENT);
    return *this;
}
Query& Query::blob(std::string_view value) {
    sqlite3_bind_blob(statement_, next_++, address_of(value), static_cast<int>(value.size()), SQLITE_TRANSIENT);
    return *this;
}
Query& Query::integer(std::int64_t value) {
    sqlite3_bind_int64(statement_, next_++, value);
    return *this;
}

Result<bool> Query::step() {
    const int code = sqlite3_step(statement_);
    if (code == SQLITE_ROW) return true;
    if (code == SQLITE_DONE) return false;
    return sqlite_error(sqlite3_db_handle(statement_), code);
}

Status Query::run() {
    TRY([[maybe_unused]] const bool row, step());
    return {};
}

std::string Query::text_at(int column) const {
    const auto* data = static_cast<const char*>(sqlite3_column_blob(statement_, column));
    return data == nullptr ? std::string()
                           : std::string(data, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column)));
}
std::int64_t Query::integer_at(int column) const { return sqlite3_column_int64(statement_, column); }

Result<Database> Database::open(const std::string& path) {
    if (path != ":memory:") TRY_STATUS(keep_to_the_owner(path));
    sqlite3* handle = nullptr;
    const int code = sqlite3_open_v2(path.c_str(), &handle,
                                     SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
    Database database(handle);
    if (code != SQLITE_OK) return sqlite_error(handle, code).context(path);
    sqlite3_busy_timeout(handle, 5'000);
    TRY_STATUS(database.execute(
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA secure_delete=ON;"));
    return database;
}

Result<Database> Database::open_unchanging(const std::string& path) {
    std::string uri = "file:";
    for (const char c : path) {
        if (c == '%' || c == '?' || c == '#') uri += '%' + to_hex({&c, 1});
        else uri += c;
    }
    sqlite3* handle = nullptr;
    const int code = sqlite3_open_v2((uri + "?immutable=1").c_str(), &handle,
                                     SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX, nullptr);
    Database database(handle);
    if (code != SQLITE_OK) return sqlite_error(handle, code).context(path);
    return database;
}

Database::~Database() { sqlite3_close_v2(handle_); }

Result<Query> Database::prepare(std::string_view sql) const {
    sqlite3_stmt* statement = nullptr;
    const int code = sqlite3_prepare_v2(handle_, sql.data(), static_cast<int>(sql.size()), &statement, nullptr);
    if (code != SQLITE_OK) return sqlite_error(handle_, code);
    return Query(statement);
}

Status Database::execute(std::string_view sql) const {
    const std::string terminated(sql);
    const int code = sqlite3_exec(handle_, terminated.c_str(), nullptr, nullptr, nullptr);
    if (code != SQLITE_OK) return sqlite_error(handle_, code);
    return {};
}

Status Database::transaction(const std::function<Status()>& statements) const {
    TRY_STATUS(execute("BEGIN IMMEDIATE"));
    Status status = statements();
    if (status) status = execute("COMMIT");
    // The first error is the one to tell; a failed roll-back ends with the connection.
    if (!status) (void)execute("ROLLBACK").has_value();
    return status;
}

Result<Database> Database::copy_in_memory() const {
    TRY(Database copy, open(":memory:"));
    sqlite3_backup* const backup = sqlite3_backup_init(copy.handle_, "main", handle_, "main");
    if (backup == nullptr) return sqlite_error(copy.handle_, sqlite3_errcode(copy.handle_));
    sqlite3_backup_step(backup, -1);
    if (const int code = sqlite3_backup_finish(backup); code != SQLITE_OK) return sqlite_error(copy.handle_, code);
    return copy;
}

Result<std::string> Database::file_content() const {
    sqlite3_int64 size = 0;
    unsigned char* const bytes = sqlite3_serialize(handle_, "main", &size, 0);
    if (bytes == nullptr) return Error(Code::kInternal, "catalog: no memory for a copy of it");
    std::string content(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
    sqlite3_free(bytes);
    return content;
}

int Database::changes() const { return sqlite3_changes(handle_); }

}  // namespace footfall::catalog
