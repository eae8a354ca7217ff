#include "http/answer_head.h"

#include <algorithm>

#include "base/json.h"
#include "base/plain_text.h"
#include "http/parser.h"

namespace footfall::http {
namespace {

std::string_view reason_phrase(int status) {
    switch (status) {
        case 101: return "Switching Protocols";
        case 200: return "OK";
        case 201: return "Created";
        case 202: return "Accepted";
        case 204: return "No Content";
        case 206: return "Partial Content";
        case 301: return "Moved Permanently";
        case 302: return "Found";
        case 303: return "See Other";
        case 304: return "Not Modified";
        case 307: return "Temporary Redirect";
        case 308: return "Permanent Redirect";
        case 400: return "Bad Request";
        case 401: return "Unauthorized";
        case 403: return "Forbidden";
        case 404: return "Not Found";
        case 405: return "Method Not Allowed";
        case 406: return "Not Acceptable";
        case 408: return "Request Timeout";
        case 409: return "Conflict";
        case 410: return "Gone";
        case 412: return "Precondition Failed";
        case 413: return "Content Too Large";
        case 414: return "URI Too Long";
        case 415: return "Unsupported Media Type";
        case 416: return "Range Not Satisfiable";
        case 417: return "Expectation Failed";
        case 422: return "Unprocessable Content";
        case 426: return "Upgrade Required";
        case 429: return "Too Many Requests";
        case 431: return "Request Header Fields Too Large";
        case 500: return "Internal Server Error";
        case 501: return "Not Implemented";
        case 502: return "Bad Gateway";
        case 503: return "Service Unavailable";
        case 504: return "Gateway Timeout";
        case 505: return "HTTP Version Not Supported";
        default: return status < 400 ? "OK" : "Error";
    }
}

// A handler may put a stranger's text into a header; it must not end the line there.
void append_header_text(std::string& out, std::string_view text) {
    if (is_plain(text)) return void(out += text);
    for (const char c : text) out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
}

bool has(const Headers& headers, std::string_view name) {
    return std::any_of(headers.begin(), headers.end(),
                       [name](const auto& header) { return equal_ignoring_case(header.first, name); });
}

void append_header(std::string& out, std::string_view name, std::string_view value) {
    out += "\r\n";
    append_header_text(out, name);
    out += ": ";
    append_header_text(out, value);
}

}  // namespace

bool may_have_body(int status) { return status >= 200 && status != 204 && status != 304; }

void append_head(std::string& out, const Response& response, std::optional<std::uint64_t> body_bytes,
                 const HeadContext& context) {
    static const Headers none;
    const ServerOptions& options = context.options;
    const Headers& of_path = options.headers_of ? options.headers_of(context.path) : none;
    out += "HTTP/1.1 ";
    json::append_number(out, std::int64_t{response.status});
    out += ' ';
    out += reason_phrase(response.status);
    append_header(out, "Server", options.server_name);
    append_header(out, "Date", context.date);
    if (may_have_body(response.status)) {
        if (!response.content_type.empty()) append_header(out, "Content-Type", response.content_type);
        if (body_bytes) {
            out += "\r\nContent-Length: ";
            json::append_number(out, *body_bytes);
        } else if (!context.is_http_1_0) {
            append_header(out, "Transfer-Encoding", "chunked");
        }
    }
    for (const auto& [name, value] : response.headers) append_header(out, name, value);
    for (const auto& [name, value] : of_path)
        if (!has(response.headers, name)) append_header(out, name, value);
    // Over plain HTTP anybody on the way may have written it, so browsers ignore it there.
    if (context.is_tls && options.hsts_seconds > 0) {
        out += "\r\nStrict-Transport-Security: max-age=";
        json::append_number(out, options.hsts_seconds);
    }
    for (const auto& [name, value] : options.common_headers)
        if (!has(response.headers, name) && !has(of_path, name)) append_header(out, name, value);
    if (!context.connection.empty()) append_header(out, "Connection", context.connection);
    out += "\r\n\r\n";
}

}  // namespace footfall::http
