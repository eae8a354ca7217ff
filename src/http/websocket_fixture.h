#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "http/server_fixture.h"

namespace footfall::http {

constexpr unsigned char kFinal = 0x80;
constexpr unsigned char kContinuation = 0x0;
constexpr unsigned char kText = 0x1;
constexpr unsigned char kBinary = 0x2;
constexpr unsigned char kClose = 0x8;
constexpr unsigned char kPing = 0x9;
constexpr unsigned char kPong = 0xa;

/// The header of a masked frame that announces `size` bytes, in as few bytes as that takes, or in those of
/// `length_code`.
inline std::string client_header(unsigned char first, std::uint64_t size, int length_code = 0) {
    if (length_code == 0) length_code = size < 126 ? static_cast<int>(size) : size <= 0xffff ? 126 : 127;
    std::string out{static_cast<char>(first), static_cast<char>(0x80 | length_code)};
    const int bytes = length_code < 126 ? 0 : length_code == 126 ? 2 : 8;
    for (int i = bytes - 1; i >= 0; --i) out += static_cast<char>(size >> (8 * i) & 0xff);
    return out + "\x12\x34\x56\x78";
}

/// A whole frame of a client.
inline std::string client_frame(unsigned char first, std::string_view payload, int length_code = 0) {
    std::string out = client_header(first, payload.size(), length_code);
    const std::string mask = out.substr(out.size() - 4);
    for (std::size_t i = 0; i < payload.size(); ++i) out += static_cast<char>(payload[i] ^ mask[i % 4]);
    return out;
}

inline std::string close_payload(unsigned code, std::string_view reason = {}) {
    return std::string{static_cast<char>(code >> 8), static_cast<char>(code & 0xff)}.append(reason);
}

/// A frame as it came from the server; opcode 0xff where none came.
struct ServerFrame {
    unsigned char opcode = 0xff;
    std::string payload;

    /// Of a close frame; 1005 where it has none.
    unsigned close_code() const {
        if (payload.size() < 2) return 1005;
        return static_cast<unsigned>(static_cast<unsigned char>(payload[0]) << 8 |
                                     static_cast<unsigned char>(payload[1]));
    }
};

/// A client that says what a test wants.
class WebSocketClient : public Raw {
public:
    /// Sends the handshake, with `behind` in the same piece, and reads the answer.
    explicit WebSocketClient(std::uint16_t port, std::string_view behind = {}) : Raw(port) { greet(behind); }
    explicit WebSocketClient(const std::string& address) : Raw(address) { greet({}); }
    const std::string& answer() const { return answer_; }
    void send_text(std::string_view text) { send(client_frame(kFinal | kText, text)); }

    ServerFrame read_frame() {
        const std::string head = read_exactly(2);
        if (head.size() < 2) return {};
        ServerFrame frame{static_cast<unsigned char>(head[0] & 0x0f), {}};
        // Whole, without extensions, and no mask.
        EXPECT_EQ(head[0] & 0xf0, kFinal);
        EXPECT_EQ(head[1] & 0x80, 0);
        std::uint64_t size = static_cast<unsigned char>(head[1]);
        if (size >= 126) {
            std::uint64_t longer = 0;
            for (const char c : read_exactly(size == 126 ? 2 : 8)) longer = longer << 8 | static_cast<unsigned char>(c);
            EXPECT_GT(longer, size == 126 ? 125u : 0xffffu);
            size = longer;
        }
        frame.payload = read_exactly(size);
        EXPECT_EQ(frame.payload.size(), size);
        return frame;
    }
    std::string read_text() {
        ServerFrame frame = read_frame();
        EXPECT_EQ(frame.opcode, kText);
        return std::move(frame.payload);
    }
    /// The code of the close frame that comes next.
    unsigned read_close() {
        const ServerFrame frame = read_frame();
        EXPECT_EQ(frame.opcode, kClose) << frame.payload;
        return frame.close_code();
    }

private:
    void greet(std::string_view behind) {
        // Key and answer are the example of RFC 6455 section 1.3.
        send(std::string("GET /live HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n")
                 .append(behind));
        answer_ = read_until("\r\n\r\n");
    }
    std::string read_exactly(std::uint64_t size) {
        std::string out(size, '\0');
        std::size_t held = 0;
        while (held < size) {
            const ssize_t n = ::recv(fd(), out.data() + held, size - held, 0);
            if (n <= 0) break;
            held += static_cast<std::size_t>(n);
        }
        out.resize(held);
        return out;
    }

    std::string answer_;
};

}  // namespace footfall::http
