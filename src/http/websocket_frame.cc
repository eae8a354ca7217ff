#include "http/websocket_frame.h"

#include <algorithm>

namespace footfall::http {
namespace {

constexpr std::size_t kControlBytesMax = 125;
constexpr unsigned char kMasked = 0x80;
constexpr unsigned char kLength16 = 126;
constexpr unsigned char kLength64 = 127;
constexpr std::size_t kMaskBytes = 4;

bool is_known(Opcode opcode) {
    switch (opcode) {
        case Opcode::kContinuation:
        case Opcode::kText:
        case Opcode::kBinary:
        case Opcode::kClose:
        case Opcode::kPing:
        case Opcode::kPong: return true;
    }
    return false;
}

void append_big_endian(std::string& out, std::uint64_t value, int bytes) {
    for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) out += static_cast<char>(value >> shift & 0xff);
}

}  // namespace

bool is_close_code(std::uint16_t code) {
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}

// The table of well-formed byte sequences, Unicode 15 table 3-7.
bool Utf8Checker::feed(std::string_view text) {
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (left_ > 0) {
            if (byte < least_ || byte > most_) return false;
            least_ = 0x80;
            most_ = 0xbf;
            --left_;
        } else if (byte >= 0x80) {
            if (byte < 0xc2 || byte > 0xf4) return false;
            left_ = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
            if (byte == 0xe0) least_ = 0xa0;
            if (byte == 0xed) most_ = 0x9f;
            if (byte == 0xf0) least_ = 0x90;
            if (byte == 0xf4) most_ = 0x8f;
        }
    }
    return true;
}

WebSocketReader::Found WebSocketReader::fail(std::uint16_t code, std::string_view reason) {
    is_over_ = true;
    close_code_ = code;
    payload_ = reason;
    return Found::kFailed;
}

WebSocketReader::Found WebSocketReader::next(std::string_view& in) {
    while (!is_over_ && !in.empty()) {
        if (header_.size < header_.whole) {
            if (const Found found = take_header(in); found != Found::kNothing) return found;
            if (header_.size < header_.whole) return Found::kNothing;
        }
        if (const Found found = take_payload(in); found != Found::kNothing) return found;
        if (left_ > 0) return Found::kNothing;
        const Found found = on_frame();
        header_ = {};
        mask_at_ = 0;
        if (found != Found::kNothing) return found;
    }
    in = {};
    return Found::kNothing;
}

WebSocketReader::Found WebSocketReader::take_header(std::string_view& in) {
    while (header_.size < header_.whole && !in.empty()) {
        header_.bytes[header_.size++] = static_cast<unsigned char>(in.front());
        in.remove_prefix(1);
        Found found = Found::kNothing;
        if (header_.size == 2) found = on_first_bytes();
        else if (header_.size + kMaskBytes == header_.whole) found = on_length();
        if (found != Found::kNothing) return found;
    }
    return Found::kNothing;
}

WebSocketReader::Found WebSocketReader::on_first_bytes() {
    const unsigned char length = header_.bytes[1] & 0x7f;
    if ((header_.bytes[0] & 0x70) != 0) return fail(close_code::kProtocolError, "no extension was agreed on");
    if (!is_known(opcode())) return fail(close_code::kProtocolError, "there is no such opcode");
    if ((header_.bytes[1] & kMasked) == 0) return fail(close_code::kProtocolError, "a client must mask its frames");
    if (is_control()) {
        if (!is_final()) return fail(close_code::kProtocolError, "a control frame must not be fragmented");
        if (length > kControlBytesMax) return fail(close_code::kProtocolError, "a control frame is too long");
    } else if (opcode() == Opcode::kBinary) {
        return fail(close_code::kUnsupportedData, "only text is understood here");
    } else if (in_message_ != (opcode() == Opcode::kContinuation)) {
        return fail(close_code::kProtocolError,
                    in_message_ ? "a message begins within another" : "there is no message to continue");
    }
    // What was given out of the frame, or the message, before is not needed any more.
    if (is_control()) control_.clear();
    else if (!in_message_) message_.clear();
    header_.whole = 2 + kMaskBytes + (length == kLength16 ? 2 : length == kLength64 ? 8 : 0);
    return header_.whole == 2 + kMaskBytes ? on_length() : Found::kNothing;
}

WebSocketReader::Found WebSocketReader::on_length() {
    const unsigned char code = header_.bytes[1] & 0x7f;
    left_ = code;
    if (code >= kLength16) {
        left_ = 0;
        for (std::size_t i = 2; i < header_.size; ++i) left_ = left_ << 8 | header_.bytes[i];
        const bool is_shortest = code == kLength16 ? left_ >= kLength16 : left_ > 0xffff;
        if (!is_shortest || left_ >> 63 != 0) return fail(close_code::kProtocolError, "a length is not well encoded");
    }
    if (!is_control() && left_ > message_bytes_max_ - message_.size())
        return fail(close_code::kTooLarge, "the message is too large");
    return Found::kNothing;
}

WebSocketReader::Found WebSocketReader::take_payload(std::string_view& in) {
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(left_, in.size()));
    std::string& to = is_control() ? control_ : message_;
    const std::size_t held = to.size();
    to.append(in.substr(0, size));
    in.remove_prefix(size);
    left_ -= size;
    const unsigned char* const mask = header_.bytes.data() + header_.whole - kMaskBytes;
    for (std::size_t i = held; i < to.size(); ++i)
        to[i] = static_cast<char>(static_cast<unsigned char>(to[i]) ^ mask[mask_at_++ % kMaskBytes]);
    if (!is_control() && !text_.feed(std::string_view(to).substr(held)))
        return fail(close_code::kInvalidText, "a text is not valid UTF-8");
    return Found::kNothing;
}

WebSocketReader::Found WebSocketReader::on_frame() {
    payload_ = is_control() ? control_ : message_;
    switch (opcode()) {
        case Opcode::kPing: return Found::kPing;
        case Opcode::kPong: return Found::kPong;
        case Opcode::kClose: return on_close();
        case Opcode::kText:
        case Opcode::kContinuation:
        case Opcode::kBinary: break;
    }
    in_message_ = !is_final();
    if (in_message_) return Found::kNothing;
    if (!text_.is_whole()) return fail(close_code::kInvalidText, "a text ends within a character");
    return Found::kText;
}

WebSocketReader::Found WebSocketReader::on_close() {
    if (payload_.size() == 1) return fail(close_code::kProtocolError, "a close code has two bytes");
    close_code_ = close_code::kNone;
    if (!payload_.empty()) {
        close_code_ = static_cast<std::uint16_t>(static_cast<unsigned char>(payload_[0]) << 8 |
                                                 static_cast<unsigned char>(payload_[1]));
        if (!is_close_code(close_code_)) return fail(close_code::kProtocolError, "there is no such close code");
        payload_.remove_prefix(2);
        Utf8Checker reason;
        if (!reason.feed(payload_) || !reason.is_whole())
            return fail(close_code::kInvalidText, "the reason of a close is not valid UTF-8");
    }
    is_over_ = true;
    return Found::kClose;
}

void append_frame_header(std::string& out, Opcode opcode, std::size_t payload_bytes) {
    out += static_cast<char>(0x80 | static_cast<unsigned char>(opcode));
    if (payload_bytes < kLength16) {
        out += static_cast<char>(payload_bytes);
    } else if (payload_bytes <= 0xffff) {
        out += static_cast<char>(kLength16);
        append_big_endian(out, payload_bytes, 2);
    } else {
        out += static_cast<char>(kLength64);
        append_big_endian(out, payload_bytes, 8);
    }
}

void append_close_frame(std::string& out, std::uint16_t code, std::string_view reason) {
    if (code == close_code::kNone) return append_frame_header(out, Opcode::kClose, 0);
    std::size_t size = std::min(reason.size(), kControlBytesMax - 2);
    // Cut in front of a character, not within it.
    if (size < reason.size())
        while (size > 0 && (static_cast<unsigned char>(reason[size]) & 0xc0) == 0x80) --size;
    append_frame_header(out, Opcode::kClose, 2 + size);
    append_big_endian(out, code, 2);
    out += reason.substr(0, size);
}

}  // namespace footfall::http
