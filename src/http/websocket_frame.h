#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace footfall::http {

/// Codes of RFC 6455 section 7.4 that this server sends or reads itself.
namespace close_code {
inline constexpr std::uint16_t kGoingAway = 1001;
inline constexpr std::uint16_t kProtocolError = 1002;
inline constexpr std::uint16_t kUnsupportedData = 1003;
inline constexpr std::uint16_t kNone = 1005;  ///< never sent: a close frame without a code
inline constexpr std::uint16_t kInvalidText = 1007;
inline constexpr std::uint16_t kTooLarge = 1009;
}  // namespace close_code

/// Whether a close frame may carry the code.
bool is_close_code(std::uint16_t code);

enum class Opcode : std::uint8_t {
    kContinuation = 0x0,
    kText = 0x1,
    kBinary = 0x2,
    kClose = 0x8,
    kPing = 0x9,
    kPong = 0xa,
};

/// Judges UTF-8 as it comes: no overlong forms, no surrogates, nothing beyond U+10FFFF.
class Utf8Checker {
public:
    /// False at the first byte that cannot stand where it does.
    bool feed(std::string_view text);
    /// Whether the text could end here.
    bool is_whole() const { return left_ == 0; }

private:
    int left_ = 0;  ///< bytes that the character still needs
    unsigned char least_ = 0x80;
    unsigned char most_ = 0xbf;  ///< bounds of the next of them
};

/// Takes the frames of a client apart and joins fragments to messages, strictly: what breaks a rule of RFC 6455, or is
/// no text, ends it. What is found, and where it fails, does not depend on the pieces in which the bytes came. Holds at
/// most `message_bytes_max` bytes of a message and 125 of a control frame; a frame that would be too long is refused
/// at its header.
class WebSocketReader {
public:
    enum class Found : std::uint8_t {
        kNothing,  ///< all of `in` was taken
        kText,     ///< payload() is the message
        kPing,     ///< payload() is what a pong has to repeat
        kPong,
        kClose,   ///< close_code(), kNone where it has none, and payload(), the reason; what follows is dropped
        kFailed,  ///< close_code() and payload(): what to close with, and why; what follows is dropped
    };

    explicit WebSocketReader(std::size_t message_bytes_max) : message_bytes_max_(message_bytes_max) {}

    /// Takes bytes from the front of `in` up to the next thing found; call again until it is kNothing.
    Found next(std::string_view& in);
    /// Valid until the next call.
    std::string_view payload() const { return payload_; }
    std::uint16_t close_code() const { return close_code_; }

private:
    struct Header {
        std::array<unsigned char, 14> bytes{};
        std::size_t size = 0;
        std::size_t whole = 2;  ///< how long it is as far as it is known
    };

    Found fail(std::uint16_t code, std::string_view reason);
    /// kNothing where the header is whole and in order, or `in` is empty.
    Found take_header(std::string_view& in);
    Found on_first_bytes();
    Found on_length();
    Found take_payload(std::string_view& in);
    Found on_frame();
    Found on_close();
    bool is_control() const { return (header_.bytes[0] & 0x08) != 0; }
    bool is_final() const { return (header_.bytes[0] & 0x80) != 0; }
    Opcode opcode() const { return static_cast<Opcode>(header_.bytes[0] & 0x0f); }

    const std::size_t message_bytes_max_;
    Header header_;
    std::uint64_t left_ = 0;   ///< of the frame's payload
    std::size_t mask_at_ = 0;  ///< of the four bytes of the mask, which is next
    std::string message_;      ///< the fragments so far
    bool in_message_ = false;  ///< between the first and the last fragment
    std::string control_;
    Utf8Checker text_;
    bool is_over_ = false;
    std::string_view payload_;
    std::uint16_t close_code_ = close_code::kNone;
};

/// Appends the header of a frame as a server sends it: whole and without a mask.
void append_frame_header(std::string& out, Opcode opcode, std::size_t payload_bytes);
/// Appends a whole close frame, an empty one for kNone. Of the reason, what a control frame has room for.
void append_close_frame(std::string& out, std::uint16_t code, std::string_view reason);

}  // namespace footfall::http
