#include "http/parser.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace footfall::http {
namespace {

struct Case {
    std::string head;
    int status;  // 0: accepted
};

const std::string kHost = "Host: a\r\n";

std::vector<Case> cases() {
    const std::string get = "GET / HTTP/1.1\r\n" + kHost;
    const std::string post = "POST / HTTP/1.1\r\n" + kHost;
    return {
        {get, 0},
        {"\r\n" + get, 0},
        {"\r\n\r\n" + get, 0},
        {"\r\n\r\n\r\n" + get, 400},
        {"\r" + get, 400},
        {"\n" + get, 400},
        {" " + get, 400},
        {"\x16\x03\x01" + get, 400},  // TLS
        {"GET / HTTP/1.0\r\n", 0},
        {"PURGE /x HTTP/1.1\r\n" + kHost, 0},
        {"TRACE / HTTP/1.1\r\n" + kHost, 0},  // the router's to refuse
        {std::string(33, 'A') + " / HTTP/1.1\r\n" + kHost, 400},
        // Targets.
        {"GET http://a/b?c HTTP/1.1\r\n" + kHost, 0},
        {"GET HTTPS://a:1?c HTTP/1.1\r\n" + kHost, 0},
        {"GET http://[::1]:80 HTTP/1.1\r\n" + kHost, 0},
        {"GET http:///b HTTP/1.1\r\n" + kHost, 400},
        {"GET http://user@a/b HTTP/1.1\r\n" + kHost, 400},
        {"GET ftp://a/b HTTP/1.1\r\n" + kHost, 400},
        {"OPTIONS * HTTP/1.1\r\n" + kHost, 0},
        {"GET * HTTP/1.1\r\n" + kHost, 400},
        {"GET a HTTP/1.1\r\n" + kHost, 400},
        {"CONNECT a:80 HTTP/1.1\r\n" + kHost, 400},
        {"GET /\x7f HTTP/1.1\r\n" + kHost, 400},
        {"GET /\t HTTP/1.1\r\n" + kHost, 400},
        {"GET /" + std::string(8191, 'a') + " HTTP/1.1\r\n" + kHost, 0},
        {"GET /" + std::string(8192, 'a') + " HTTP/1.1\r\n" + kHost, 414},
        {"GET /" + std::string(30'000, 'a') + " HTTP/1.1\r\n" + kHost, 414},
        // The rest of the request line.
        {"GET / HTTP/2.0\r\n" + kHost, 505},
        {"PRI * HTTP/2.0\r\n", 505},  // the preface of HTTP/2
        {"GET / HTTP/1.2\r\n" + kHost, 505},
        {"GET / HTTP/a.b\r\n" + kHost, 400},
        {"GET / HTTX/1.1\r\n" + kHost, 400},
        {"GET / http/1.1\r\n" + kHost, 400},
        {"GET / HTTP/1.1 \r\n" + kHost, 400},
        {"GET  / HTTP/1.1\r\n" + kHost, 400},
        {"GET  HTTP/1.1\r\n" + kHost, 400},
        {"GET /\r\n" + kHost, 400},
        {"GET\r\n" + kHost, 400},
        {"GET /a b HTTP/1.1\r\n" + kHost, 400},
        {"GET\t/ HTTP/1.1\r\n" + kHost, 400},
        {"GET / HTTP/1.1\n" + kHost, 400},
        {"GET / HTTP/1.1\r\r\n" + kHost, 400},
        {"G\x01T / HTTP/1.1\r\n" + kHost, 400},
        // Hosts.
        {"GET / HTTP/1.1\r\n", 400},
        {get + kHost, 400},
        {"GET / HTTP/1.0\r\n" + kHost + kHost, 400},
        {"GET / HTTP/1.1\r\nHost:\r\n", 0},
        {"GET / HTTP/1.1\r\nhOST: [::1]:8080\r\n", 0},
        {"GET / HTTP/1.1\r\nHost: a b\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: a/b\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: u@a\r\n", 400},
        // Headers.
        {get + "A: \xff \t b\r\n", 0},
        {get + "A:\r\n", 0},
        {"GET / HTTP/1.1\r\nHost : a\r\n", 400},  // blank before the colon
        {get + "A: b\r\n c\r\n", 400},            // folded line
        {get + "A: b\r\n\tc\r\n", 400},
        {"GET / HTTP/1.1\r\n " + kHost, 400},
        {get + "A: b\nC: d\r\n", 400},  // bare LF
        {get + "A: b\rC: d\r\n", 400},  // bare CR
        {get + "A: \x01\r\n", 400},
        {get + std::string("A: \0\r\n", 6), 400},
        {get + "A: \x7f\r\n", 400},
        {get + "A(: b\r\n", 400},
        {get + "\xc3\xa4: b\r\n", 400},
        {get + "no colon\r\n", 400},
        {get + ": v\r\n", 400},
        // Lengths and codings.
        {post + "Content-Length: 5\r\nContent-Length: 5\r\n", 0},
        {post + "Content-Length: 5\r\nContent-Length: 6\r\n", 400},
        {post + "Content-Length: 0\r\n", 0},
        {post + "Content-Length:\r\n", 400},
        {post + "Content-Length: +5\r\n", 400},
        {post + "Content-Length: -5\r\n", 400},
        {post + "Content-Length: 0x5\r\n", 400},
        {post + "Content-Length: 5 5\r\n", 400},
        {post + "Content-Length: 5, 5\r\n", 400},
        {post + "Content-Length: 99999999999999999999\r\n", 400},
        {post + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", 400},
        {post + "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n", 400},
        {post + "Transfer-Encoding: Chunked\r\n", 0},
        {post + "Transfer-Encoding: gzip, chunked\r\n", 501},
        {post + "Transfer-Encoding: chunked, gzip\r\n", 501},
        {post + "Transfer-Encoding: identity\r\n", 501},
        {post + "Transfer-Encoding: xchunked\r\n", 501},
        {post + "Transfer-Encoding: \x0b chunked\r\n", 400},
        {post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", 501},
        {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n", 400},
        {post + "Expect: 100-Continue\r\n", 0},
        {post + "Expect: a pony\r\n", 417},
    };
}

/// Feeds the text in pieces; what was read, as text that can be compared.
std::string read(std::string_view text, std::size_t step, std::size_t head_bytes_max = 16 * 1024) {
    HeadParser parser(head_bytes_max);
    Request request;
    Framing framing;
    for (std::size_t n = std::min(step, text.size());; n = std::min(n + step, text.size())) {
        // At another place each time, as a buffer that grows is.
        const std::string buffer(text.substr(0, n));
        switch (parser.parse(buffer, request, framing)) {
            case ParseState::kFailed:
                return std::to_string(parser.failure().status) + " " + std::string(parser.failure().message);
            case ParseState::kIncomplete:
                if (n == text.size()) return "incomplete";
                break;
            case ParseState::kDone: {
                std::string out = "done " + std::to_string(parser.head_bytes()) + " ";
                out.append(request.method_name).append(" ").append(request.path).append(" ").append(request.query);
                for (const auto& [name, value] : request.headers)
                    out.append("\n").append(name).append("=").append(value);
                return out;
            }
        }
    }
}

TEST(HeadParserTest, TakesWhatIsUnambiguousAndRefusesTheRestWithItsStatus) {
    for (const Case& c : cases()) {
        const std::string expected = c.status == 0 ? "done" : std::to_string(c.status);
        EXPECT_EQ(read(c.head + "\r\n", 1 << 20).substr(0, expected.size()), expected) << c.head.substr(0, 200);
    }
}

TEST(HeadParserTest, EveryPieceSizeGivesTheSameAsTheWhole) {
    for (const Case& c : cases()) {
        const std::string whole = c.head + "\r\nBODY";
        for (const std::size_t max :
             {std::size_t{16 * 1024}, std::size_t{8 * 1024}, std::size_t{60}, std::size_t{20}}) {
            const std::string expected = read(whole, 1 << 20, max);
            const std::size_t step_max = whole.size() > 1'000 ? 2 : whole.size();
            for (std::size_t step = 1; step <= step_max; ++step)
                ASSERT_EQ(read(whole, step, max), expected) << c.head.substr(0, 200) << " " << step << " " << max;
        }
    }
}

TEST(HeadParserTest, WhatCannotBecomeARequestIsRefusedBeforeItsEnd) {
    for (const auto& [text, status] :
         std::vector<std::pair<std::string, const char*>>{{"\x16\x03\x01", "400"},
                                                          {"GET / HTTP/1.1\n", "400"},
                                                          {"SSH-2.0-OpenSSH\r\n", "400"},
                                                          {"GET /" + std::string(8'300, 'a'), "414"},
                                                          {"GET / HTTP/1.1\r\nA: " + std::string(17'000, 'x'), "431"}})
        EXPECT_EQ(read(text, 1 << 20).substr(0, 3), status) << text.substr(0, 100);
}

TEST(HeadParserTest, SplitsTargetAndKeepsHeadersInOrder) {
    HeadParser parser(16 * 1024);
    Request request;
    Framing framing;
    const std::string head =
        "POST /a/b?c=d&e#f HTTP/1.1\r\nHost: x\r\nX-A:  1 \r\nx-a: 2\r\nConnection: Close\r\nContent-Length: 3\r\n\r\n";
    ASSERT_EQ(parser.parse(head, request, framing), ParseState::kDone);
    EXPECT_EQ(request.path, "/a/b");
    EXPECT_EQ(request.query, "c=d&e");
    EXPECT_EQ(request.header("x-a"), "1");
    EXPECT_EQ(request.header_values("x-a"), (std::vector<std::string_view>{"1", "2"}));
    EXPECT_EQ(framing.content_length, 3u);
    EXPECT_FALSE(framing.keep_alive);
}

TEST(HeadParserTest, AbsoluteTargetsGiveTheirPath) {
    const struct {
        const char* target;
        const char* path;
        const char* query;
    } cases[] = {{"http://a", "/", ""},
                 {"http://a?x=/y", "/", "x=/y"},
                 {"http://a:80/b/c?d", "/b/c", "d"},
                 {"http://a/b#c?d", "/b", ""}};
    for (const auto& [target, path, query] : cases) {
        HeadParser parser(16 * 1024);
        Request request;
        Framing framing;
        const std::string head = std::string("GET ") + target + " HTTP/1.1\r\nHost: a\r\n\r\n";
        ASSERT_EQ(parser.parse(head, request, framing), ParseState::kDone) << target;
        EXPECT_EQ(request.target, target);
        EXPECT_EQ(request.path, path) << target;
        EXPECT_EQ(request.query, query) << target;
    }
}

TEST(HeadParserTest, ConnectionsAreKeptWhereTheVersionAndTheClientSaySo) {
    const struct {
        const char* head;
        bool keep_alive;
    } cases[] = {{"GET / HTTP/1.1\r\nHost: a\r\n", true},
                 {"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade, CLOSE\r\n", false},
                 {"GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\nConnection: close\r\n", false},
                 {"GET / HTTP/1.1\r\nHost: a\r\nConnection: closed\r\n", true},
                 {"GET / HTTP/1.0\r\n", false},
                 {"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n", true}};
    for (const auto& [head, keep_alive] : cases) {
        HeadParser parser(16 * 1024);
        Request request;
        Framing framing;
        const std::string text = std::string(head) + "\r\n";
        ASSERT_EQ(parser.parse(text, request, framing), ParseState::kDone) << head;
        EXPECT_EQ(framing.keep_alive, keep_alive) << head;
    }
}

TEST(HeadParserTest, TooManyHeadersAreRefused) {
    std::string head = "GET / HTTP/1.1\r\n" + kHost;
    for (int i = 0; i < 99; ++i) head += "A: b\r\n";
    EXPECT_EQ(read(head + "\r\n", 1 << 20).substr(0, 4), "done");
    EXPECT_EQ(read(head + "A: b\r\n\r\n", 1 << 20).substr(0, 3), "431");
}

/// Feeds the text in pieces: the body, what followed it, or how it failed.
std::string decode(std::string_view text, std::size_t step) {
    ChunkDecoder decoder(1'000);
    std::string out;
    for (std::size_t at = 0; at < text.size(); at += step) {
        std::string_view in = text.substr(at, step);
        switch (decoder.feed(in, out)) {
            case ParseState::kFailed: return std::to_string(decoder.failure().status);
            case ParseState::kDone:
                return out + "|" + std::string(in) + std::string(text.substr(std::min(at + step, text.size())));
            case ParseState::kIncomplete: EXPECT_TRUE(in.empty()); break;
        }
    }
    return "incomplete " + out;
}

TEST(ChunkDecoderTest, EveryPieceSizeGivesTheSame) {
    const std::string many_extensions = "1;" + std::string(200, 'e') + "\r\nx\r\n";
    std::string extensions;
    for (int i = 0; i < 25; ++i) extensions += many_extensions;
    std::string trailers = "0\r\n";
    for (int i = 0; i < 50; ++i) trailers += "Trailer: " + std::string(90, 't') + "\r\n";
    const std::pair<std::string, std::string> cases[] = {
        {"5\r\nhello\r\n6;name=value\r\n world\r\n0\r\nTrailer: x\r\n\r\nNEXT", "hello world|NEXT"},
        {"0\r\n\r\n", "|"},
        {"00000005 ; a=\"b\"\r\nhello\r\n0\r\n\r\n", "hello|"},
        {"3E8\r\n" + std::string(1'000, 'x') + "\r\n0\r\n\r\n", std::string(1'000, 'x') + "|"},
        {"3E9\r\n", "413"},
        {"3E8\r\n" + std::string(1'000, 'x') + "\r\n1\r\n", "413"},
        {"FFFFFFFFFFFFFFFF\r\n", "413"},
        {"FFFFFFFFFFFFFFFFF\r\n", "400"},
        {"00000000000000005\r\n", "400"},
        {"x\r\n", "400"},
        {"\r\n", "400"},
        {" 5\r\n", "400"},
        {"5 \r\nhello\r\n", "400"},
        {"-1\r\n", "400"},
        {"+5\r\n", "400"},
        {"0x5\r\n", "400"},
        {"5 6\r\n", "400"},
        {"5;\x01\r\n", "400"},
        {"5;a\rb\r\n", "400"},
        {"5\nhello\r\n0\r\n\r\n", "400"},
        {"5\r\nhelloX\r\n", "400"},
        {"5\r\nhello\n", "400"},
        {"5\r\nhello\r\n0\r\nA: \n\r\n", "400"},
        {"0\r\nA: \x01\r\n\r\n", "400"},
        {"5;" + std::string(300, 'e'), "400"},
        {extensions, "400"},
        {trailers, "431"},
        {"0\r\n" + std::string(5'000, 't'), "400"},
        {"5\r\nhel", "incomplete hel"},
    };
    for (const auto& [text, expected] : cases)
        for (std::size_t step = 1; step <= text.size(); step = step < 40 ? step + 1 : step * 2)
            ASSERT_EQ(decode(text, step), expected) << text.substr(0, 100) << " " << step;
}

}  // namespace
}  // namespace footfall::http
