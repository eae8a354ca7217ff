#include "http/websocket_frame.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "http/websocket_fixture.h"

namespace footfall::http {
namespace {

using Found = WebSocketReader::Found;

constexpr std::size_t kMessageBytesMax = 4 * 1024;

/// What a reader finds, one thing a line: "text abc", "close 1000 bye", "failed 1002", …
std::string read_in_pieces(std::string_view stream, std::size_t step) {
    WebSocketReader reader(kMessageBytesMax);
    std::string out;
    for (std::size_t at = 0; at < stream.size(); at += step) {
        // A copy, so that a byte read beyond its end is found by the address sanitizer.
        const std::string piece(stream.substr(at, step));
        std::string_view in = piece;
        for (Found found = reader.next(in); found != Found::kNothing; found = reader.next(in)) {
            const std::string payload(reader.payload());
            const std::string code = std::to_string(reader.close_code());
            switch (found) {
                case Found::kText: out += "text " + payload; break;
                case Found::kPing: out += "ping " + payload; break;
                case Found::kPong: out += "pong " + payload; break;
                case Found::kClose: out += "close " + code + " " + payload; break;
                case Found::kFailed: out += "failed " + code; break;
                case Found::kNothing: break;
            }
            out += "\n";
        }
        EXPECT_TRUE(in.empty());
    }
    return out;
}

void expect_found(std::string_view stream, const std::string& expected) {
    for (const std::size_t step : {stream.size(), std::size_t{1}, std::size_t{2}, std::size_t{3}, std::size_t{7}})
        EXPECT_EQ(read_in_pieces(stream, step), expected) << "in pieces of " << step;
}

std::string text(std::string_view payload) { return client_frame(kFinal | kText, payload); }

TEST(WebSocketReaderTest, TakesMessagesOfEveryLengthApart) {
    std::string stream;
    std::string expected;
    for (const std::size_t size : {0, 1, 125, 126, 127, 4'095, 4'096}) {
        const std::string payload(size, 'a');
        stream += text(payload);
        expected += "text " + payload + "\n";
    }
    expect_found(stream, expected);
}

TEST(WebSocketReaderTest, JoinsFragmentsAroundControlFrames) {
    expect_found(client_frame(kText, "one ") + client_frame(kFinal | kPing, "p") + client_frame(kContinuation, "") +
                     client_frame(kFinal | kPong, "q") + client_frame(kFinal | kContinuation, "two") + text("next"),
                 "ping p\npong q\ntext one two\ntext next\n");
}

TEST(WebSocketReaderTest, CharactersMayStandAcrossFragments) {
    // U+20AC and U+1F600, cut after each of their bytes.
    for (const std::string_view character : {"\xe2\x82\xac", "\xf0\x9f\x98\x80"})
        for (std::size_t cut = 0; cut <= character.size(); ++cut)
            expect_found(client_frame(kText, character.substr(0, cut)) + client_frame(kFinal | kPing, "") +
                             client_frame(kFinal | kContinuation, character.substr(cut)),
                         "ping \ntext " + std::string(character) + "\n");
}

TEST(WebSocketReaderTest, BreachesFailWithTheirCode) {
    std::string unmasked = text("a");
    unmasked[1] = 1;
    const struct {
        const char* what;
        std::string stream;
        unsigned code;
    } cases[] = {
        {"no mask", unmasked, 1002},
        {"RSV1", client_frame(kFinal | 0x40 | kText, "a"), 1002},
        {"RSV2", client_frame(kFinal | 0x20 | kText, "a"), 1002},
        {"RSV3 of a control frame", client_frame(kFinal | 0x10 | kPing, "a"), 1002},
        {"opcode 3", client_frame(kFinal | 0x3, "a"), 1002},
        {"opcode 7", client_frame(kFinal | 0x7, "a"), 1002},
        {"opcode 11", client_frame(kFinal | 0xb, "a"), 1002},
        {"opcode 15", client_frame(kFinal | 0xf, "a"), 1002},
        {"binary", client_frame(kFinal | kBinary, "a"), 1003},
        {"first fragment of binary", client_frame(kBinary, "a"), 1003},
        {"fragmented ping", client_frame(kPing, "a"), 1002},
        {"fragmented close", client_frame(kClose, ""), 1002},
        {"ping of 126 bytes", client_frame(kFinal | kPing, std::string(126, 'a')), 1002},
        {"pong of 70000 bytes", client_header(kFinal | kPong, 70'000), 1002},
        {"nothing to continue", client_frame(kFinal | kContinuation, "a"), 1002},
        {"nothing to continue, more to come", client_frame(kContinuation, "a"), 1002},
        {"text in a message", client_frame(kText, "a") + text("b"), 1002},
        {"16-bit length for 125", client_frame(kFinal | kText, std::string(125, 'a'), 126), 1002},
        {"64-bit length for 65535", client_header(kFinal | kText, 65'535, 127), 1002},
        {"64-bit length with its highest bit", client_header(kFinal | kText, 1ull << 63, 127), 1002},
        {"a byte too much", client_header(kFinal | kText, 4'097), 1009},
        {"64 MiB, at its header", client_header(kFinal | kText, 64u << 20), 1009},
        {"the largest length", client_header(kFinal | kText, (1ull << 63) - 1), 1009},
        {"fragments that are too much together",
         client_frame(kText, std::string(4'000, 'a')) + client_header(kContinuation, 97), 1009},
        {"overlong", text("\xc0\xaf"), 1007},
        {"overlong, three bytes", text("\xe0\x80\xaf"), 1007},
        {"overlong, four bytes", text("\xf0\x80\x80\xaf"), 1007},
        {"surrogate", text("\xed\xa0\x80"), 1007},
        {"beyond U+10FFFF", text("\xf4\x90\x80\x80"), 1007},
        {"no such lead", text("\xf5"), 1007},
        {"a continuation byte alone", text("a\x80"), 1007},
        {"a character cut short", text("\xe2\x82"), 1007},
        {"a character cut short by another",
         text("\xe2\x82"
              "a"),
         1007},
        {"a character cut short, at the end of fragments",
         client_frame(kText, "\xe2") + client_frame(kFinal | kContinuation, "\x82"), 1007},
        {"a bad byte, before the end of its frame", client_header(kFinal | kText, 4'000) + std::string("\xed\x34"),
         1007},
        {"close of one byte", client_frame(kFinal | kClose, "a"), 1002},
        {"close with a bad reason", client_frame(kFinal | kClose, close_payload(1000, "\xff")), 1007},
        {"close with half a character", client_frame(kFinal | kClose, close_payload(1000, "\xe2\x82")), 1007},
    };
    for (const auto& [what, stream, code] : cases) {
        SCOPED_TRACE(what);
        // What stands before is found, and what follows is not.
        expect_found(text("before") + stream + text("behind"), "text before\nfailed " + std::to_string(code) + "\n");
    }
}

TEST(WebSocketReaderTest, CloseCodesAreJudged) {
    for (unsigned code = 0; code <= 0xffff; ++code) {
        const bool is_valid =
            (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
        const std::string frame = client_frame(kFinal | kClose, close_payload(code, "bye"));
        EXPECT_EQ(read_in_pieces(frame + text("dropped"), frame.size()),
                  is_valid ? "close " + std::to_string(code) + " bye\n" : "failed 1002\n");
    }
    expect_found(client_frame(kFinal | kClose, "") + text("dropped"), "close 1005 \n");
}

TEST(WebSocketFrameTest, HeadersAreAsShortAsTheyCanBe) {
    const struct {
        std::size_t size;
        std::string header;
    } cases[] = {
        {0, std::string("\x81\x00", 2)},
        {125, "\x81\x7d"},
        {126, std::string("\x81\x7e\x00\x7e", 4)},
        {65'535, "\x81\x7e\xff\xff"},
        {65'536, std::string("\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00", 10)},
    };
    for (const auto& [size, header] : cases) {
        std::string out;
        append_frame_header(out, Opcode::kText, size);
        EXPECT_EQ(out, header) << size;
    }
}

TEST(WebSocketFrameTest, ReasonsAreCutBeforeACharacter) {
    std::string out;
    append_close_frame(out, 1001, std::string(122, 'a') + "\xe2\x82\xac");
    EXPECT_EQ(out, "\x88\x7c\x03\xe9" + std::string(122, 'a'));
    out.clear();
    append_close_frame(out, 1001, std::string(120, 'a') + "\xe2\x82\xac");
    EXPECT_EQ(out.size(), 2u + 125);
    out.clear();
    append_close_frame(out, close_code::kNone, "unsaid");
    EXPECT_EQ(out, std::string("\x88\x00", 2));
}

}  // namespace
}  // namespace footfall::http
