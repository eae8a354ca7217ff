#include "http/parser.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace footfall::http {
namespace {

constexpr std::size_t kTargetBytesMax = 8 * 1024;
constexpr std::size_t kMethodBytesMax = 32;
constexpr std::size_t kRequestLineBytesMax = kMethodBytesMax + 1 + kTargetBytesMax + 1 + 8 + 2;
constexpr std::size_t kBlankLineBytesMax = 4;
constexpr std::size_t kHeadersMax = 100;
constexpr std::size_t kChunkLineBytesMax = 256;
constexpr std::size_t kExtensionBytesMax = 4 * 1024;
constexpr std::size_t kTrailerBytesMax = 4 * 1024;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

constexpr std::array<bool, 256> make_table(std::string_view others) {
    std::array<bool, 256> table{};
    for (char c = 'a'; c <= 'z'; ++c)
        table[static_cast<std::size_t>(c)] = table[static_cast<std::size_t>(c - 32)] = true;
    for (char c = '0'; c <= '9'; ++c) table[static_cast<std::size_t>(c)] = true;
    for (const char c : others) table[static_cast<std::size_t>(c)] = true;
    return table;
}
constexpr auto kToken = make_table("!#$%&'*+-.^_`|~");
// Of RFC 3986: registered names, IP literals in brackets, and the port.
constexpr auto kHost = make_table("-._~%!$&'()*+,;=:[]");

bool is_of(const std::array<bool, 256>& table, std::string_view text) {
    return std::all_of(text.begin(), text.end(), [&table](char c) { return table[static_cast<unsigned char>(c)]; });
}

bool is_token(std::string_view text) { return !text.empty() && is_of(kToken, text); }

// Field values: visible characters, blanks and obs-text; no control characters.
bool is_field_value(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return (byte >= 0x20 && byte != 0x7f) || byte == '\t';
    });
}

Method method_of(std::string_view name) {
    if (name == "GET") return Method::kGet;
    if (name == "POST") return Method::kPost;
    if (name == "OPTIONS") return Method::kOptions;
    if (name == "HEAD") return Method::kHead;
    if (name == "PUT") return Method::kPut;
    if (name == "PATCH") return Method::kPatch;
    if (name == "DELETE") return Method::kDelete;
    return Method::kOther;
}

}  // namespace

bool equal_ignoring_case(std::string_view a, std::string_view b) {
    return a.size() == b.size() &&
           std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view trim_blanks(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

bool has_list_member(std::string_view list, std::string_view member) {
    while (!list.empty()) {
        const std::size_t comma = std::min(list.find(','), list.size());
        if (equal_ignoring_case(trim_blanks(list.substr(0, comma)), member)) return true;
        list.remove_prefix(std::min(comma + 1, list.size()));
    }
    return false;
}

void HeadParser::reset() {
    scanned_ = 0;
    head_bytes_ = 0;
}

ParseState HeadParser::fail(int status, std::string_view message) {
    failure_ = {status, message};
    return ParseState::kFailed;
}

ParseState HeadParser::parse(std::string_view buffer, Request& request, Framing& framing) {
    // Empty lines before the request line are tolerated, as RFC 9112 section 2.2 asks.
    std::size_t start = 0;
    while (start < kBlankLineBytesMax && buffer.substr(start).starts_with("\r\n")) start += 2;
    if (start == buffer.size()) return ParseState::kIncomplete;
    if (!kToken[static_cast<unsigned char>(buffer[start])]) {
        if (start < kBlankLineBytesMax && buffer.substr(start) == "\r") return ParseState::kIncomplete;
        return fail(400, "this is no HTTP request");  // TLS, mostly: its client gets to know at once
    }

    // The first line is judged as soon as it is there, so that what speaks another protocol does not wait for a
    // timeout.
    const std::size_t line_feed = buffer.find('\n', start);
    const std::size_t line_end = line_feed == std::string_view::npos ? buffer.size() : line_feed + 1;
    const std::size_t line_max = std::min(start + kRequestLineBytesMax, head_bytes_max_);
    if (line_end > line_max)
        return line_max < head_bytes_max_ ? fail(414, "the URL is too long") : fail(431, "the header is too large");
    if (line_feed == std::string_view::npos) return ParseState::kIncomplete;
    if (buffer[line_feed - 1] != '\r') return fail(400, "the request line ends without CR LF");
    const std::string_view line = buffer.substr(start, line_feed - 1 - start);
    const bool is_new = scanned_ < line_end;
    if (is_new && !parse_request_line(line, request, framing)) return ParseState::kFailed;

    const std::size_t end = buffer.find("\r\n\r\n", std::max(line_feed - 1, scanned_ > 3 ? scanned_ - 3 : 0));
    if (end == std::string_view::npos) {
        scanned_ = buffer.size();
        return buffer.size() > head_bytes_max_ ? fail(431, "the header is too large") : ParseState::kIncomplete;
    }
    if (end + 4 > head_bytes_max_) return fail(431, "the header is too large");
    // The buffer may lie elsewhere than when the line was judged.
    if (!is_new && !parse_request_line(line, request, framing)) return ParseState::kFailed;
    scanned_ = 0;
    head_bytes_ = end + 4;
    return parse_headers(buffer.substr(line_end, end + 2 - line_end), request, framing);
}

// `lines` are whole, each with its CRLF. A bare CR or LF within one is a control character of its name or value.
ParseState HeadParser::parse_headers(std::string_view lines, Request& request, Framing& framing) {
    request.headers.clear();
    while (!lines.empty()) {
        const std::size_t end = lines.find("\r\n");
        const std::string_view line = lines.substr(0, end);
        lines.remove_prefix(end + 2);
        const std::size_t colon = line.find(':');
        if (colon == std::string_view::npos) return fail(400, "a header has no colon");
        const std::string_view name = line.substr(0, colon);
        const std::string_view value = trim_blanks(line.substr(colon + 1));
        // This refuses folded lines and blanks before the colon too: a blank is no token character.
        if (!is_token(name)) return fail(400, "a header's name is broken");
        if (!is_field_value(value)) return fail(400, "a header's value has control characters");
        if (request.headers.size() == kHeadersMax) return fail(431, "too many headers");
        request.headers.emplace_back(name, value);
    }
    return parse_framing(request, framing) ? ParseState::kDone : ParseState::kFailed;
}

bool HeadParser::parse_request_line(std::string_view line, Request& request, Framing& framing) {
    failure_ = {400, "the request line is broken"};
    framing = {};
    const std::size_t first = line.find(' ');
    const std::size_t last = line.rfind(' ');
    if (first == std::string_view::npos || first == last) return false;
    const std::string_view version = line.substr(last + 1);
    request.method_name = line.substr(0, first);
    if (!is_token(request.method_name) || request.method_name.size() > kMethodBytesMax) return false;
    request.method = method_of(request.method_name);
    request.target = line.substr(first + 1, last - first - 1);
    if (version == "HTTP/1.0") {
        framing.is_http_1_0 = true;
    } else if (version != "HTTP/1.1") {
        const bool is_version = version.size() == 8 && version.starts_with("HTTP/") && is_digit(version[5]) &&
                                version[6] == '.' && is_digit(version[7]);
        if (is_version) failure_ = {505, "this server speaks HTTP/1.1"};
        return false;
    }
    return parse_target(request);
}

bool HeadParser::parse_target(Request& request) {
    if (request.target.size() > kTargetBytesMax) {
        failure_ = {414, "the URL is too long"};
        return false;
    }
    const bool is_clean = std::all_of(request.target.begin(), request.target.end(), [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return byte > 0x20 && byte != 0x7f;
    });
    if (!is_clean) return false;
    std::string_view path = request.target;
    if (path == "*") {
        if (request.method != Method::kOptions) return false;
    } else if (!path.starts_with('/')) {
        // The absolute form, as a proxy gets it. Its authority is not used, but it must be one.
        const std::size_t colon = std::min(path.find("://"), path.size());
        const std::string_view scheme = path.substr(0, colon);
        if (colon == path.size() || (!equal_ignoring_case(scheme, "http") && !equal_ignoring_case(scheme, "https")))
            return false;
        path.remove_prefix(colon + 3);
        const std::string_view authority = path.substr(0, path.find_first_of("/?#"));
        if (authority.empty() || !is_of(kHost, authority)) return false;
        path.remove_prefix(authority.size());
    }
    // A fragment should not be sent; where it is, it is no part of the path.
    path = path.substr(0, path.find('#'));
    const std::size_t question = path.find('?');
    request.path = path.substr(0, question);
    if (request.path.empty()) request.path = "/";
    request.query = question == std::string_view::npos ? std::string_view() : path.substr(question + 1);
    return true;
}

bool HeadParser::parse_framing(const Request& request, Framing& framing) {
    std::size_t hosts = 0;
    bool host_is_clean = true;
    bool has_length = false;
    bool has_coding = false;
    bool close = false;
    bool keep = false;
    for (const auto& [name, value] : request.headers) {
        if (equal_ignoring_case(name, "content-length")) {
            std::uint64_t length = 0;
            const auto parsed = std::from_chars(value.data(), value.data() + value.size(), length);
            if (value.empty() || parsed.ec != std::errc() || parsed.ptr != value.data() + value.size()) {
                failure_ = {400, "Content-Length is no number"};
                return false;
            }
            if (has_length && length != framing.content_length) {
                failure_ = {400, "Content-Length is given twice with different values"};
                return false;
            }
            has_length = true;
            framing.content_length = length;
        } else if (equal_ignoring_case(name, "transfer-encoding")) {
            if (has_coding || !equal_ignoring_case(value, "chunked")) {
                failure_ = {501, "the only transfer coding is chunked, once"};
                return false;
            }
            has_coding = true;
            framing.chunked = true;
        } else if (equal_ignoring_case(name, "host")) {
            ++hosts;
            host_is_clean = host_is_clean && is_of(kHost, value);
        } else if (equal_ignoring_case(name, "connection")) {
            close = close || has_list_member(value, "close");
            keep = keep || has_list_member(value, "keep-alive");
        } else if (equal_ignoring_case(name, "expect")) {
            if (!equal_ignoring_case(value, "100-continue")) {
                failure_ = {417, "the only expectation is 100-continue"};
                return false;
            }
            framing.expects_continue = !framing.is_http_1_0;
        }
    }
    if (has_length && has_coding) {
        failure_ = {400, "Content-Length and Transfer-Encoding exclude each other"};
        return false;
    }
    if (has_coding && framing.is_http_1_0) {
        failure_ = {400, "HTTP/1.0 has no Transfer-Encoding"};
        return false;
    }
    if (hosts > 1 || (hosts == 0 && !framing.is_http_1_0)) {
        failure_ = {400, "there must be one Host header"};
        return false;
    }
    if (!host_is_clean) {
        failure_ = {400, "the Host header is broken"};
        return false;
    }
    framing.keep_alive = !close && (!framing.is_http_1_0 || keep);
    return true;
}

ParseState ChunkDecoder::fail(int status, std::string_view message) {
    failure_ = {status, message};
    return ParseState::kFailed;
}

bool ChunkDecoder::take_line(std::string_view& in) {
    const std::size_t end = in.find('\n');
    const std::size_t taken = end == std::string_view::npos ? in.size() : end + 1;
    // One byte over the limit is enough to know that it is passed.
    line_.append(in.substr(0, std::min(taken, kTrailerBytesMax + 1)));
    in.remove_prefix(taken);
    return end != std::string_view::npos;
}

// A size is digits and, behind a ';', extensions, which mean nothing here.
ParseState ChunkDecoder::on_size(std::size_t body_bytes) {
    const std::size_t digits = std::min(line_.find_first_of(" \t;"), line_.size());
    std::uint64_t size = 0;
    const auto parsed = std::from_chars(line_.data(), line_.data() + digits, size, 16);
    const std::size_t extension = line_.find_first_not_of(" \t", digits);
    const bool has_extension = digits < line_.size();
    if (digits == 0 || digits > 16 || parsed.ec != std::errc() || parsed.ptr != line_.data() + digits ||
        (has_extension && (extension == std::string::npos || line_[extension] != ';' || !is_field_value(line_))))
        return fail(400, "a chunk's size is no number");
    extension_bytes_ += line_.size() - digits;
    if (extension_bytes_ > kExtensionBytesMax) return fail(400, "the chunks' extensions are too large");
    if (size > body_bytes_max_ - std::min(body_bytes_max_, body_bytes)) return fail(413, "the body is too large");
    left_ = size;
    where_ = size == 0 ? Where::kTrailer : Where::kData;
    return ParseState::kIncomplete;
}

ParseState ChunkDecoder::feed(std::string_view& in, std::string& out) {
    while (!in.empty()) {
        if (where_ == Where::kData) {
            const std::size_t n = std::min<std::uint64_t>(left_, in.size());
            out.append(in.substr(0, n));
            in.remove_prefix(n);
            left_ -= n;
            if (left_ == 0) where_ = Where::kDataEnd;
            continue;
        }
        const bool whole = take_line(in);
        if (line_.size() > (where_ == Where::kTrailer ? kTrailerBytesMax : kChunkLineBytesMax))
            return fail(400, "a chunk's line is too long");
        if (!whole) return ParseState::kIncomplete;
        if (!line_.ends_with("\r\n")) return fail(400, "a chunk's line ends without CR LF");
        line_.resize(line_.size() - 2);
        switch (where_) {
            case Where::kSize:
                if (on_size(out.size()) == ParseState::kFailed) return ParseState::kFailed;
                break;
            case Where::kDataEnd:
                if (!line_.empty()) return fail(400, "a chunk is longer than its size");
                where_ = Where::kSize;
                break;
            case Where::kTrailer:
                if (line_.empty()) return ParseState::kDone;
                if (!is_field_value(line_)) return fail(400, "a trailer has control characters");
                trailer_bytes_ += line_.size();
                if (trailer_bytes_ > kTrailerBytesMax) return fail(431, "the trailers are too large");
                break;
            case Where::kData: break;
        }
        line_.clear();
    }
    return ParseState::kIncomplete;
}

}  // namespace footfall::http
