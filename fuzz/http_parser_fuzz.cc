#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

#include "http/parser.h"

// A connection's bytes, requests one behind the other. The first byte of the input says in which pieces they come;
// however they come, the same is read from them, and what is read keeps the promises of the parser's header.

namespace {

using footfall::http::ChunkDecoder;
using footfall::http::Framing;
using footfall::http::HeadParser;
using footfall::http::ParseFailure;
using footfall::http::ParseState;
using footfall::http::Request;

constexpr std::size_t kHeadBytesMax = 2 * 1024;
constexpr std::size_t kBodyBytesMax = 4 * 1024;

void require(bool promise) {
    if (!promise) std::abort();
}

bool is_text(std::string_view text) {
    return std::all_of(text.begin(), text.end(),
                       [](char c) { return static_cast<unsigned char>(c) >= 0x20 || c == '\t'; });
}

/// Reads requests as a connection does, and writes down what it read.
class Reader {
public:
    /// False when the connection would be closed.
    bool feed(std::string_view piece) {
        buffer_.append(piece);
        while (is_open_ && step()) {}
        return is_open_;
    }
    const std::string& transcript() const { return transcript_; }

private:
    bool step() {
        if (!in_body_) {
            // A copy, so that a view into bytes of an earlier call is a view into freed memory.
            const std::string held(buffer_);
            switch (head_.parse(held, request_, framing_)) {
                case ParseState::kIncomplete: require(held.size() <= kHeadBytesMax); return false;
                case ParseState::kFailed: return fail(head_.failure());
                case ParseState::kDone: break;
            }
            check_head(held);
            in_body_ = true;
            chunks_.emplace(kBodyBytesMax);
            body_.clear();
            buffer_.erase(0, head_.head_bytes());
            if (framing_.content_length > kBodyBytesMax) return fail({413, "large"});
        }
        if (framing_.chunked) {
            std::string_view rest = buffer_;
            const ParseState state = chunks_->feed(rest, body_);
            require(body_.size() <= kBodyBytesMax);
            if (state == ParseState::kFailed) return fail(chunks_->failure());
            require(state == ParseState::kDone || rest.empty());
            buffer_.erase(0, buffer_.size() - rest.size());
            if (state == ParseState::kIncomplete) return false;
        } else {
            if (buffer_.size() < framing_.content_length) return false;
            body_ = buffer_.substr(0, framing_.content_length);
            buffer_.erase(0, framing_.content_length);
        }
        transcript_ += "body " + body_ + "\n";
        in_body_ = false;
        head_.reset();
        is_open_ = framing_.keep_alive;
        return is_open_;
    }

    void check_head(const std::string& held) {
        require(head_.head_bytes() <= std::min(held.size(), kHeadBytesMax));
        require(!request_.method_name.empty() && !request_.path.empty());
        require(is_text(request_.target) && request_.target.find(' ') == std::string_view::npos);
        require(!(framing_.chunked && framing_.content_length > 0));
        std::size_t hosts = 0;
        std::size_t lengths = 0;
        transcript_.append("head ")
            .append(request_.method_name)
            .append(" ")
            .append(request_.path)
            .append(" ")
            .append(request_.query);
        for (const auto& [name, value] : request_.headers) {
            require(!name.empty() && is_text(name) && is_text(value));
            hosts += footfall::http::equal_ignoring_case(name, "host");
            lengths += footfall::http::equal_ignoring_case(name, "content-length");
            transcript_.append("\n").append(name).append(": ").append(value);
        }
        require(hosts == 1 || (hosts == 0 && framing_.is_http_1_0));
        require(!framing_.chunked || (lengths == 0 && !framing_.is_http_1_0));
        transcript_ += framing_.keep_alive ? "\nkept\n" : "\nclosed\n";
    }

    bool fail(const ParseFailure& failure) {
        require(failure.status >= 400 && failure.status < 600 && !failure.message.empty());
        transcript_.append("refused ").append(std::to_string(failure.status)).append(failure.message);
        is_open_ = false;
        return false;
    }

    HeadParser head_{kHeadBytesMax};
    std::optional<ChunkDecoder> chunks_;
    Request request_;
    Framing framing_;
    std::string buffer_;
    std::string body_;
    std::string transcript_;
    bool in_body_ = false;
    bool is_open_ = true;
};

std::string read_in_pieces(std::string_view stream, std::size_t step) {
    Reader reader;
    for (std::size_t at = 0; at < stream.size() && reader.feed(stream.substr(at, step)); at += step) {}
    return reader.transcript();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0 || size > 16 * 1024) return 0;
    const std::string_view stream(reinterpret_cast<const char*>(data) + 1, size - 1);
    const std::string whole = read_in_pieces(stream, std::max<std::size_t>(stream.size(), 1));
    require(read_in_pieces(stream, 1 + data[0]) == whole);
    if (stream.size() <= 1024) require(read_in_pieces(stream, 1) == whole);
    return 0;
}
