#pragma once

#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <signal.h>

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>

#include "http/server_fixture.h"
#include "http/tls.h"

namespace footfall::http {

/// Writes a key, and a certificate that it signed for itself, as `name`.crt and `name`.key of the test's folder.
/// `expires_in_s` from now on; negative: it has expired.
inline TlsFiles make_tls_pair(const std::string& name, long expires_in_s = 90 * 24 * 3600) {
    const TlsFiles files{testing::TempDir() + name + ".crt", testing::TempDir() + name + ".key"};
    EVP_PKEY* key = EVP_EC_gen("P-256");
    X509* certificate = X509_new();
    X509_set_version(certificate, 2);
    static int serial = 0;
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -100 * 24 * 3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate), expires_in_s);
    X509_set_pubkey(certificate, key);
    X509_NAME* subject = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>(name.c_str()), -1,
                               -1, 0);
    X509_set_issuer_name(certificate, subject);
    X509_sign(certificate, key, EVP_sha256());
    const auto write = [](const std::string& path, auto&& put) {
        std::FILE* file = std::fopen(path.c_str(), "w");
        ASSERT_NE(file, nullptr) << path;
        EXPECT_EQ(put(file), 1);
        std::fclose(file);
    };
    write(files.certificate, [&](std::FILE* file) { return PEM_write_X509(file, certificate); });
    write(files.key,
          [&](std::FILE* file) { return PEM_write_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr); });
    X509_free(certificate);
    EVP_PKEY_free(key);
    return files;
}

/// What a client asks of its handshake.
struct TlsClientOptions {
    int version_min = TLS1_2_VERSION;
    int version_max = TLS1_3_VERSION;
    std::string_view protocols{};  ///< of ALPN, each behind its length
    std::string_view before{};     ///< sent in front of the handshake
};

/// A client over TLS that sends what a test wants. Reads give up after 20 s.
class TlsClient {
public:
    explicit TlsClient(std::uint16_t port, const TlsClientOptions& options = {}) : raw_(port) {
        raw_.send(options.before);
        // OpenSSL writes by write(2): a server that has closed is an error here, and not the end of the tests.
        sigset_t broken_pipe;
        sigemptyset(&broken_pipe);
        sigaddset(&broken_pipe, SIGPIPE);
        ::pthread_sigmask(SIG_BLOCK, &broken_pipe, nullptr);
        context_.reset(SSL_CTX_new(TLS_client_method()));
        SSL_CTX_set_security_level(context_.get(), 0);  // it may ask for what the server must refuse
        SSL_CTX_set_min_proto_version(context_.get(), options.version_min);
        SSL_CTX_set_max_proto_version(context_.get(), options.version_max);
        ssl_.reset(SSL_new(context_.get()));
        if (!options.protocols.empty())
            SSL_set_alpn_protos(ssl_.get(), reinterpret_cast<const unsigned char*>(options.protocols.data()),
                                static_cast<unsigned>(options.protocols.size()));
        SSL_set_fd(ssl_.get(), raw_.fd());
        ERR_clear_error();
        is_connected_ = SSL_connect(ssl_.get()) == 1;
        if (!is_connected_) {
            const char* reason = ERR_reason_error_string(ERR_peek_error());
            failure_ = reason == nullptr ? "closed" : reason;
        }
    }

    bool is_connected() const { return is_connected_; }
    /// Why there is no connection, as OpenSSL says it.
    const std::string& failure() const { return failure_; }
    SSL* ssl() { return ssl_.get(); }
    Raw& raw() { return raw_; }
    std::string protocol() const {
        const unsigned char* name = nullptr;
        unsigned size = 0;
        SSL_get0_alpn_selected(ssl_.get(), &name, &size);
        return size == 0 ? std::string() : std::string(reinterpret_cast<const char*>(name), size);
    }
    /// The name of the server's certificate.
    std::string subject() const {
        X509* certificate = SSL_get1_peer_certificate(ssl_.get());
        char text[100] = "";
        X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, text, sizeof text);
        X509_free(certificate);
        return text;
    }
    bool send(std::string_view text) {
        return SSL_write(ssl_.get(), text.data(), static_cast<int>(text.size())) == static_cast<int>(text.size());
    }
    std::string read_until(std::string_view end) {
        std::string out;
        char byte = 0;
        while (!out.ends_with(end) && SSL_read(ssl_.get(), &byte, 1) == 1) out += byte;
        return out;
    }
    /// Everything until the server says that nothing follows.
    std::string read_all() {
        std::string out;
        char buffer[16 * 1024];
        int n = 0;
        while ((n = SSL_read(ssl_.get(), buffer, sizeof buffer)) > 0) out.append(buffer, static_cast<std::size_t>(n));
        ended_in_order_ = SSL_get_error(ssl_.get(), n) == SSL_ERROR_ZERO_RETURN;
        return out;
    }
    /// The end came as a close_notify, and was not cut.
    bool ended_in_order() const { return ended_in_order_; }

private:
    template <auto function>
    struct Free {
        template <class T>
        void operator()(T* pointer) const {
            function(pointer);
        }
    };
    Raw raw_;
    std::unique_ptr<SSL_CTX, Free<SSL_CTX_free>> context_;
    std::unique_ptr<SSL, Free<SSL_free>> ssl_;
    bool is_connected_ = false;
    bool ended_in_order_ = false;
    std::string failure_;
};

}  // namespace footfall::http
