#include "store/embedded/server.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "base/logging.h"
#include "base/uuid.h"
#include "http/encoding.h"
#include "store/embedded/statement.h"
#include "store/error_code.h"

namespace footfall::store::embedded {
namespace {

constexpr std::string_view kTextType = "text/plain; charset=UTF-8";

std::string_view content_type_of(std::string_view format) {
    struct Type {
        std::string_view prefix;
        std::string_view type;
    };
    constexpr Type kTypes[] = {{"JSONEachRow", "application/x-ndjson; charset=UTF-8"},
                               {"JSONCompactEachRow", "application/x-ndjson; charset=UTF-8"},
                               {"JSON", "application/json; charset=UTF-8"},
                               {"TabSeparated", "text/tab-separated-values; charset=UTF-8"},
                               {"TSV", "text/tab-separated-values; charset=UTF-8"},
                               {"CSV", "text/csv; charset=UTF-8; header=absent"},
                               {"XML", "application/xml; charset=UTF-8"},
                               {"Native", "application/octet-stream"},
                               {"RowBinary", "application/octet-stream"},
                               {"Parquet", "application/octet-stream"},
                               {"Arrow", "application/octet-stream"}};
    for (const Type& type : kTypes)
        if (format.starts_with(type.prefix)) return type.type;
    return kTextType;
}

// Whether each block of an answer, written by itself, can be put behind the one before.
bool is_headless(std::string_view format) {
    constexpr std::string_view kFormats[] = {"JSONEachRow",  "JSONCompactEachRow", "CSV",    "TabSeparated",
                                             "TSV",          "TabSeparatedRaw",    "TSVRaw", "JSONStringsEachRow",
                                             "LineAsString", "RowBinary"};
    return std::find(std::begin(kFormats), std::end(kFormats), format) != std::end(kFormats);
}

// By its first word. Of others the engine gives no answer piece by piece.
bool is_select(std::string_view word) { return word == "SELECT" || word == "WITH" || word == "FROM"; }

// Seconds a statement may take in all; nullopt where it did not say.
std::optional<double> execution_limit(const Scope& scope) {
    const auto found = scope.settings.find("max_execution_time");
    if (found == scope.settings.end()) return std::nullopt;
    double seconds = 0;
    const auto end = std::from_chars(found->second.data(), found->second.data() + found->second.size(), seconds);
    return end.ec == std::errc() && seconds > 0 ? std::optional(seconds) : std::nullopt;
}

std::string summary(const Outcome& outcome) {
    return fmt::format(
        R"({{"read_rows":"{}","read_bytes":"{}","written_rows":"{}","written_bytes":"{}","elapsed_ns":"{}"}})",
        outcome.rows_read, outcome.bytes_read, outcome.rows_written, outcome.bytes_written,
        static_cast<std::uint64_t>(outcome.elapsed_seconds * 1e9));
}

http::ServerOptions http_options(const StoreServerOptions& options) {
    http::ServerOptions out;
    out.header_bytes_max = 64 * 1024;
    out.body_bytes_max = options.body_bytes_max;
    out.body_timeout_ms = 60'000;
    out.idle_timeout_ms = 600'000;
    out.write_timeout_ms = 60'000;
    out.connections_max = 256;
    out.clock = options.clock;
    return out;
}

void encode(http::Response& response, std::string_view encoding) {
    if (encoding.empty() || response.body.empty()) return;
    response.body = http::encode_body(encoding, response.body);
    response.headers.emplace_back("Content-Encoding", encoding);
}

// Statements after which the session holds more than its settings and database say.
bool changes_session(const Analysis& analysis, std::string_view word) {
    return analysis.statement_class >= StatementClass::kControl || word == "CREATE" || word == "BEGIN";
}

}  // namespace

StoreServer::StoreServer(StoreServerOptions options)
    : options_(options), http_(http_options(options_), [this](http::Exchange& exchange) { handle(exchange); }) {
    char name[256] = {};
    ::gethostname(name, sizeof name - 1);
    host_name_ = name;
}

StoreServer::~StoreServer() { stop(0); }

Status StoreServer::start(const Engine& engine, std::vector<std::string> connect_arguments,
                          std::map<std::string, std::string> standard_settings) {
    auto sessions = std::make_unique<SessionPool>(engine, std::move(connect_arguments), std::move(standard_settings));
    TRY_STATUS(sessions->open());
    TRY(auto session, sessions->take());
    Outcome version = session->connection().run("SELECT version()", "TSVRaw", {});
    if (!version.error.empty()) return Error(Code::kCorrupt, "the engine does not answer: " + version.error);
    version_ = version.data.substr(0, version.data.find('\n'));
    sessions->give_back(std::move(session));
    sessions_ = std::move(sessions);
    canceller_ = std::make_unique<Canceller>(*sessions_);
    queries_ = std::make_unique<WorkerPool>("store-query", options_.queries.at_once, options_.queries.waiting_max);
    inserts_ = std::make_unique<WorkerPool>("store-insert", options_.inserts.at_once, options_.inserts.waiting_max);
    others_ = std::make_unique<WorkerPool>("store-other", options_.others.at_once, options_.others.waiting_max);
    return http_.start();
}

void StoreServer::stop(int grace_ms) {
    // Without sessions there is nothing to stop, and after a failed opening the engine must not be asked again: it
    // crashes.
    if (!sessions_) return;
    http_.stop(grace_ms);
    stopping_ = true;
    // Inserts are left alone: theirs is a matter of milliseconds, and cut short they would be in doubt.
    if (auto session = sessions_->take()) {
        const Outcome killed =
            (*session)->connection().run("KILL QUERY WHERE query_kind != 'Insert' ASYNC", "Null", {});
        if (!killed.error.empty()) logging::warn("store.cancel_failed", {{"reason", killed.error}});
    }
    queries_.reset();
    others_.reset();
    inserts_.reset();
    canceller_.reset();
    sessions_.reset();
}

void StoreServer::handle(http::Exchange& exchange) {
    const http::Request& request = exchange.request();
    const bool readable = request.method == http::Method::kGet || request.method == http::Method::kHead;
    if (readable && request.path == "/ping") {
        exchange.respond({.status = 200,
                          .content_type = kTextType,
                          .headers = {},
                          .body = "Ok.\n",
                          .static_body = {},
                          .close = false});
    } else if (request.path == "/" && (readable || request.method == http::Method::kPost)) {
        handle_statement(exchange);
    } else {
        exchange.respond(
            {.status = 404,
             .content_type = kTextType,
             .headers = {},
             .body = "There is no such page: statements go to /, and /ping tells whether the store is up.\n",
             .static_body = {},
             .close = false});
    }
}

void StoreServer::handle_statement(http::Exchange& exchange) {
    auto read = read_request(exchange.request(), options_.body_bytes_max);
    if (!read) {
        const auto [code, name] = read.error().code == Code::kUnsupported ? std::pair(48, "NOT_IMPLEMENTED")
                                  : read.error().code == Code::kTooLarge  ? std::pair(307, "TOO_MANY_BYTES")
                                                                          : std::pair(62, "SYNTAX_ERROR");
        exchange.respond(
            failure({}, fmt::format("Code: {}. DB::Exception: {}. ({})", code, read.error().message, name)));
        return;
    }
    auto request = std::make_shared<StoreRequest>(std::move(*read));
    if (request->query_id.empty()) request->query_id = make_uuid_v7(options_.clock->wall_ms()).text();
    if (request->ends_with_connection) request->number = canceller_->add();
    const Canceller::Number number = request->number;
    const bool taken = lane_of(*request).submit([this, request, &exchange] { answer(exchange, *request); });
    if (taken) {
        if (number != 0) exchange.on_client_gone([this, number] { canceller_->cancel(number); });
        return;
    }
    if (number != 0) canceller_->ended(number);
    http::Response response = failure(request->query_id,
                                      "Code: 202. DB::Exception: Too many statements run and wait already; try again. "
                                      "(TOO_MANY_SIMULTANEOUS_QUERIES)");
    response.headers.emplace_back("Retry-After", "1");
    exchange.respond(std::move(response));
}

void StoreServer::answer(http::Exchange& exchange, StoreRequest& request) {
    std::shared_ptr<http::BodyStream> stream;
    http::Response response = carry_out(request, exchange.started_ns(), [&](http::Response head) -> http::BodyStream& {
        stream = exchange.stream(std::move(head));
        return *stream;
    });
    if (request.number != 0) canceller_->ended(request.number);
    if (!stream) {
        encode(response, request.answer_encoding);
        return exchange.complete(std::move(response));
    }
    if (response.status == 200) stream->end();
    else stream->abort();
}

WorkerPool& StoreServer::lane_of(const StoreRequest& request) {
    if (!request.insert_format.empty()) return *inserts_;
    const auto priority = request.scope.settings.find("priority");
    if (priority != request.scope.settings.end() && priority->second == "1") return *others_;
    const std::string word = first_word(request.text);
    return is_select(word) || word == "INSERT" ? *queries_ : *others_;
}

http::Response StoreServer::carry_out(StoreRequest& request, std::int64_t started_ns, const BeginStream& begin) {
    if (stopping_) return failure(request.query_id, "Code: 236. DB::Exception: The store is stopping. (ABORTED)");
    const double waited = static_cast<double>(options_.clock->steady_ns() - started_ns) / 1e9;
    if (const auto limit = execution_limit(request.scope); limit && waited > *limit)
        return failure(
            request.query_id,
            fmt::format("Code: 159. DB::Exception: Timeout exceeded: waited {:.1f} s for its turn. (TIMEOUT_EXCEEDED)",
                        waited));

    const auto is_cancelled = [&] { return request.number != 0 && canceller_->is_cancelled(request.number); };
    if (is_cancelled())
        return failure(request.query_id,
                       "Code: 394. DB::Exception: The client has gone while this waited for its turn. "
                       "(QUERY_WAS_CANCELLED)");

    auto taken = sessions_->take();
    if (!taken)
        return failure(request.query_id, "Code: 210. DB::Exception: " + taken.error().message + ". (NETWORK_ERROR)");
    std::unique_ptr<Session> session = std::move(*taken);
    if (request.number != 0) request.scope.settings["log_comment"].insert(0, Canceller::mark(request.number));
    Outcome outcome = session->enter(request.scope);
    // What could not be entered is of unknown state: the session goes.
    if (!outcome.error.empty()) return failure(request.query_id, outcome.error);

    bool keep = true;
    std::string_view format = request.default_format;
    if (!request.insert_format.empty()) {
        if (request.read_only)
            return failure(request.query_id, "Code: 164. DB::Exception: GET may only read; use POST. (READONLY)");
        outcome = session->connection().insert(request.text, request.insert_format, request.parameters, request.data);
        keep = outcome.error.empty();
    } else {
        const Analysis analysis = session->connection().classify(request.text);
        if (analysis.statements > 1)
            return failure(request.query_id,
                           "Code: 62. DB::Exception: Multi-statements are not allowed: send one statement a request. "
                           "(SYNTAX_ERROR)");
        if (request.read_only && analysis.statement_class != StatementClass::kReadOnly)
            return failure(request.query_id, "Code: 164. DB::Exception: GET may only read; use POST. (READONLY)");
        if (const std::string_view clause = format_clause(request.text); !clause.empty()) format = clause;
        const bool is_streamed = request.is_streamed && is_headless(format) && is_select(first_word(request.text)) &&
                                 analysis.statement_class == StatementClass::kReadOnly;
        outcome = is_streamed ? stream(session->connection(), request, format, begin)
                              : session->connection().run(request.text, request.default_format, request.parameters);
        // One that was killed stays in system.processes until its connection goes. What one that failed had written of
        // its answer may stand before that of the connection's next statement.
        keep = outcome.error.empty() && !changes_session(analysis, first_word(request.text)) && !is_cancelled();
    }
    if (keep) sessions_->give_back(std::move(session));
    if (!outcome.error.empty()) return failure(request.query_id, outcome.error);
    if (outcome.data.size() > options_.answer_bytes_max)
        return failure(
            request.query_id,
            fmt::format(
                "Code: 396. DB::Exception: The answer has {} bytes, and this store sends {} at most: ask for less. "
                "(TOO_MANY_ROWS_OR_BYTES)",
                outcome.data.size(), options_.answer_bytes_max));
    http::Response response = success(request, format);
    response.headers.emplace_back("X-ClickHouse-Summary", summary(outcome));
    response.body = std::move(outcome.data);
    return response;
}

Outcome StoreServer::stream(Connection& connection, const StoreRequest& request, std::string_view format,
                            const BeginStream& begin) const {
    http::BodyStream* body = nullptr;
    return connection.stream(request.text, request.default_format, request.parameters, [&](std::string_view piece) {
        if (body == nullptr) {
            http::Response head = success(request, format);
            if (!request.answer_encoding.empty())
                head.headers.emplace_back("Content-Encoding", request.answer_encoding);
            body = &begin(std::move(head));
        }
        // Each piece is a member or frame of its own, of which such a body may have many.
        return (request.answer_encoding.empty() ? body->write(piece)
                                                : body->write(http::encode_body(request.answer_encoding, piece)))
            .has_value();
    });
}

http::Response StoreServer::success(const StoreRequest& request, std::string_view format) const {
    return {.status = 200,
            .content_type = content_type_of(format),
            .headers = {{"X-ClickHouse-Query-Id", request.query_id},
                        {"X-ClickHouse-Format", std::string(format)},
                        {"X-ClickHouse-Timezone", "UTC"},
                        {"X-ClickHouse-Server-Display-Name", host_name_}},
            .body = {},
            .static_body = {},
            .close = false};
}

http::Response StoreServer::failure(std::string_view query_id, const std::string& text) const {
    const int code = exception_code_of(text);
    http::Response response;
    response.status = http_status_of_exception(code);
    response.content_type = kTextType;
    response.body = text;
    if (text.rfind("(version ") == std::string::npos && !version_.empty())
        response.body += fmt::format(" (version {})", version_);
    response.body += '\n';
    if (!query_id.empty()) response.headers.emplace_back("X-ClickHouse-Query-Id", query_id);
    response.headers.emplace_back("X-ClickHouse-Exception-Code", std::to_string(code));
    response.headers.emplace_back("X-ClickHouse-Server-Display-Name", host_name_);
    return response;
}

}  // namespace footfall::store::embedded
