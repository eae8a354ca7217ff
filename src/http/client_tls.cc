#include "http/client_tls.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <utility>

#include "http/tls_stream.h"

namespace footfall::http {
namespace {

bool is_ip(const std::string& host) {
    unsigned char address[sizeof(in6_addr)];
    return ::inet_pton(AF_INET, host.c_str(), address) == 1 || ::inet_pton(AF_INET6, host.c_str(), address) == 1;
}

}  // namespace

Result<std::shared_ptr<const ClientTls>> ClientTls::open(const std::string& authorities) {
    std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
    FOOTFALL_CHECK(context != nullptr);
    SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
    SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_cipher_list(context.get(), "ECDHE+AESGCM:ECDHE+CHACHA20");
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
    const int taken = authorities.empty() ? SSL_CTX_set_default_verify_paths(context.get())
                                          : SSL_CTX_load_verify_locations(context.get(), authorities.c_str(), nullptr);
    ERR_clear_error();
    if (taken != 1)
        return Error(Code::kInvalidArgument, authorities.empty()
                                                 ? std::string("the system's authorities can't be read")
                                                 : authorities + " can't be read, or has no certificate in PEM");
    return std::shared_ptr<const ClientTls>(new ClientTls(std::move(context)));
}

std::unique_ptr<TlsStream> ClientTls::begin(int fd, const std::string& host) const {
    SSL* ssl = SSL_new(context_.get());
    FOOTFALL_CHECK(ssl != nullptr);
    if (is_ip(host)) {
        X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host.c_str());
    } else {
        SSL_set_tlsext_host_name(ssl, host.c_str());
        SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
        SSL_set1_host(ssl, host.c_str());
    }
    return std::make_unique<TlsStream>(ssl, fd, TlsStream::Side::kClient);
}

}  // namespace footfall::http
