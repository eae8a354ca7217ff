#pragma once

#include <memory>
#include <string>

#include "base/result.h"

// As OpenSSL declares it; its headers stay in .cc files.
struct ssl_ctx_st;

namespace footfall::http {

class TlsStream;

/// Whom a client of https believes, and how it speaks: TLS 1.2 and 1.3, ciphers with forward secrecy. Thread-safe.
class ClientTls {
public:
    /// `authorities`: a PEM file of those that certificates may come from; empty: the system's. kInvalidArgument where
    /// it can't be read or has none.
    static Result<std::shared_ptr<const ClientTls>> open(const std::string& authorities);

    /// The client's side of a connection to `host`, for which the server's certificate has to be: a name, or an
    /// address. The descriptor stays the caller's.
    std::unique_ptr<TlsStream> begin(int fd, const std::string& host) const;

private:
    explicit ClientTls(std::shared_ptr<ssl_ctx_st> context) : context_(std::move(context)) {}
    const std::shared_ptr<ssl_ctx_st> context_;
};

}  // namespace footfall::http
