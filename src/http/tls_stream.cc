#include "http/tls_stream.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "base/result.h"

namespace footfall::http {
namespace {

constexpr std::size_t kRecordBytesMax = SSL3_RT_MAX_PLAIN_LENGTH;
// What may wait for a client that does not read: a handshake with a long chain, or a record. Who makes the server
// answer more than that (by updates of the key, say) and takes nothing is cut.
constexpr std::size_t kUnsentBytesMax = 256 * 1024;
// What is kept allocated of that when everything is out.
constexpr std::size_t kIdleUnsentMax = 1024;

}  // namespace

bio_method_st* TlsStream::bio_method() {
    static BIO_METHOD* const method = [] {
        BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "footfall");
        FOOTFALL_CHECK(made != nullptr);
        BIO_meth_set_read(made, bio_read);
        BIO_meth_set_write(made, bio_write);
        BIO_meth_set_ctrl(made, bio_control);
        return made;
    }();
    return method;
}

TlsStream::TlsStream(ssl_st* ssl, int fd, Side side) : ssl_(ssl), fd_(fd) {
    BIO* bio = BIO_new(bio_method());
    FOOTFALL_CHECK(bio != nullptr);
    BIO_set_data(bio, this);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl_, bio, bio);
    if (side == Side::kServer) SSL_set_accept_state(ssl_);
    else SSL_set_connect_state(ssl_);
}

TlsStream::~TlsStream() { SSL_free(ssl_); }

int TlsStream::bio_read(BIO* bio, char* to, int size) {
    auto& self = *static_cast<TlsStream*>(BIO_get_data(bio));
    BIO_clear_retry_flags(bio);
    ssize_t n = 0;
    do {
        n = ::recv(self.fd_, to, static_cast<std::size_t>(size), 0);
    } while (n < 0 && errno == EINTR);
    self.socket_is_drained_ = n < size;
    if (n > 0) return static_cast<int>(n);
    if (n < 0 && errno == EAGAIN) BIO_set_retry_read(bio);
    else self.socket_has_ended_ = true;
    return n == 0 ? 0 : -1;
}

int TlsStream::bio_write(BIO* bio, const char* from, int size) {
    auto& self = *static_cast<TlsStream*>(BIO_get_data(bio));
    BIO_clear_retry_flags(bio);
    const auto bytes = static_cast<std::size_t>(size);
    if (self.unsent_.size() + bytes > kUnsentBytesMax) return -1;
    self.unsent_.append(from, bytes);
    return size;
}

long TlsStream::bio_control(BIO* bio, int command, long, void*) {
    if (command == BIO_CTRL_FLUSH) return 1;
    if (command == BIO_CTRL_EOF) return static_cast<TlsStream*>(BIO_get_data(bio))->socket_has_ended_ ? 1 : 0;
    return 0;
}

bool TlsStream::push() {
    while (has_unsent()) {
        const ssize_t n = ::send(fd_, unsent_.data() + unsent_at_, unsent_.size() - unsent_at_, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return false;
        unsent_at_ += static_cast<std::size_t>(n);
    }
    unsent_.clear();
    unsent_at_ = 0;
    return true;
}

int TlsStream::error_of(int result) {
    const int kind = SSL_get_error(ssl_, result);
    if (kind == SSL_ERROR_WANT_READ) return EAGAIN;
    has_failed_ = has_failed_ || kind == SSL_ERROR_SSL || kind == SSL_ERROR_SYSCALL;
    return kind == SSL_ERROR_ZERO_RETURN || socket_has_ended_ ? 0 : EPROTO;
}

TlsStream::Handshake TlsStream::handshake() {
    if (!push()) return errno == EAGAIN ? Handshake::kWaiting : Handshake::kFailed;
    ERR_clear_error();
    const int result = SSL_do_handshake(ssl_);
    if (result == 1) {
        is_established_ = true;
        push();  // what stays goes before the first answer
        return Handshake::kDone;
    }
    const int error = error_of(result);
    const bool is_plain = ERR_GET_REASON(ERR_peek_error()) == SSL_R_HTTP_REQUEST;
    ERR_clear_error();
    if (is_plain) return Handshake::kPlainHttp;
    const bool is_out = push();
    if (error != EAGAIN || (!is_out && errno != EAGAIN)) return Handshake::kFailed;
    return Handshake::kWaiting;
}

std::string TlsStream::distrust() const {
    const long verified = SSL_get_verify_result(ssl_);
    return verified == X509_V_OK ? "" : X509_verify_cert_error_string(verified);
}

ssize_t TlsStream::read(char* to, std::size_t size) {
    ERR_clear_error();
    const int result = SSL_read(ssl_, to, static_cast<int>(std::min<std::size_t>(size, INT32_MAX)));
    const int error = result > 0 ? 0 : error_of(result);
    ERR_clear_error();
    // An alert, or the answer to an update of the key. Where there is no room it goes with what is sent next.
    push();
    if (result > 0) return result;
    errno = error;
    return error == 0 ? 0 : -1;
}

bool TlsStream::is_drained() const { return socket_is_drained_ && SSL_has_pending(ssl_) == 0; }

ssize_t TlsStream::send(std::span<const iovec> parts) {
    if (!push()) return -1;
    // One record, gathered: a head and its body need not be two.
    std::array<char, kRecordBytesMax> record;
    std::size_t size = 0;
    for (const iovec& part : parts) {
        const std::size_t n = std::min(part.iov_len, record.size() - size);
        if (n > 0) std::memcpy(record.data() + size, part.iov_base, n);
        size += n;
    }
    if (size > 0) {
        ERR_clear_error();
        const int result = SSL_write(ssl_, record.data(), static_cast<int>(size));
        if (result <= 0) {
            has_failed_ = true;
            ERR_clear_error();
            errno = EPROTO;
            return -1;
        }
    }
    if (!push() && errno != EAGAIN) return -1;
    if (!has_unsent() && unsent_.capacity() > kIdleUnsentMax && size < record.size()) std::string().swap(unsent_);
    return static_cast<ssize_t>(size);
}

void TlsStream::end() {
    if (!is_established_ || has_failed_) return;
    ERR_clear_error();
    SSL_shutdown(ssl_);
    ERR_clear_error();
    push();
}

}  // namespace footfall::http
