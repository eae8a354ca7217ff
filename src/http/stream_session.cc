#include "http/stream_session.h"

#include <sys/socket.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <utility>

#include "base/clock.h"
#include "http/answer_head.h"
#include "http/event_loop.h"

namespace footfall::http {
namespace {

// Chunks of one stream in one turn of the loop: a client that reads as fast as it is written for must not have the loop
// for itself.
constexpr int kChunksPerTurn = 4;

constexpr std::string_view kLastChunk = "0\r\n\r\n";

void append_chunk_head(std::string& out, std::size_t bytes) {
    char digits[16];
    const auto end = std::to_chars(digits, digits + sizeof digits, bytes, 16);
    out.append(digits, end.ptr);
    out += "\r\n";
}

Error lost() {
    return Error(Code::kUnavailable,
                 "nobody takes the rest of the answer: the client has gone or is too slow, or the server stops");
}

}  // namespace

StreamSession::StreamSession(Connection& connection, EventLoop& loop, Response head)
    : connection_(connection), loop_(loop), head_(std::move(head)) {}

Status StreamSession::write(std::string_view bytes, int timeout_ms) {
    const std::int64_t deadline_ns = system_clock().steady_ns() + timeout_ms * std::int64_t{1'000'000};
    std::unique_lock lock(mutex_);
    for (;;) {
        if (!open_) return lost();
        FOOTFALL_CHECK(fate_ == Fate::kGoesOn);
        const std::string_view part = bytes.substr(0, kWaitingBytesMax - std::min(kWaitingBytesMax, waiting_.size()));
        if (!part.empty()) {
            waiting_ += part;
            bytes.remove_prefix(part.size());
            post_locked();
        }
        if (bytes.empty()) return {};
        const auto has_changed = [this] { return !open_ || waiting_.size() < kWaitingBytesMax; };
        const std::chrono::nanoseconds left(deadline_ns - system_clock().steady_ns());
        if (!room_.wait_for(lock, left, has_changed))
            return Error(Code::kTimeout, "the client does not take the answer in time");
    }
}

bool StreamSession::offer(std::string_view bytes) {
    const std::lock_guard lock(mutex_);
    if (!open_ || fate_ != Fate::kGoesOn || waiting_.size() + bytes.size() > kWaitingBytesMax) return false;
    waiting_ += bytes;
    post_locked();
    return true;
}

void StreamSession::end(std::string last) {
    const std::lock_guard lock(mutex_);
    if (!open_) return;
    FOOTFALL_CHECK(fate_ == Fate::kGoesOn);
    fate_ = Fate::kEnded;
    if (waiting_.empty()) waiting_ = std::move(last);
    else waiting_ += last;
    post_locked();
}

void StreamSession::abort() {
    const std::lock_guard lock(mutex_);
    if (!open_) return;
    FOOTFALL_CHECK(fate_ == Fate::kGoesOn);
    fate_ = Fate::kAborted;
    waiting_.clear();
    post_locked();
}

void StreamSession::post() {
    const std::lock_guard lock(mutex_);
    post_locked();
}

// With the lock held: ended() needs it too, so the loop is there until this has returned.
void StreamSession::post_locked() {
    if (is_posted_) return;
    is_posted_ = true;
    if (loop_.post(shared_from_this())) return;
    open_ = false;
    room_.notify_all();
}

void StreamSession::take_posted() {
    {
        const std::lock_guard lock(mutex_);
        is_posted_ = false;
    }
    if (has_ended_) return;
    if (!has_begun_) begin();
    else write_some();
}

void StreamSession::begin() {
    has_begun_ = true;
    has_body_ = may_have_body(head_.status) && connection_.request_.method != Method::kHead;
    is_chunked_ = !connection_.framing_.is_http_1_0;
    if (!connection_.begin_stream(shared_from_this(), head_)) return ended();
    head_ = {};
    write_some();
}

bool StreamSession::stage() {
    Connection& c = connection_;
    c.out_.clear();
    c.out_sent_ = 0;
    sending_.clear();
    // A last chunk of any size is not kept for what follows.
    if (sending_.capacity() > 2 * kWaitingBytesMax) std::string().swap(sending_);
    if (is_complete_) return false;
    {
        const std::lock_guard lock(mutex_);
        sending_.swap(waiting_);
        is_complete_ = fate_ == Fate::kEnded;
    }
    room_.notify_all();
    if (!has_body_) sending_.clear();
    if (!sending_.empty() && is_chunked_) {
        append_chunk_head(c.out_, sending_.size());
        sending_ += "\r\n";
    }
    if (is_complete_ && has_body_ && is_chunked_) sending_ += kLastChunk;
    c.body_left_ = sending_;
    return !sending_.empty();
}

bool StreamSession::is_aborted() {
    const std::lock_guard lock(mutex_);
    return fate_ == Fate::kAborted;
}

void StreamSession::write_some() {
    // finish() lets the connection forget it.
    const auto self = shared_from_this();
    if (is_aborted()) return cut();
    Connection& c = connection_;
    for (int chunks = 0; c.flush(); ++chunks) {
        if (chunks == kChunksPerTurn) return post();
        if (stage()) continue;
        if (is_complete_) return finish();
        if (c.waiting_ == Wait::kWrite) c.wait_for(Wait::kNone);
        return;
    }
}

void StreamSession::finish() {
    Connection& c = connection_;
    ended();
    c.client_gone_ = nullptr;
    if (loop_.shared_.stopping) c.closing_ = true;
    c.stream_.reset();
    c.finish_answer();
    c.run();
}

void StreamSession::cut() {
    Connection& c = connection_;
    if (!is_chunked_) {
        // The end of the connection would be the end of the body; a reset is none.
        const linger at_once{1, 0};
        ::setsockopt(c.fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        c.tls_.reset();
    }
    c.close();
}

void StreamSession::ended() {
    if (std::exchange(has_ended_, true)) return;
    connection_.body_left_ = {};
    {
        const std::lock_guard lock(mutex_);
        open_ = false;
        std::string().swap(waiting_);
    }
    room_.notify_all();
}

}  // namespace footfall::http
