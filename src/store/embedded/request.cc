#include "store/embedded/request.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "http/encoding.h"
#include "store/embedded/statement.h"

namespace footfall::store::embedded {
namespace {

// Names in the URL that are neither settings nor parameters, and mean nothing to a store that answers whole and trusts
// its socket.
constexpr std::array<std::string_view, 11> kIgnored = {"buffer_size",
                                                       "user",
                                                       "password",
                                                       "role",
                                                       "quota_key",
                                                       "client_protocol_version",
                                                       "send_progress_in_http_headers",
                                                       "http_headers_progress_interval_ms",
                                                       "session_timeout",
                                                       "session_check",
                                                       "stacktrace"};

Error broken(std::string message) { return Error(Code::kInvalidArgument, std::move(message)); }

// One name and value of the URL or of a form.
Status take_field(StoreRequest& out, std::string name, std::string value) {
    if (name == "query") {
        out.text += value;
    } else if (name.starts_with("param_")) {
        out.parameters.emplace_back(name.substr(6), std::move(value));
    } else if (name == "database") {
        if (!value.empty()) out.scope.database = std::move(value);
    } else if (name == "default_format") {
        out.default_format = std::move(value);
    } else if (name == "query_id") {
        out.query_id = std::move(value);
    } else if (name == "cancel_http_readonly_queries_on_client_close") {
        out.ends_with_connection = value == "1" || value == "true";
    } else if (name == "wait_end_of_query") {
        out.is_streamed = value == "0" || value == "false";
    } else if (name == "enable_http_compression") {
        out.may_be_encoded = value == "1" || value == "true";
    } else if (name == "session_id") {
        return Error(Code::kUnsupported, "this store keeps no HTTP sessions (session_id)");
    } else if ((name == "compress" || name == "decompress") && value != "0" && value != "false") {
        return Error(Code::kUnsupported, "this store does not speak compressed blocks (" + name + ")");
    } else if (name != "compress" && name != "decompress" &&
               std::find(kIgnored.begin(), kIgnored.end(), name) == kIgnored.end()) {
        out.scope.settings[std::move(name)] = std::move(value);
    }
    return {};
}

Status read_url(StoreRequest& out, std::string_view query) {
    while (!query.empty()) {
        const std::size_t end = std::min(query.find('&'), query.size());
        const std::string_view pair = query.substr(0, end);
        query.remove_prefix(std::min(end + 1, query.size()));
        if (pair.empty()) continue;
        const std::size_t equals = std::min(pair.find('='), pair.size());
        auto name = http::percent_decode(pair.substr(0, equals), true);
        auto value = http::percent_decode(equals < pair.size() ? pair.substr(equals + 1) : std::string_view(), true);
        if (!name || !value) return broken("the URL has a broken percent-escape");
        TRY_STATUS(take_field(out, std::move(*name), std::move(*value)));
    }
    return {};
}

std::string_view quoted_value(std::string_view header, std::string_view name) {
    const std::size_t at = header.find(name);
    if (at == std::string_view::npos) return {};
    std::string_view rest = header.substr(at + name.size());
    if (rest.starts_with('"')) return rest.substr(1, rest.find('"', 1) - 1);
    return rest.substr(0, rest.find(';'));
}

// multipart/form-data (RFC 7578): the fields that a URL would hold.
Status read_form(StoreRequest& out, std::string_view content_type, std::string_view body) {
    const std::string_view boundary = quoted_value(content_type, "boundary=");
    if (boundary.empty()) return broken("the form has no boundary");
    const std::string delimiter = "\r\n--" + std::string(boundary);
    if (!body.starts_with(std::string_view(delimiter).substr(2)))
        return broken("the form does not start with its boundary");
    std::size_t at = delimiter.size() - 2;
    for (;;) {
        if (body.substr(at).starts_with("--")) return {};
        if (!body.substr(at).starts_with("\r\n")) return broken("the form is broken");
        const std::size_t head_end = body.find("\r\n\r\n", at);
        const std::size_t part_end = head_end == std::string_view::npos ? head_end : body.find(delimiter, head_end + 2);
        if (part_end == std::string_view::npos) return broken("the form is cut short");
        const std::string_view head = body.substr(at, head_end - at);
        if (head.find("filename=") != std::string_view::npos)
            return Error(Code::kUnsupported, "this store takes no external tables in forms");
        const std::string_view value =
            part_end >= head_end + 4 ? body.substr(head_end + 4, part_end - head_end - 4) : std::string_view();
        TRY_STATUS(take_field(out, std::string(quoted_value(head, " name=")), std::string(value)));
        at = part_end + delimiter.size();
    }
}

}  // namespace

Result<StoreRequest> read_request(const http::Request& request, std::size_t body_bytes_max) {
    StoreRequest out;
    out.read_only = request.method != http::Method::kPost;
    std::string_view body = request.body;
    if (const std::string_view encoding = request.header("content-encoding");
        !encoding.empty() && encoding != "identity") {
        if (!http::is_known_encoding(encoding))
            return Error(Code::kUnsupported,
                         fmt::format("this store takes no bodies in the encoding '{}'", encoding.substr(0, 32)));
        TRY(std::string decoded, http::decode_body(encoding, body, body_bytes_max, http::kAnyRatio));
        out.decoded = std::make_shared<const std::string>(std::move(decoded));
        body = *out.decoded;
    }
    if (const std::string_view format = request.header("x-clickhouse-format"); !format.empty())
        out.default_format = format;
    if (const std::string_view database = request.header("x-clickhouse-database"); !database.empty())
        out.scope.database = database;
    TRY_STATUS(read_url(out, request.query));

    if (const std::string_view type = request.header("content-type"); type.starts_with("multipart/form-data")) {
        TRY_STATUS(read_form(out, type, body));
        body = {};
    }
    for (const std::string_view coding : {"gzip", "zstd"})
        if (out.may_be_encoded && http::accepts_encoding(request, coding)) out.answer_encoding = coding;
    // A formatted INSERT is cut before its data, wherever it stands, so that data is never copied into text.
    if (out.text.empty()) {
        if (const auto insert = split_insert(body)) {
            out.text = insert->statement;
            out.insert_format = insert->format;
            out.data.push_back(insert->data);
        } else {
            out.text = body;
        }
    } else if (const auto insert = split_insert(out.text)) {
        // Data behind the clause in the URL comes first, the body's behind it.
        if (!insert->data.empty() && insert->data != ";")
            return Error(Code::kUnsupported, "this store takes an INSERT's data in the body, not in the URL");
        out.insert_format = insert->format;
        out.text = std::string(insert->statement);
        out.data.push_back(body);
    } else if (!body.empty()) {
        out.text += '\n';
        out.text += body;
    }
    if (out.text.find_first_not_of(" \t\r\n") == std::string::npos)
        return broken("there is no statement in the request");
    return out;
}

}  // namespace footfall::store::embedded
