#include <poll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <libpq-fe.h>

#include "base/logging.h"
#include "base/text_file.h"
#include "catalog/database.h"

namespace footfall::catalog {

namespace postgres_sql {
std::span<const TextFile> files();
}

namespace {

constexpr Oid kBytes = 17;
constexpr Oid kInteger = 20;
/// PostgreSQL itself ends a statement then, and what it waits for. Whoever writes waits for those that write before.
constexpr const char* kLimit = "SET statement_timeout = 10000";
/// What is not answered by then is taken for lost, and the connection with it: a network that has gone ends none.
constexpr int kAnswerMs = 12'000;

struct Deleter {
    void operator()(PGconn* connection) const { PQfinish(connection); }
    void operator()(PGresult* result) const { PQclear(result); }
};
using Handle = std::unique_ptr<PGconn, Deleter>;
using Rows = std::unique_ptr<PGresult, Deleter>;

std::string trimmed(const char* text) {
    std::string line(text);
    while (!line.empty() && (line.back() == '\n' || line.back() == ' ')) line.pop_back();
    return line;
}

Error error_of(PGconn* connection, const PGresult* result) {
    const char* state = result != nullptr ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : nullptr;
    const std::string_view code = state != nullptr ? state : "";
    const std::string text =
        "catalog: " + trimmed(result != nullptr && *PQresultErrorMessage(result) != '\0' ? PQresultErrorMessage(result)
                                                                                         : PQerrorMessage(connection));
    if (code.starts_with("23")) return {Code::kConflict, text};                      // integrity constraint violation
    if (code.starts_with("28") || code == "42501") return {Code::kForbidden, text};  // authorization
    if (code.starts_with("53")) return {Code::kOverloaded, text};                    // insufficient resources
    if (code.starts_with("XX")) return {Code::kCorrupt, text};
    if (code.empty() || code.starts_with("08") || code.starts_with("57") || code.starts_with("40"))
        return {Code::kUnavailable, text};
    return {Code::kInternal, text};
}

/// `?` of which there are one after the other become $1, $2, …; in quotes they are text. `number`: how many there are.
std::string with_numbers(std::string_view sql, std::size_t& number) {
    std::string out;
    char quote = 0;
    for (const char c : sql) {
        if (quote != 0) quote = c == quote ? 0 : quote;
        else if (c == '\'' || c == '"') quote = c;
        if (c == '?' && quote == 0) out += fmt::format("${}", ++number);
        else out += c;
    }
    return out;
}

/// What a CREATE TABLE for SQLite says, in the words of PostgreSQL.
std::string translated(std::string_view sql) {
    constexpr std::array<std::pair<std::string_view, std::string_view>, 5> kWords = {{
        {") STRICT, WITHOUT ROWID", ")"},
        {") STRICT", ")"},
        {" INTEGER", " BIGINT"},
        {" BLOB", " BYTEA"},
        {" ORDER BY rowid", ""},
    }};
    std::string out(sql);
    for (const auto& [from, to] : kWords)
        for (std::size_t at = 0; (at = out.find(from, at)) != std::string::npos; at += to.size())
            out.replace(at, from.size(), to);
    return out;
}

/// A connection that is made again where the server was: before a statement, never within a transaction. A statement
/// whose answer is lost is sent again only if it changes nothing.
class Link {
public:
    explicit Link(Handle handle) : handle_(std::move(handle)) { say(kLimit); }

    /// `send` hands a statement over without waiting, as PQsendQuery does.
    template <class Send>
    Result<Rows> run(std::string_view sql, const Send& send) {
        if (!is_in_transaction) {
            hear();
            if (is_broken()) connect_again();
        }
        Rows rows = ask(send);
        const bool changes_nothing = sql.starts_with("SELECT") || sql == "BEGIN";
        if (is_broken() && !is_late_ && !is_in_transaction && changes_nothing) {
            connect_again();
            if (!is_broken()) rows = ask(send);
        }
        if (is_late_)
            return Error(Code::kUnavailable,
                         fmt::format("catalog: PostgreSQL does not answer within {} s", kAnswerMs / 1'000));
        const ExecStatusType status = PQresultStatus(rows.get());
        if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) return error_of(handle_.get(), rows.get());
        int count = 0;
        const std::string_view told = PQcmdTuples(rows.get());
        std::from_chars(told.data(), told.data() + told.size(), count);
        changes = count;
        return rows;
    }

    /// Takes what the server said unasked.
    bool take_notices() {
        hear();
        if (is_broken() && !is_in_transaction) connect_again();
        while (PGnotify* notice = PQnotifies(handle_.get())) {
            // Our own changes come back, too.
            if (notice->be_pid != PQbackendPID(handle_.get())) others_changed_ = true;
            PQfreemem(notice);
        }
        return std::exchange(others_changed_, false);
    }

    bool is_in_transaction = false;
    int changes = 0;
    std::string channel;  ///< that is listened to; empty before watch()

private:
    bool is_broken() const { return is_late_ || PQstatus(handle_.get()) == CONNECTION_BAD; }
    /// The last result, as PQexec has it, or none where there was no answer in time.
    template <class Send>
    Rows ask(const Send& send) {
        Rows rows;
        if (send(handle_.get()) == 0) return rows;
        const auto ends = std::chrono::steady_clock::now() + std::chrono::milliseconds(kAnswerMs);
        for (;;) {
            if (!await_result(ends)) {
                is_late_ = true;
                return nullptr;
            }
            PGresult* result = PQgetResult(handle_.get());
            if (result == nullptr) return rows;
            rows.reset(result);
        }
    }
    /// Where this fails so does the statement that follows.
    void say(const std::string& statement) {
        (void)ask([&](PGconn* connection) { return PQsendQuery(connection, statement.c_str()); });
    }
    /// Whether PQgetResult would say something at once, if only that the connection is broken.
    bool await_result(std::chrono::steady_clock::time_point ends) const {
        while (PQisBusy(handle_.get()) != 0) {
            const auto left =
                std::chrono::duration_cast<std::chrono::milliseconds>(ends - std::chrono::steady_clock::now()).count();
            pollfd socket = {.fd = PQsocket(handle_.get()), .events = POLLIN, .revents = 0};
            const int is_there = ::poll(&socket, 1, static_cast<int>(std::max<std::int64_t>(0, left)));
            if (is_there == 0) return false;
            if (is_there < 0 && errno != EINTR) return false;
            if (is_there > 0 && PQconsumeInput(handle_.get()) == 0) return true;
        }
        return true;
    }
    /// What the server said unasked, its end included, so that a change does not find out by being lost.
    void hear() const {
        pollfd socket = {.fd = PQsocket(handle_.get()), .events = POLLIN, .revents = 0};
        while (!is_broken() && ::poll(&socket, 1, 0) > 0) (void)PQconsumeInput(handle_.get());
    }
    void connect_again() {
        PQreset(handle_.get());
        is_late_ = false;
        if (!is_broken()) logging::warn("catalog.reconnected", {});
        else if (!std::exchange(is_away_, true))
            logging::warn("catalog.away", {{"error", trimmed(PQerrorMessage(handle_.get()))}});
        if (is_broken()) return;
        is_away_ = false;
        say(kLimit);
        if (channel.empty()) return;
        say("LISTEN \"" + channel + "\"");
        // What was told meanwhile nobody heard.
        others_changed_ = true;
    }

    Handle handle_;
    bool is_late_ = false;
    bool is_away_ = false;  ///< since the last attempt, which was told
    bool others_changed_ = false;
};

class PostgresStatement final : public PreparedStatement {
public:
    PostgresStatement(Link& link, std::string_view sql) : link_(link), sql_(with_numbers(sql, parameters_)) {}

    void bind_text(int, std::string_view value) override { add(value, 0, kAsText); }
    void bind_blob(int, std::string_view value) override { add(value, kBytes, kAsBinary); }
    void bind_integer(int, std::int64_t value) override { add(std::to_string(value), kInteger, kAsText); }

    Result<bool> step() override {
        if (!rows_) {
            std::vector<const char*> at;
            std::vector<int> sizes;
            for (const std::string& value : values_) {
                at.push_back(value.c_str());
                sizes.push_back(static_cast<int>(value.size()));
            }
            // What is not bound is NULL.
            at.resize(parameters_, nullptr);
            sizes.resize(parameters_, 0);
            types_.resize(parameters_, 0);
            formats_.resize(parameters_, kAsText);
            TRY(rows_, link_.run(sql_, [&](PGconn* connection) {
                return PQsendQueryParams(connection, sql_.c_str(), static_cast<int>(parameters_), types_.data(),
                                         at.data(), sizes.data(), formats_.data(), kAsText);
            }));
            row_ = -1;
        }
        return ++row_ < PQntuples(rows_.get());
    }
    std::string text_at(int column) const override {
        if (PQgetisnull(rows_.get(), row_, column) != 0) return {};
        const char* value = PQgetvalue(rows_.get(), row_, column);
        const auto size = static_cast<std::size_t>(PQgetlength(rows_.get(), row_, column));
        if (PQftype(rows_.get(), column) != kBytes) return {value, size};
        std::size_t length = 0;
        const std::unique_ptr<unsigned char, decltype(&PQfreemem)> bytes(
            PQunescapeBytea(reinterpret_cast<const unsigned char*>(value), &length), PQfreemem);
        return {reinterpret_cast<const char*>(bytes.get()), length};
    }
    std::int64_t integer_at(int column) const override {
        const std::string text = text_at(column);
        std::int64_t value = 0;
        std::from_chars(text.data(), text.data() + text.size(), value);
        return value;
    }

private:
    static constexpr int kAsText = 0;
    static constexpr int kAsBinary = 1;

    void add(std::string_view value, Oid type, int format) {
        values_.emplace_back(value);
        types_.push_back(type);
        formats_.push_back(format);
    }

    Link& link_;
    std::size_t parameters_ = 0;
    const std::string sql_;
    std::vector<std::string> values_;
    std::vector<Oid> types_;
    std::vector<int> formats_;
    Rows rows_;
    int row_ = -1;
};

class PostgresConnection final : public Connection {
public:
    explicit PostgresConnection(Handle handle) : link_(std::move(handle)) {}

    Result<Query> prepare(std::string_view sql) override {
        return Query(std::make_unique<PostgresStatement>(link_, sql));
    }
    Status execute(std::string_view sql) override {
        const std::string text = translated(sql);
        const auto rows = link_.run(sql, [&](PGconn* connection) { return PQsendQuery(connection, text.c_str()); });
        // Whatever came of it: a connection that broke has no transaction either.
        if (sql == "COMMIT" || sql == "ROLLBACK") link_.is_in_transaction = false;
        if (!rows) return rows.error();
        return {};
    }
    /// As SQLite's BEGIN IMMEDIATE: whoever writes does so alone, so that what is counted before an insert still is so
    /// with it.
    Status begin() override {
        TRY_STATUS(execute("BEGIN"));
        link_.is_in_transaction = true;
        const Status alone = execute("SELECT pg_advisory_xact_lock(hashtext('footfall.catalog'))");
        if (!alone) (void)execute("ROLLBACK").has_value();
        return alone;
    }
    int changes() const override { return link_.changes; }
    /// A deleted row goes with the next vacuum, and from the server's write-ahead log by its retention.
    Status forget_deleted() override { return execute("VACUUM salts, erasures"); }
    Status watch() override {
        const Status made = alone([this]() -> Status {
            for (const TextFile& file : postgres_sql::files()) TRY_STATUS(execute(file.text));
            return {};
        });
        if (!made) return made;
        // As the trigger says it; a schema's own name may be as long as a channel's.
        TRY(Query name, prepare("SELECT 'footfall_' || md5(current_schema())"));
        TRY([[maybe_unused]] const bool row, name.step());
        const std::string channel = name.text_at(0);
        TRY_STATUS(execute("LISTEN \"" + channel + "\""));
        link_.channel = channel;
        return {};
    }
    bool have_others_changed() override { return link_.take_notices(); }
    /// What COLLATE NOCASE is to SQLite, of letters beyond ASCII too.
    Status make_collation() {
        TRY(Query known, prepare("SELECT 1 FROM pg_collation WHERE collname = 'nocase' AND "
                                 "pg_collation_is_visible(oid)"));
        TRY(const bool is_there, known.step());
        if (is_there) return {};
        return alone([this] {
            return execute(
                "CREATE COLLATION IF NOT EXISTS nocase (provider = icu, locale = 'und-u-ks-level2', "
                "deterministic = false)");
        });
    }
    Result<std::unique_ptr<Connection>> copy_in_memory() override { return has_its_own_backups(); }
    Result<std::string> file_content() override { return has_its_own_backups(); }

private:
    /// Nodes that start together make the same things; even IF NOT EXISTS fails where they do so at once.
    Status alone(const std::function<Status()>& statements) {
        TRY_STATUS(begin());
        const Status done = statements();
        if (done) return execute("COMMIT");
        (void)execute("ROLLBACK").has_value();
        return done;
    }
    static Error has_its_own_backups() {
        return {Code::kUnsupported, "the catalog is in PostgreSQL: back it up there, for instance by pg_dump"};
    }

    Link link_;
};

void ignore_notices(void*, const char*) {}

}  // namespace

Result<Database> Database::open_postgres(const std::string& url) {
    const char* const names[] = {"dbname", "connect_timeout", "application_name", "client_encoding", nullptr};
    const char* const values[] = {url.c_str(), "5", "footfall", "UTF8", nullptr};
    Handle handle(PQconnectdbParams(names, values, 1));
    if (PQstatus(handle.get()) != CONNECTION_OK) {
        const std::string text = trimmed(PQerrorMessage(handle.get()));
        const bool is_refused = text.find("authentication failed") != std::string::npos;
        return Error(is_refused ? Code::kForbidden : Code::kUnavailable, "catalog: " + text);
    }
    PQsetNoticeProcessor(handle.get(), ignore_notices, nullptr);
    auto connection = std::make_unique<PostgresConnection>(std::move(handle));
    TRY_STATUS(connection->make_collation());
    return Database(std::move(connection));
}

}  // namespace footfall::catalog
