#include "http/parser.h"

#include <algorithm>
#include <charconv>

namespace footfall::http {
namespace {

constexpr std::size_t kTargetBytesMax = 8 * 1024;
constexpr std::size_t kHeadersMax = 100;
constexpr std::size_t kChunkLineMax = 256;
constexpr std::size_t kTrailerBytesMax = 4 * 1024;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

constexpr std::array<bool, 256> make_token_table() {
    std::array<bool, 256> table{};
    for (char c = 'a'; c <= 'z'; ++c) table[static_cast<std::size_t>(c)] = table[static_cast<std::size_t>(c - 32)] = true;
    for (char c = '0'; c <= '9'; ++c) table[static_cast<std::size_t>(c)] = true;
    for (const char c : std::string_view("!#$%&'*+-.^_`|~")) table[static_cast<std::size_t>(c)] = true;
    return table;
}
constexpr auto kToken = make_token_table();

bool is_token(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return kToken[static_cast<unsigned char>(c)]; });
}

// Field values: visible characters, blanks and obs-text; no control characters.
bool is_field_value(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return (byte >= 0x20 && byte != 0x7f) || byte == '\t';
    });
}

std::string_view trim(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
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

bool has_list_member(std::string_view list, std::string_view member) {
    while (!list.empty()) {
        const std::size_t comma = std::min(list.find(','), list.size());
        if (equal_ignoring_case(trim(list.substr(0, comma)), member)) return true;
        list.remove_prefix(std::min(comma + 1, list.size()));
    }
    return false;
}

}  // namespace

bool equal_ignoring_case(std::string_view a, std::string_view b) {
    return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower(x) == lower(y); });
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
    // An empty line before the request line is tolerated, as RFC 9112 section 2.2 asks.
    std::size_t start = 0;
    while (start < 4 && buffer.substr(start).starts_with("\r\n")) start += 2;
    const std::size_t from = std::max(start, scanned_ > 3 ? scanned_ - 3 : 0);
    const std::size_t end = buffer.find("\r\n\r\n", from);
    if (end == std::string_view::npos) {
        scanned_ = buffer.size();
        if (buffer.size() > head_bytes_max_) return fail(431, "the header is too large");
        return ParseState::kIncomplete;
    }
    if (end + 4 > head_bytes_max_) return fail(431, "the header is too large");
    head_bytes_ = end + 4;
    return parse_head(buffer.substr(start, end + 2 - start), request, framing);
}

// `head` is whole lines, each with its CRLF.
ParseState HeadParser::parse_head(std::string_view head, Request& request, Framing& framing) {
    framing = {};
    request.headers.clear();
    failure_ = {400, "the request line is broken"};
    const auto take_line = [&head](std::string_view& line) {
        const std::size_t end = head.find("\r\n");
        line = head.substr(0, end);
        head.remove_prefix(end + 2);
        return line.find_first_of("\r\n") == std::string_view::npos;
    };
    std::string_view line;
    if (!take_line(line) || !parse_request_line(line, request, framing)) return ParseState::kFailed;
    while (!head.empty()) {
        if (!take_line(line)) return fail(400, "a line of the header ends without CR LF");
        const std::size_t colon = line.find(':');
        if (colon == std::string_view::npos) return fail(400, "a header has no colon");
        const std::string_view name = line.substr(0, colon);
        const std::string_view value = trim(line.substr(colon + 1));
        // This refuses folded lines and blanks before the colon too: a blank is no token character.
        if (!is_token(name)) return fail(400, "a header's name is broken");
        if (!is_field_value(value)) return fail(400, "a header's value has control characters");
        if (request.headers.size() == kHeadersMax) return fail(431, "too many headers");
        request.headers.emplace_back(name, value);
    }
    return parse_framing(request, framing) ? ParseState::kDone : ParseState::kFailed;
}

bool HeadParser::parse_request_line(std::string_view line, Request& request, Framing& framing) {
    const std::size_t first = line.find(' ');
    const std::size_t last = line.rfind(' ');
    if (first == std::string_view::npos || first == last) return false;
    request.method_name = line.substr(0, first);
    request.target = line.substr(first + 1, last - first - 1);
    const std::string_view version = line.substr(last + 1);
    if (!is_token(request.method_name) || request.method_name.size() > 32) return false;
    request.method = method_of(request.method_name);
    if (version == "HTTP/1.0") {
        framing.is_http_1_0 = true;
    } else if (version != "HTTP/1.1") {
        const bool is_version = version.size() == 8 && version.starts_with("HTTP/") && version[6] == '.';
        if (is_version) failure_ = {505, "this server speaks HTTP/1.1"};
        return false;
    }
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
    if (path != "*" && !path.starts_with('/')) {
        // The absolute form, as a proxy gets it: the authority is dropped, Host decides.
        if (!path.starts_with("http://") && !path.starts_with("https://")) return false;
        path.remove_prefix(path.find("://") + 3);
        const std::size_t slash = path.find('/');
        path = slash == std::string_view::npos ? std::string_view("/") : path.substr(slash);
    }
    if (path == "*" && request.method != Method::kOptions) return false;
    path = path.substr(0, path.find('#'));
    const std::size_t question = path.find('?');
    request.path = path.substr(0, question);
    request.query = question == std::string_view::npos ? std::string_view() : path.substr(question + 1);
    return true;
}

bool HeadParser::parse_framing(const Request& request, Framing& framing) {
    std::size_t hosts = 0;
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
                failure_ = {501, "the only transfer coding is chunked"};
                return false;
            }
            has_coding = true;
            framing.chunked = true;
        } else if (equal_ignoring_case(name, "host")) {
            ++hosts;
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
    line_.append(in.substr(0, std::min(taken, kTrailerBytesMax + 1)));
    in.remove_prefix(taken);
    return end != std::string_view::npos;
}

ParseState ChunkDecoder::feed(std::string_view& in, std::string& out) {
    for (;;) {
        if (where_ == Where::kData) {
            const std::size_t n = std::min<std::uint64_t>(left_, in.size());
            out.append(in.substr(0, n));
            in.remove_prefix(n);
            left_ -= n;
            if (left_ > 0) return ParseState::kIncomplete;
            where_ = Where::kDataEnd;
        }
        if (in.empty()) return ParseState::kIncomplete;
        const bool whole = take_line(in);
        const std::size_t max = where_ == Where::kTrailer ? kTrailerBytesMax : kChunkLineMax;
        if (line_.size() > max) return fail(400, "a chunk's line is too long");
        if (!whole) return ParseState::kIncomplete;
        if (!line_.ends_with("\r\n")) return fail(400, "a chunk's line ends without CR LF");
        line_.resize(line_.size() - 2);
        if (line_.find_first_of("\r\n") != std::string::npos) return fail(400, "a chunk's line is broken");
        switch (where_) {
            case Where::kSize: {
                const std::size_t digits = std::min(line_.find_first_of(" \t;"), line_.size());
                std::uint64_t size = 0;
                const auto parsed = std::from_chars(line_.data(), line_.data() + digits, size, 16);
                if (digits == 0 || digits > 16 || parsed.ec != std::errc() || parsed.ptr != line_.data() + digits || !is_field_value(line_))
                    return fail(400, "a chunk's size is no number");
                const std::size_t rest = line_.find_first_not_of(" \t", digits);
                if (rest != std::string::npos && line_[rest] != ';') return fail(400, "a chunk's size is no number");
                if (size > body_bytes_max_ - std::min(body_bytes_max_, out.size())) return fail(413, "the body is too large");
                left_ = size;
                where_ = size == 0 ? Where::kTrailer : Where::kData;
                break;
            }
            case Where::kDataEnd:
                if (!line_.empty()) return fail(400, "a chunk is longer than its size");
                where_ = Where::kSize;
                break;
            case Where::kTrailer:
                if (line_.empty()) return ParseState::kDone;
                trailer_bytes_ += line_.size();
                if (trailer_bytes_ > kTrailerBytesMax) return fail(431, "the trailers are too large");
                break;
            case Where::kData: break;
        }
        line_.clear();
    }
}

}  // namespace footfall::http
