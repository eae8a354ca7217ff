#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "base/clock.h"
#include "base/result.h"

// As OpenSSL declares them; its headers stay in .cc files.
struct ssl_ctx_st;

namespace footfall::http {

class TlsStream;

/// A certificate with its chain and the key that belongs to it: the paths of two PEM files. The certificate's file
/// begins with the server's own one; those of the chain follow. The key has no passphrase.
struct TlsFiles {
    std::string certificate;
    std::string key;
};

/// What a pair of files says of itself.
struct TlsPairFacts {
    std::int64_t expires_s = 0;  ///< epoch, notAfter of the server's own certificate
    bool others_read_key = false;
};

/// Reads the pair as TlsContext does, and forgets it. Errors as of TlsContext::open().
Result<TlsPairFacts> inspect_tls_pair(const TlsFiles& files);

/// What a listener needs to speak TLS 1.2 and 1.3 (ALPN: http/1.1), and the renewal of its certificate while it serves.
///
/// Ciphers all have forward secrecy and are AEADs. There is no renegotiation, no compression and no resumption: a key
/// of session tickets would live as long as the process, and who gets hold of it could read recorded TLS 1.2.
///
/// Thread-safe.
class TlsContext {
public:
    /// kInvalidArgument with what to do where a file can't be read, holds something else, or the two do not belong
    /// together. A certificate that has expired is taken, with a warning in the log.
    static Result<std::shared_ptr<TlsContext>> open(TlsFiles files, Clock& clock = system_clock());
    ~TlsContext();
    TlsContext(const TlsContext&) = delete;
    TlsContext& operator=(const TlsContext&) = delete;

    enum class Reread : std::uint8_t { kIfChanged, kAlways };
    /// Takes the pair that is in the files now, where it is another one (or always): connections that are open keep
    /// what they began with, new ones get the new one. One that does not fit is refused with a line in the log, once
    /// for each state of the files, and the old one stays. Blocks for two small reads: not on an event loop.
    void refresh(Reread when);
    /// Of the pair in use: notAfter of the server's certificate, epoch seconds.
    std::int64_t expires_s() const;

    /// The server's side of a connection that was accepted. The descriptor stays the caller's.
    std::unique_ptr<TlsStream> begin(int fd) const;

private:
    /// Of both files: device, inode, size, and the times of the last change of content and of anything else.
    using Fingerprint = std::array<std::int64_t, 14>;
    static Fingerprint fingerprint_of(const TlsFiles& files);
    TlsContext(TlsFiles files, Clock& clock) : files_(std::move(files)), clock_(clock) {}
    Status load();

    const TlsFiles files_;
    Clock& clock_;
    mutable std::mutex mutex_;  ///< guards what follows
    std::shared_ptr<ssl_ctx_st> context_;
    std::int64_t expires_s_ = 0;
    Fingerprint tried_{};  ///< of the files when they were read last, whatever came of it
};

}  // namespace footfall::http
