#include "http/parser.h"

#include <gtest/gtest.h>

namespace footfall::http {
namespace {

struct Case {
    std::string head;
    int status;  // 0: accepted
};

const std::string kHost = "Host: a\r\n";

std::vector<Case> cases() {
    return {
        {"GET / HTTP/1.1\r\n" + kHost, 0},
        {"\r\nGET / HTTP/1.1\r\n" + kHost, 0},
        {"GET / HTTP/1.0\r\n", 0},
        {"GET http://a/b?c HTTP/1.1\r\n" + kHost, 0},
        {"OPTIONS * HTTP/1.1\r\n" + kHost, 0},
        {"PURGE /x HTTP/1.1\r\n" + kHost, 0},
        {"GET / HTTP/1.1\r\n", 400},                                              // no Host
        {"GET / HTTP/1.1\r\n" + kHost + kHost, 400},
        {"GET / HTTP/2.0\r\n" + kHost, 505},
        {"GET / HTTX/1.1\r\n" + kHost, 400},
        {"GET  HTTP/1.1\r\n" + kHost, 400},
        {"GET /a b HTTP/1.1\r\n" + kHost, 400},
        {"GET a HTTP/1.1\r\n" + kHost, 400},
        {"GET * HTTP/1.1\r\n" + kHost, 400},
        {"G\x01T / HTTP/1.1\r\n" + kHost, 400},
        {"GET /\x7f HTTP/1.1\r\n" + kHost, 400},
        {"GET /" + std::string(9000, 'a') + " HTTP/1.1\r\n" + kHost, 414},
        {"GET / HTTP/1.1\r\nHost : a\r\n", 400},                                  // blank before the colon
        {"GET / HTTP/1.1\r\n" + kHost + "A: b\r\n c\r\n", 400},                   // folded line
        {"GET / HTTP/1.1\r\n" + kHost + "A: b\nC: d\r\n", 400},                   // bare LF
        {"GET / HTTP/1.1\n" + kHost, 400},
        {"GET / HTTP/1.1\r\n" + kHost + "A: \x01\r\n", 400},
        {"GET / HTTP/1.1\r\n" + kHost + "no colon\r\n", 400},
        {"GET / HTTP/1.1\r\n" + kHost + ": v\r\n", 400},
        {"POST / HTTP/1.1\r\n" + kHost + "Content-Length: 5\r\nContent-Length: 5\r\n", 0},
        {"POST / HTTP/1.1\r\n" + kHost + "Content-Length: 5\r\nContent-Length: 6\r\n", 400},
        {"POST / HTTP/1.1\r\n" + kHost + "Content-Length: +5\r\n", 400},
        {"POST / HTTP/1.1\r\n" + kHost + "Content-Length: 5, 5\r\n", 400},
        {"POST / HTTP/1.1\r\n" + kHost + "Content-Length: 99999999999999999999\r\n", 400},
        {"POST / HTTP/1.1\r\n" + kHost + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", 400},
        {"POST / HTTP/1.1\r\n" + kHost + "Transfer-Encoding: chunked\r\n", 0},
        {"POST / HTTP/1.1\r\n" + kHost + "Transfer-Encoding: gzip, chunked\r\n", 501},
        {"POST / HTTP/1.1\r\n" + kHost + "Transfer-Encoding: xchunked\r\n", 501},
        {"POST / HTTP/1.1\r\n" + kHost + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", 501},
        {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n", 400},
        {"POST / HTTP/1.1\r\n" + kHost + "Expect: 100-continue\r\n", 0},
        {"POST / HTTP/1.1\r\n" + kHost + "Expect: a pony\r\n", 417},
    };
}

TEST(HeadParserTest, TakesWhatIsUnambiguousAndRefusesTheRestWithItsStatus) {
    for (const Case& c : cases()) {
        HeadParser parser(16 * 1024);
        Request request;
        Framing framing;
        const ParseState state = parser.parse(c.head + "\r\n", request, framing);
        EXPECT_EQ(state, c.status == 0 ? ParseState::kDone : ParseState::kFailed) << c.head;
        if (c.status != 0) {
            EXPECT_EQ(parser.failure().status, c.status) << c.head;
        }
    }
}

TEST(HeadParserTest, ByteByByteGivesTheSameAsWhole) {
    for (const Case& c : cases()) {
        const std::string whole = c.head + "\r\nBODY";
        HeadParser at_once(16 * 1024);
        HeadParser stepwise(16 * 1024);
        Request request;
        Framing framing;
        const ParseState expected = at_once.parse(whole, request, framing);
        ParseState state = ParseState::kIncomplete;
        for (std::size_t n = 1; n <= whole.size() && state == ParseState::kIncomplete; ++n)
            state = stepwise.parse(std::string_view(whole).substr(0, n), request, framing);
        EXPECT_EQ(state, expected) << c.head;
        EXPECT_EQ(stepwise.head_bytes(), at_once.head_bytes()) << c.head;
    }
}

TEST(HeadParserTest, SplitsTargetAndKeepsHeadersInOrder) {
    HeadParser parser(16 * 1024);
    Request request;
    Framing framing;
    const std::string head = "POST /a/b?c=d&e#f HTTP/1.1\r\nHost: x\r\nX-A:  1 \r\nx-a: 2\r\nConnection: Close\r\nContent-Length: 3\r\n\r\n";
    ASSERT_EQ(parser.parse(head, request, framing), ParseState::kDone);
    EXPECT_EQ(request.path, "/a/b");
    EXPECT_EQ(request.query, "c=d&e");
    EXPECT_EQ(request.header("x-a"), "1");
    EXPECT_EQ(request.header_values("x-a"), (std::vector<std::string_view>{"1", "2"}));
    EXPECT_EQ(framing.content_length, 3u);
    EXPECT_FALSE(framing.keep_alive);
}

TEST(HeadParserTest, LargeHeadsAreRefusedBeforeTheyEnd) {
    HeadParser parser(1024);
    Request request;
    Framing framing;
    EXPECT_EQ(parser.parse("GET / HTTP/1.1\r\nA: " + std::string(2000, 'x'), request, framing), ParseState::kFailed);
    EXPECT_EQ(parser.failure().status, 431);
    HeadParser many(64 * 1024);
    std::string head = "GET / HTTP/1.1\r\n" + kHost;
    for (int i = 0; i < 150; ++i) head += "A: b\r\n";
    EXPECT_EQ(many.parse(head + "\r\n", request, framing), ParseState::kFailed);
    EXPECT_EQ(many.failure().status, 431);
}

std::string feed(std::string_view text, std::size_t step, ParseState& state, std::string& rest) {
    ChunkDecoder decoder(1000);
    std::string out;
    state = ParseState::kIncomplete;
    std::string pending;
    while (state == ParseState::kIncomplete && !(text.empty() && pending.empty())) {
        pending += text.substr(0, step);
        text.remove_prefix(std::min(step, text.size()));
        std::string_view in = pending;
        state = decoder.feed(in, out);
        pending = std::string(in);
        if (text.empty()) break;
    }
    rest = pending + std::string(text);
    return out;
}

TEST(ChunkDecoderTest, EveryPieceSizeGivesTheSameBody) {
    const std::string text = "5\r\nhello\r\n6;name=value\r\n world\r\n0\r\nTrailer: x\r\n\r\nNEXT";
    for (std::size_t step = 1; step <= text.size(); ++step) {
        ParseState state;
        std::string rest;
        EXPECT_EQ(feed(text, step, state, rest), "hello world") << step;
        EXPECT_EQ(state, ParseState::kDone) << step;
        EXPECT_EQ(rest, "NEXT") << step;
    }
}

TEST(ChunkDecoderTest, BrokenChunksAreRefused) {
    for (const char* text : {"x\r\n", "\r\n", "5\nhello\r\n0\r\n\r\n", "5\r\nhelloX\r\n", "-1\r\n", "0x5\r\n", "5 6\r\n", "FFFFFFFFFFFFFFFFF\r\n", "5\r\nhello\r\n0\r\nA: \n\r\n"}) {
        ParseState state;
        std::string rest;
        feed(text, 1000, state, rest);
        EXPECT_EQ(state, ParseState::kFailed) << text;
    }
    ChunkDecoder decoder(1000);
    std::string out;
    std::string_view large = "400\r\n";
    EXPECT_EQ(decoder.feed(large, out), ParseState::kFailed);
    EXPECT_EQ(decoder.failure().status, 413);
}

}  // namespace
}  // namespace footfall::http
