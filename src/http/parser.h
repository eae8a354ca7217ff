#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "http/http.h"

namespace footfall::http {

/// How the body of a request is framed, and what becomes of its connection.
struct Framing {
    bool chunked = false;
    std::uint64_t content_length = 0;
    bool keep_alive = true;
    bool expects_continue = false;
    bool is_http_1_0 = false;
};

/// Why a request cannot be read: the status to answer before the connection is closed, and the sentence.
struct ParseFailure {
    int status = 400;
    std::string_view message;
};

enum class ParseState : std::uint8_t { kIncomplete, kDone, kFailed };

/// Parses the head of a request (RFC 9112), strictly: what two parsers could read differently is refused, since there
/// may be a proxy in front. Refused: bare CR and LF, folded lines, blanks before a colon, control characters,
/// Content-Length beside Transfer-Encoding, differing lengths, codings other than chunked, none, several or a broken
/// Host in HTTP/1.1. What is refused, and how, does not depend on the pieces in which the bytes came.
class HeadParser {
public:
    explicit HeadParser(std::size_t head_bytes_max) : head_bytes_max_(head_bytes_max) {}

    /// `buffer` is all that was read of this request so far; call again with more. On kDone `request` borrows from
    /// `buffer` and head_bytes() is where the body starts. May be called again with the same bytes at another place, to
    /// borrow from there.
    ParseState parse(std::string_view buffer, Request& request, Framing& framing);
    std::size_t head_bytes() const { return head_bytes_; }
    const ParseFailure& failure() const { return failure_; }
    /// Makes it ready for the next request.
    void reset();

private:
    ParseState fail(int status, std::string_view message);
    ParseState parse_headers(std::string_view lines, Request& request, Framing& framing);
    bool parse_request_line(std::string_view line, Request& request, Framing& framing);
    bool parse_target(Request& request);
    bool parse_framing(const Request& request, Framing& framing);

    const std::size_t head_bytes_max_;
    std::size_t scanned_ = 0;
    std::size_t head_bytes_ = 0;
    ParseFailure failure_;
};

/// Takes chunked bodies apart. Extensions are skipped and trailers dropped, both within limits.
class ChunkDecoder {
public:
    explicit ChunkDecoder(std::size_t body_bytes_max) : body_bytes_max_(body_bytes_max) {}

    /// Takes bytes from the front of `in` and appends the body's to `out`. kIncomplete: all of `in` was taken. kDone:
    /// the body is whole, and what is left of `in` is the next request's.
    ParseState feed(std::string_view& in, std::string& out);
    const ParseFailure& failure() const { return failure_; }

private:
    enum class Where : std::uint8_t { kSize, kData, kDataEnd, kTrailer };
    ParseState fail(int status, std::string_view message);
    /// A whole line from the front of `in`, over calls; false where it is not complete.
    bool take_line(std::string_view& in);
    ParseState on_size(std::size_t body_bytes);

    const std::size_t body_bytes_max_;
    Where where_ = Where::kSize;
    std::uint64_t left_ = 0;
    std::string line_;
    std::size_t extension_bytes_ = 0;
    std::size_t trailer_bytes_ = 0;
    ParseFailure failure_;
};

bool equal_ignoring_case(std::string_view a, std::string_view b);
/// Without blanks and tabs at both ends.
std::string_view trim_blanks(std::string_view text);
/// Whether a comma-separated list, such as the value of Connection, has the member; case is ignored.
bool has_list_member(std::string_view list, std::string_view member);

}  // namespace footfall::http
