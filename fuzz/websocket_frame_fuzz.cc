#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "http/websocket_frame.h"

// What a WebSocket's client sends, frames one behind the other. The first byte of the input says in which pieces they
// come; however they come, the same is found in them, and what is found keeps the promises of the reader's header.

namespace {

using footfall::http::WebSocketReader;
using Found = WebSocketReader::Found;

constexpr std::size_t kMessageBytesMax = 300;

void require(bool promise) {
    if (!promise) std::abort();
}

/// UTF-8 as its definition has it: decode, then look whether that is how the character is written.
bool is_utf8(std::string_view text) {
    while (!text.empty()) {
        const auto lead = static_cast<unsigned char>(text.front());
        const std::size_t size = lead < 0x80         ? 1
                                 : lead >> 5 == 0x6  ? 2
                                 : lead >> 4 == 0xe  ? 3
                                 : lead >> 3 == 0x1e ? 4
                                                     : 0;
        if (size == 0 || text.size() < size) return false;
        std::uint32_t point = size == 1 ? lead : lead & (0x7fu >> size);
        for (std::size_t i = 1; i < size; ++i) {
            const auto byte = static_cast<unsigned char>(text[i]);
            if (byte >> 6 != 0x2) return false;
            point = point << 6 | (byte & 0x3f);
        }
        constexpr std::uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
        if (point < kLeast[size] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) return false;
        text.remove_prefix(size);
    }
    return true;
}

std::string read_in_pieces(std::string_view stream, std::size_t step) {
    WebSocketReader reader(kMessageBytesMax);
    std::string transcript;
    bool is_over = false;
    for (std::size_t at = 0; at < stream.size(); at += step) {
        // A copy, so that a view into bytes of an earlier piece is a view into freed memory.
        const std::string piece(stream.substr(at, step));
        std::string_view in = piece;
        for (;;) {
            const std::size_t before = in.size();
            const Found found = reader.next(in);
            if (found == Found::kNothing) break;
            require(!is_over && in.size() < before);
            const std::string_view payload = reader.payload();
            require(payload.size() <= (found == Found::kText ? kMessageBytesMax : 125));
            if (found == Found::kText || found == Found::kClose) require(is_utf8(payload));
            is_over = found == Found::kClose || found == Found::kFailed;
            if (found == Found::kFailed)
                require(footfall::http::is_close_code(reader.close_code()) && !payload.empty());
            if (found == Found::kClose)
                require(footfall::http::is_close_code(reader.close_code()) ||
                        (reader.close_code() == footfall::http::close_code::kNone && payload.empty()));
            transcript += std::to_string(static_cast<int>(found)) + " ";
            if (is_over) transcript += std::to_string(reader.close_code()) + " ";
            transcript.append(payload).append("\n");
        }
        require(in.empty());
    }
    return transcript;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0 || size > 4 * 1024) return 0;
    const std::string_view stream(reinterpret_cast<const char*>(data) + 1, size - 1);
    const std::string whole = read_in_pieces(stream, std::max<std::size_t>(stream.size(), 1));
    require(read_in_pieces(stream, 1 + data[0]) == whole);
    require(read_in_pieces(stream, 1) == whole);
    return 0;
}
