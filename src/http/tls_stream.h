#pragma once

#include <sys/types.h>
#include <sys/uio.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>

// As OpenSSL declares them; its headers stay in .cc files.
struct ssl_st;
struct bio_st;
struct bio_method_st;

namespace footfall::http {

/// One side of TLS on a non-blocking socket, with the manners of recv(2) and sendmsg(2), so that a connection
/// treats both alike. What OpenSSL wants to send is collected here and sent from here: a write can be cut anywhere, and
/// what a caller has handed over it need not keep. On one thread.
class TlsStream {
public:
    enum class Side : std::uint8_t { kServer, kClient };
    /// Takes the reference to `ssl`.
    TlsStream(ssl_st* ssl, int fd, Side side = Side::kServer);
    ~TlsStream();
    TlsStream(const TlsStream&) = delete;
    TlsStream& operator=(const TlsStream&) = delete;

    enum class Handshake : std::uint8_t {
        kDone,
        kWaiting,    ///< for the client's bytes, or for room (has_unsent())
        kPlainHttp,  ///< the client speaks HTTP without TLS
        kFailed,     ///< or the client has gone. The alert, where there is one, has been sent as far as it went
    };
    Handshake handshake();
    /// After kFailed, on the client's side: why the server's certificate is not believed; empty where that is not it.
    std::string distrust() const;

    /// As recv(2): what was read, 0 at the client's end, -1 with EAGAIN or another errno.
    ssize_t read(char* to, std::size_t size);
    /// After a read(): nothing is left to read without the socket having something new.
    bool is_drained() const;
    /// As sendmsg(2): what was taken, at most a record; -1 with EAGAIN where what was taken before is not out yet. What
    /// is taken may stay here for a while: has_unsent(). Of no bytes it sends what is left, and returns 0.
    ssize_t send(std::span<const iovec> parts);
    bool has_unsent() const { return unsent_at_ < unsent_.size(); }
    /// Says that nothing follows, as far as there is room.
    void end();

private:
    /// The socket as OpenSSL sees it.
    static int bio_read(bio_st* bio, char* to, int size);
    static int bio_write(bio_st* bio, const char* from, int size);
    static long bio_control(bio_st* bio, int command, long number, void* pointer);
    static bio_method_st* bio_method();
    /// Sends what is collected; false with errno where something stays.
    bool push();
    /// errno for a call that failed.
    int error_of(int result);

    ssl_st* ssl_;
    const int fd_;
    std::string unsent_;
    std::size_t unsent_at_ = 0;
    bool socket_is_drained_ = false;
    bool socket_has_ended_ = false;
    bool is_established_ = false;
    bool has_failed_ = false;
};

}  // namespace footfall::http
