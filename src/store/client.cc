#include "store/client.h"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <condition_variable>
#include <limits>
#include <mutex>
#include <optional>

#include <fmt/format.h>

#include "base/bytes.h"
#include "http/client.h"
#include "http/encoding.h"
#include "store/answer_parser.h"
#include "store/error_code.h"

namespace footfall::store {
namespace {

// Beyond this, parameters and text travel as a form in the body: a ClickHouse server takes far more in the URL, proxies
// before it may not.
constexpr std::size_t kTargetBytesMax = 8 * 1024;
// The store stops a statement by itself; the connection waits this much longer to hear so.
constexpr int kGraceMs = 1'000;
// Of an error that comes instead of a stream, so much is kept.
constexpr std::size_t kRefusalBytesMax = 64 * 1024;

std::string percent_encoded(std::string_view text) {
    constexpr char kDigits[] = "0123456789ABCDEF";
    std::string out;
    out.reserve(text.size() + text.size() / 4);
    for (const char c : text) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                           c == '_' || c == '.' || c == '~';
        if (plain) {
            out += c;
        } else {
            out += '%';
            out += kDigits[static_cast<unsigned char>(c) >> 4];
            out += kDigits[static_cast<unsigned char>(c) & 15];
        }
    }
    return out;
}

// ClickHouse reads the value of a parameter as a field of tab-separated text.
std::string tsv_escaped(std::string_view value) {
    std::string out;
    out.reserve(value.size() + 8);
    for (const char c : value) {
        switch (c) {
            case '\\': out += "\\\\"; break;
            case '\t': out += "\\t"; break;
            case '\n': out += "\\n"; break;
            case '\r': out += "\\r"; break;
            case '\0': out += "\\0"; break;
            default: out += c;
        }
    }
    return out;
}

// The type that a statement gives a parameter: "{name:Type}" → "Type…"; empty where it does not name it.
std::string_view type_behind(std::string_view sql, std::string_view name) {
    const auto skip_blanks = [](std::string_view text) {
        return text.substr(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
    };
    for (std::size_t at = sql.find('{'); at != std::string_view::npos; at = sql.find('{', at + 1)) {
        std::string_view rest = skip_blanks(sql.substr(at + 1));
        if (!rest.starts_with(name)) continue;
        rest = skip_blanks(rest.substr(name.size()));
        if (rest.starts_with(':')) return skip_blanks(rest.substr(1));
    }
    return {};
}

// The value of a parameter as ClickHouse wants it sent. Containers are read as the literals that they are, and names as
// they stand.
std::string encoded_parameter(std::string_view sql, std::string_view name, std::string_view value) {
    const std::string_view type = type_behind(sql, name);
    for (const std::string_view literal : {"Array(", "Map(", "Tuple(", "Identifier"})
        if (type.starts_with(literal)) return std::string(value);
    return tsv_escaped(value);
}

// Seconds, in steps: the embedded store keeps settings on its connections, and one that is the same as before costs
// nothing.
std::string execution_seconds(int timeout_ms) {
    const int step_ms = timeout_ms >= 10'000 ? 1'000 : 100;
    const int rounded_ms = std::max(step_ms, (timeout_ms + step_ms - 1) / step_ms * step_ms);
    return rounded_ms % 1'000 == 0 ? fmt::format("{}", rounded_ms / 1'000)
                                   : fmt::format("{:.1f}", rounded_ms / 1'000.0);
}

class Target {
public:
    void add(std::string_view name, std::string_view value) {
        text_ += text_.size() == 1 ? '?' : '&';
        text_ += percent_encoded(name);
        text_ += '=';
        text_ += percent_encoded(value);
    }
    void add(const Settings& settings) {
        for (const auto& [name, value] : settings) add(name, value);
    }
    const std::string& text() const { return text_; }
    std::size_t size() const { return text_.size(); }

private:
    std::string text_ = "/";
};

void append_form_field(std::string& form, std::string_view boundary, std::string_view name, std::string_view value) {
    form.append("--")
        .append(boundary)
        .append("\r\nContent-Disposition: form-data; name=\"")
        .append(name)
        .append("\"\r\n\r\n")
        .append(value)
        .append("\r\n");
}

/// Settings by which values come as answer_parser.h reads them, behind others.
Settings rows_settings(Settings settings) {
    settings.insert(settings.end(), {{"output_format_json_quote_64bit_integers", "0"},
                                     {"output_format_json_quote_decimals", "1"},
                                     {"output_format_json_quote_denormals", "1"},
                                     {"output_format_json_validate_utf8", "1"}});
    return settings;
}

/// The name of the coding in HTTP; empty for none.
std::string_view coding_of(Compression compression) {
    switch (compression) {
        case Compression::kNone: return {};
        case Compression::kGzip: return "gzip";
        case Compression::kZstd: return "zstd";
    }
    return {};
}

std::uint64_t summary_number(std::string_view summary, std::string_view name) {
    const std::string quoted = fmt::format("\"{}\":\"", name);
    const std::size_t at = summary.find(quoted);
    if (at == std::string_view::npos) return 0;
    std::uint64_t value = 0;
    std::from_chars(summary.data() + at + quoted.size(), summary.data() + summary.size(), value);
    return value;
}

}  // namespace

Compression compression_named(std::string_view name) {
    return name == "gzip" ? Compression::kGzip : name == "zstd" ? Compression::kZstd : Compression::kNone;
}

std::string array_literal(std::span<const std::string> values) {
    std::string out = "[";
    for (const std::string& value : values) {
        out += out.size() > 1 ? ",'" : "'";
        for (const char c : value) {
            if (c == '\\' || c == '\'') out += '\\';
            out += c;
        }
        out += '\'';
    }
    return out + "]";
}

struct Client::State {
    Endpoint endpoint;
    std::size_t connections_max;
    std::mutex mutex;
    std::condition_variable_any returned;
    std::size_t lent = 0;
    std::vector<std::unique_ptr<http::Client>> idle;
    std::atomic<std::uint64_t> damaged{0};
    std::atomic<std::uint64_t> out_of_space{0};

    // A connection of the pool, given back at the end of its scope.
    class Lease {
    public:
        Lease(State& state, std::unique_ptr<http::Client> connection)
            : state_(&state), connection_(std::move(connection)) {}
        Lease(Lease&&) = default;
        ~Lease() {
            if (!connection_) return;
            {
                const std::lock_guard lock(state_->mutex);
                --state_->lent;
                state_->idle.push_back(std::move(connection_));
            }
            state_->returned.notify_one();
        }
        http::Client* operator->() { return connection_.get(); }

    private:
        State* state_;
        std::unique_ptr<http::Client> connection_;
    };

    Result<Lease> lease(int timeout_ms, const std::stop_token& stop) {
        std::unique_lock lock(mutex);
        if (!returned.wait_for(lock, stop, std::chrono::milliseconds(timeout_ms),
                               [&] { return lent < connections_max; }))
            return Error(Code::kOverloaded,
                         fmt::format("all {} connections to the event store are busy; try again", connections_max));
        ++lent;
        std::unique_ptr<http::Client> connection;
        if (idle.empty()) {
            connection = std::make_unique<http::Client>(endpoint.address, http::Client::kAnswerBytesMax, endpoint.tls);
        } else {
            connection = std::move(idle.back());
            idle.pop_back();
        }
        return Lease(*this, std::move(connection));
    }

    Result<http::ClientResponse> send(std::string_view method, std::string_view target, std::string_view body,
                                      std::string_view content_type, int timeout_ms, bool is_idempotent,
                                      const std::stop_token& stop = {}, const Sink* sink = nullptr,
                                      std::string_view body_encoding = {}) {
        http::ClientRequest request{.method = method,
                                    .target = target,
                                    .headers = {},
                                    .body = body,
                                    .accept_encoding = coding_of(endpoint.compression)};
        if (!body_encoding.empty()) request.headers.emplace_back("Content-Encoding", body_encoding);
        if (!content_type.empty()) request.headers.emplace_back("Content-Type", content_type);
        if (!endpoint.user.empty()) {
            request.headers.emplace_back("X-ClickHouse-User", endpoint.user);
            request.headers.emplace_back("X-ClickHouse-Key", endpoint.password);
        }
        const int wait_ms = std::min(timeout_ms, std::numeric_limits<int>::max() - kGraceMs) + kGraceMs;
        TRY(Lease connection, lease(timeout_ms, stop));
        std::optional<Error> of_sink;
        std::string refusal;
        const auto take = [&](const http::ClientResponse& head, std::string_view part) -> Status {
            if (!is_answer(head)) return refusal.append(part.substr(0, kRefusalBytesMax - refusal.size())), Status();
            Status taken = (*sink)(part);
            if (!taken) of_sink = taken.error();
            return taken;
        };
        auto response = sink == nullptr ? connection->send(request, wait_ms, is_idempotent, stop)
                                        : connection->send_streaming(request, wait_ms, take, stop);
        if (of_sink) return std::move(*of_sink);
        if (!response) return response.error().context("event store");
        if (is_answer(*response)) return response;
        if (sink != nullptr) response->body = std::move(refusal);
        Error error =
            error_of_answer(response->status, response->header("x-clickhouse-exception-code"), response->body);
        if (error.code == Code::kCorrupt) ++damaged;
        for (const std::string_view text : {"(NOT_ENOUGH_SPACE)", "No space left on device"})
            if (error.message.find(text) != std::string::npos) ++out_of_space;
        return error;
    }

    static bool is_answer(const http::ClientResponse& head) {
        return head.status == 200 && head.header("x-clickhouse-exception-code").empty();
    }

    /// Where it is made, before tables, and where the store's own tables are asked of it.
    std::string in_database(std::string_view sql) const {
        std::string text(sql);
        const std::string& name = endpoint.database;
        if (name.empty()) return text;
        for (const auto& [known, wanted] : {std::pair<std::string, std::string>("footfall.", name + "."),
                                            {"'footfall'", "'" + name + "'"},
                                            {"EXISTS footfall\n", "EXISTS " + name + "\n"}})
            for (std::size_t at = text.find(known); at != std::string::npos; at = text.find(known, at + wanted.size()))
                text.replace(at, known.size(), wanted);
        return text;
    }

    Result<http::ClientResponse> run(const Statement& asked, const Settings& own_settings, bool is_idempotent,
                                     const std::stop_token& stop = {}, const Sink* sink = nullptr) {
        if (endpoint.database.empty()) return run_here(asked, own_settings, is_idempotent, stop, sink);
        Statement statement = asked;
        statement.sql = in_database(asked.sql);
        return run_here(statement, own_settings, is_idempotent, stop, sink);
    }
    // Text in the body, parameters and settings in the URL; all but the settings as a form where the URL would become
    // too long.
    Result<http::ClientResponse> run_here(const Statement& statement, const Settings& own_settings, bool is_idempotent,
                                          const std::stop_token& stop, const Sink* sink) {
        Target target;
        target.add("max_execution_time", execution_seconds(statement.timeout_ms));
        target.add(own_settings);
        target.add(statement.settings);
        if (endpoint.compression != Compression::kNone) target.add("enable_http_compression", "1");
        // By the end of the connection the store learns that nobody waits for the answer.
        if (endpoint.ends_with_client && (stop.stop_possible() || sink != nullptr))
            target.add("cancel_http_readonly_queries_on_client_close", "1");
        Target with_parameters = target;
        for (const auto& [name, value] : statement.parameters)
            with_parameters.add("param_" + name, encoded_parameter(statement.sql, name, value));
        if (with_parameters.size() <= kTargetBytesMax)
            return send("POST", with_parameters.text(), statement.sql, "text/plain; charset=UTF-8",
                        statement.timeout_ms, is_idempotent, stop, sink);

        const std::string boundary = "footfall-" + random_token(24);
        std::string form;
        append_form_field(form, boundary, "query", statement.sql);
        for (const auto& [name, value] : statement.parameters)
            append_form_field(form, boundary, "param_" + name, encoded_parameter(statement.sql, name, value));
        form.append("--").append(boundary).append("--\r\n");
        return send("POST", target.text(), form, "multipart/form-data; boundary=" + boundary, statement.timeout_ms,
                    is_idempotent, stop, sink);
    }
};

Client::Client(Endpoint endpoint, std::size_t connections_max) : state_(std::make_unique<State>()) {
    state_->endpoint = std::move(endpoint);
    state_->connections_max = std::max<std::size_t>(connections_max, 1);
}

Client::~Client() = default;

Result<Answer> Client::query(const Statement& statement, const std::stop_token& stop) {
    // wait_end_of_query: the server answers when it knows how the statement ended, so that an error is a status and
    // never half an answer.
    static const Settings reading =
        rows_settings({{"default_format", "JSONCompactEachRowWithNamesAndTypes"}, {"wait_end_of_query", "1"}});
    TRY(http::ClientResponse response, state_->run(statement, reading, true, stop));
    TRY(Answer answer, parse_answer(response.body));
    const std::string_view summary = response.header("x-clickhouse-summary");
    answer.rows_read = summary_number(summary, "read_rows");
    answer.bytes_read = summary_number(summary, "read_bytes");
    return answer;
}

Status Client::stream_rows(const Statement& statement, const TakeColumns& begin, const TakeRow& take,
                           const std::stop_token& stop) {
    // 0, and not just left out: by that the embedded store knows that pieces are wanted.
    static const Settings reading =
        rows_settings({{"default_format", "JSONCompactEachRow"}, {"wait_end_of_query", "0"}});
    Statement description = statement;
    description.sql = fmt::format("DESCRIBE TABLE ({})", statement.sql);
    TRY(const Answer described, query(description, stop));
    std::vector<Column> columns;
    for (const auto& row : described.rows)
        columns.push_back({std::get<std::string>(row.at(0)), std::get<std::string>(row.at(1))});
    TRY_STATUS(begin(columns));
    RowReader rows(columns);
    const Sink sink = [&](std::string_view bytes) { return rows.read(bytes, take); };
    TRY_STATUS(state_->run(statement, reading, true, stop, &sink));
    return rows.end();
}

Result<std::string> Client::fetch(const Statement& statement) {
    static const Settings reading = {{"wait_end_of_query", "1"}};
    TRY(http::ClientResponse response, state_->run(statement, reading, true));
    return std::move(response.body);
}

Status Client::stream(const Statement& statement, const Sink& sink, const std::stop_token& stop) {
    static const Settings streaming = {{"wait_end_of_query", "0"}};
    TRY_STATUS(state_->run(statement, streaming, true, stop, &sink));
    return {};
}

Status Client::execute(const Statement& statement) {
    static const Settings writing = {{"wait_end_of_query", "1"}};
    TRY_STATUS(state_->run(statement, writing, false));
    return {};
}

Status Client::insert(std::string_view insert, std::string_view block, int timeout_ms, const Settings& settings) {
    Target target;
    target.add("query", state_->in_database(insert));
    target.add("wait_end_of_query", "1");
    // One that waits in the store's queue for longer is dropped there: its caller has gone.
    target.add("max_execution_time", execution_seconds(timeout_ms));
    target.add(settings);
    const std::string_view coding = coding_of(state_->endpoint.compression);
    std::string encoded;
    if (!coding.empty()) encoded = http::encode_body(coding, block);
    TRY_STATUS(state_->send("POST", target.text(), coding.empty() ? block : std::string_view(encoded),
                            "application/octet-stream", timeout_ms, false, {}, nullptr, coding));
    return {};
}

Client::Troubles Client::troubles() const { return {.damaged = state_->damaged, .out_of_space = state_->out_of_space}; }

Status Client::ping(int timeout_ms) {
    TRY_STATUS(state_->send("GET", "/ping", {}, {}, timeout_ms, true));
    return {};
}

}  // namespace footfall::store
