#include "store/embedded/server.h"

#include <algorithm>
#include <array>

#include "base/json.h"
#include "http/parser.h"

namespace footfall::store {
namespace {

// URL names of the interface that are no settings. The rest of them are.
constexpr std::array<std::string_view, 18> kOwnNames = {"query", "database", "default_format", "query_id", "session_id", "session_timeout", "session_check",
                                                        "wait_end_of_query", "buffer_size", "compress", "decompress", "enable_http_compression", "user", "password",
                                                        "role", "quota_key", "client_protocol_version", "send_progress_in_http_headers"};

std::string_view skip_blank(std::string_view text) {
    const std::size_t at = text.find_first_not_of(" \t\r\n");
    return at == std::string_view::npos ? std::string_view() : text.substr(at);
}

std::string_view first_word(std::string_view text) {
    text = skip_blank(text);
    // A leading comment, such as a query file's head, is not a word.
    while (text.starts_with("--")) text = skip_blank(text.substr(std::min(text.find('\n'), text.size())));
    return text.substr(0, text.find_first_of(" \t\r\n("));
}

bool is_word(std::string_view word, std::string_view expected) { return http::equal_ignoring_case(word, expected); }

/// Cuts "INSERT INTO t (a) FORMAT Native\n<data>" at its format. False where there is no FORMAT clause.
bool split_insert(std::string_view text, HttpStatement& out, std::string_view& rest) {
    std::size_t at = 0;
    for (;;) {
        at = text.find_first_of("fF", at);
        // The clause stands in the statement's head, whatever the data holds.
        if (at == std::string_view::npos || at > 64 * 1024) return false;
        if (at > 0 && (text[at - 1] == ' ' || text[at - 1] == '\n' || text[at - 1] == ')') && is_word(text.substr(at, 6), "format") && at + 6 < text.size() &&
            text[at + 6] == ' ')
            break;
        ++at;
    }
    out.query = text.substr(0, at);
    std::string_view behind = skip_blank(text.substr(at + 6));
    const std::size_t end = std::min(behind.find_first_of(" \t\r\n;"), behind.size());
    out.format = behind.substr(0, end);
    rest = behind.substr(end);
    if (rest.starts_with("\r\n")) rest.remove_prefix(2);
    else if (!rest.empty()) rest.remove_prefix(1);
    return true;
}

Status add_name(HttpStatement& out, const std::string& name, std::string value) {
    if (name == "query") {
        out.query = std::move(value);
    } else if (name == "default_format") {
        out.format = std::move(value);
    } else if (name.starts_with("param_")) {
        out.parameters.emplace_back(name.substr(6), std::move(value));
    } else if ((name == "compress" || name == "decompress") && value != "0") {
        return Error(Code::kUnsupported, "compressed blocks are not served; send and ask for plain ones");
    } else if (std::find(kOwnNames.begin(), kOwnNames.end(), name) == kOwnNames.end()) {
        if (name.empty() || name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") != std::string::npos)
            return Error(Code::kInvalidArgument, "Code: 115. DB::Exception: Unknown setting '" + name + "'. (UNKNOWN_SETTING)");
        out.settings.emplace_back(name, std::move(value));
    }
    return {};
}

Status parse_url(const http::Request& request, HttpStatement& out) {
    std::string_view query = request.query;
    while (!query.empty()) {
        const std::string_view pair = query.substr(0, query.find('&'));
        query.remove_prefix(std::min(pair.size() + 1, query.size()));
        const std::size_t equals = std::min(pair.find('='), pair.size());
        const auto name = http::percent_decode(pair.substr(0, equals), true);
        auto value = http::percent_decode(equals < pair.size() ? pair.substr(equals + 1) : std::string_view(), true);
        if (!name || !value) return Error(Code::kInvalidArgument, "the URL has a broken escape");
        TRY_STATUS(add_name(out, *name, std::move(*value)));
    }
    return {};
}

Status parse_form(const http::Request& request, std::string_view content_type, HttpStatement& out) {
    const std::size_t at = content_type.find("boundary=");
    if (at == std::string_view::npos) return Error(Code::kInvalidArgument, "the form has no boundary");
    const std::string delimiter = "--" + std::string(content_type.substr(at + 9));
    std::string_view body = request.body;
    for (std::size_t start = body.find(delimiter); start != std::string_view::npos;) {
        start += delimiter.size();
        if (body.substr(start, 2) == "--") return {};
        const std::size_t next = body.find("\r\n" + delimiter, start);
        const std::string_view part = body.substr(start, next == std::string_view::npos ? next : next - start);
        const std::size_t head_end = part.find("\r\n\r\n");
        const std::size_t name_at = part.find("name=\"");
        if (next == std::string_view::npos || head_end == std::string_view::npos || name_at == std::string_view::npos || name_at > head_end)
            return Error(Code::kInvalidArgument, "the form is broken");
        const std::string_view name = part.substr(name_at + 6);
        TRY_STATUS(add_name(out, std::string(name.substr(0, name.find('"'))), std::string(part.substr(head_end + 4))));
        start = next + 2;
    }
    return Error(Code::kInvalidArgument, "the form does not end");
}

int status_of(int code) {
    switch (code) {
        case 60:
        case 81:
        case 47:
        case 115: return 404;
        case 62:
        case 27:
        case 6:
        case 33:
        case 36:
        case 42:
        case 43:
        case 53:
        case 69:
        case 456:
        case 457: return 400;
        case 164:
        case 497: return 403;
        case 194:
        case 516: return 401;
        case 48: return 501;
        case 202: return 503;
        default: return 500;
    }
}

int code_of(std::string_view text) {
    const std::size_t at = text.find("Code: ");
    int code = 0;
    if (at != std::string_view::npos)
        for (const char c : text.substr(at + 6)) {
            if (c < '0' || c > '9') break;
            code = code * 10 + (c - '0');
        }
    return code;
}

http::Response refuse(const Error& error) {
    http::Response response;
    const int code = code_of(error.message);
    response.status = code != 0 ? status_of(code) : http_status(error.code);
    response.content_type = "text/plain; charset=UTF-8";
    response.body = error.message + "\n";
    if (code != 0) response.headers.emplace_back("X-ClickHouse-Exception-Code", std::to_string(code));
    if (response.status == 503) response.headers.emplace_back("Retry-After", "1");
    return response;
}

std::string quote(std::string_view value) {
    std::string out = "'";
    for (const char c : value) {
        if (c == '\'' || c == '\\') out += '\\';
        out += c;
    }
    return out + "'";
}

}  // namespace

Result<HttpStatement> parse_statement(const http::Request& request) {
    if (!request.header("content-encoding").empty()) return Error(Code::kUnsupported, "compressed bodies are not served; send plain ones");
    HttpStatement out;
    TRY_STATUS(parse_url(request, out));
    const bool query_in_url = !out.query.empty();
    std::string_view data = request.body;
    if (const std::string_view type = request.header("content-type"); type.starts_with("multipart/form-data")) {
        TRY_STATUS(parse_form(request, type, out));
        data = {};
    }
    const std::string answer_format = out.format;
    const std::string text = out.query.empty() ? std::string() : out.query;
    const std::string_view statement = text.empty() ? data : std::string_view(text);
    const std::string_view word = first_word(statement);
    if (skip_blank(statement).empty()) return Error(Code::kInvalidArgument, "Code: 62. DB::Exception: Syntax error: Empty query. (SYNTAX_ERROR)");
    std::string_view rest;
    if (is_word(word, "insert") && split_insert(statement, out, rest)) {
        out.is_insert = true;
        out.data = query_in_url ? data : rest;
        return out;
    }
    out.query = statement;
    if (query_in_url && !data.empty()) out.query.append("\n").append(data);
    out.format = answer_format.empty() ? "TabSeparated" : answer_format;
    for (const std::string_view reading : {"select", "with", "explain", "show", "describe", "desc", "exists"}) out.is_select = out.is_select || is_word(word, reading);
    return out;
}

StoreServer::StoreServer(Engine& engine, unsigned reads) : engine_(engine), reads_("store-read", std::max(1u, reads), 64), writes_("store-write", 2, 64) {}
StoreServer::~StoreServer() = default;

void StoreServer::handle(http::Exchange& exchange) {
    const http::Request& request = exchange.request();
    if (request.path == "/ping") {
        http::Response response;
        response.content_type = "text/plain; charset=UTF-8";
        response.body = "Ok.\n";
        return exchange.respond(std::move(response));
    }
    if (request.path != "/") return exchange.respond(refuse(Error(Code::kNotFound, "there is nothing at this path")));
    auto statement = parse_statement(request);
    if (!statement) return exchange.respond(refuse(statement.error()));
    WorkerPool& lane = statement->is_select ? reads_ : writes_;
    auto shared = std::make_shared<HttpStatement>(std::move(*statement));
    if (!lane.submit([this, &exchange, shared] { exchange.complete(run(*shared)); }))
        exchange.respond(refuse(Error(Code::kOverloaded, "Code: 202. DB::Exception: Too many statements wait. (TOO_MANY_SIMULTANEOUS_QUERIES)")));
}

Result<StoreServer::Pooled> StoreServer::acquire(const std::vector<std::pair<std::string, std::string>>& settings) {
    Pooled pooled;
    {
        const std::lock_guard lock(mutex_);
        auto found = std::find_if(idle_.begin(), idle_.end(), [&](const Pooled& p) { return p.settings == settings; });
        if (found == idle_.end() && idle_.size() >= 8) found = idle_.begin();
        if (found != idle_.end()) {
            pooled = std::move(*found);
            idle_.erase(found);
        }
    }
    if (!pooled.connection) {
        TRY(pooled.connection, engine_.connect());
    }
    if (pooled.settings == settings) return pooled;
    std::string sql;
    const auto append = [&sql](std::string_view name, std::string_view value) {
        sql += sql.empty() ? "SET " : ", ";
        sql += name;
        sql += " = ";
        sql += value;
    };
    for (const auto& [name, value] : pooled.settings)
        if (std::none_of(settings.begin(), settings.end(), [&](const auto& wanted) { return wanted.first == name; })) append(name, "DEFAULT");
    for (const auto& [name, value] : settings) append(name, quote(value));
    if (!sql.empty()) {
        TRY([[maybe_unused]] const EngineAnswer answer, pooled.connection->query(sql, "Null", {}));
    }
    pooled.settings = settings;
    return pooled;
}

Result<EngineAnswer> StoreServer::execute(const HttpStatement& statement) {
    // On any failure the connection is dropped with whatever it was left in.
    TRY(Pooled pooled, acquire(statement.settings));
    EngineAnswer answer;
    if (statement.is_insert) {
        TRY_STATUS(pooled.connection->insert(statement.query, statement.format, statement.data));
    } else {
        TRY(answer, pooled.connection->query(statement.query, statement.format, statement.parameters));
    }
    const std::lock_guard lock(mutex_);
    if (idle_.size() < 16) idle_.push_back(std::move(pooled));
    return answer;
}

http::Response StoreServer::run(const HttpStatement& statement) {
    auto answer = execute(statement);
    if (!answer) return refuse(answer.error());
    http::Response response;
    response.content_type = statement.format.starts_with("JSON") ? "application/json; charset=UTF-8" : "application/octet-stream";
    std::string summary;
    json::Writer writer(summary);
    writer.begin_object();
    writer.member("read_rows", std::to_string(answer->rows_read));
    writer.member("read_bytes", std::to_string(answer->bytes_read));
    writer.end_object();
    response.headers.emplace_back("X-ClickHouse-Summary", summary);
    response.headers.emplace_back("X-ClickHouse-Format", statement.format);
    response.body = std::move(answer->body);
    return response;
}

}  // namespace footfall::store
