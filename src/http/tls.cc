#include "http/tls.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/stat.h>

#include <cstring>
#include <ctime>
#include <vector>

#include "base/file.h"
#include "base/logging.h"
#include "base/metrics.h"
#include "http/tls_stream.h"

namespace footfall::http {
namespace {

template <auto function>
struct Free {
    template <class T>
    void operator()(T* pointer) const {
        function(pointer);
    }
};
using Bio = std::unique_ptr<BIO, Free<BIO_free>>;
using Certificate = std::unique_ptr<X509, Free<X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;

/// What was read, not yet for use.
struct Pair {
    std::vector<Certificate> chain;  ///< the server's own first
    Key key;
    std::int64_t expires_s = 0;
};

Error wrong(std::string_view setting, std::string message) {
    return {Code::kInvalidArgument, std::move(message), std::string(setting)};
}

constexpr std::string_view kCertificate = "http.tls_certificate";
constexpr std::string_view kKey = "http.tls_key";

Result<std::string> read_pem(const std::string& path, std::string_view setting) {
    auto text = read_file(path);
    if (!text) return wrong(setting, std::string(setting) + " can't be read: " + text.error().message);
    return text;
}

// Nobody is there to be asked.
int no_passphrase(char*, int, int, void*) { return 0; }

std::int64_t expiry_of(const X509* certificate) {
    std::tm time{};
    if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &time) != 1) return 0;
    return static_cast<std::int64_t>(::timegm(&time));
}

Result<Pair> read_pair(const TlsFiles& files) {
    ERR_clear_error();
    Pair pair;
    TRY(const std::string certificate_text, read_pem(files.certificate, kCertificate));
    const Bio certificates(BIO_new_mem_buf(certificate_text.data(), static_cast<int>(certificate_text.size())));
    while (X509* next = PEM_read_bio_X509(certificates.get(), nullptr, no_passphrase, nullptr))
        pair.chain.emplace_back(next);
    // Behind the last one there is nothing to read; anything else is a certificate that is broken.
    const bool is_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    ERR_clear_error();
    if (pair.chain.empty() || !is_end)
        return wrong(kCertificate, files.certificate +
                                       " is no certificate in PEM form; name the file that begins with the server's "
                                       "own certificate and goes on with its chain (fullchain.pem)");
    TRY(const std::string key_text, read_pem(files.key, kKey));
    const Bio key(BIO_new_mem_buf(key_text.data(), static_cast<int>(key_text.size())));
    pair.key.reset(PEM_read_bio_PrivateKey(key.get(), nullptr, no_passphrase, nullptr));
    ERR_clear_error();
    if (!pair.key) return wrong(kKey, files.key + " is no private key in PEM form without a passphrase");
    if (X509_check_private_key(pair.chain.front().get(), pair.key.get()) != 1) {
        ERR_clear_error();
        return wrong(kKey, "the key in " + files.key + " does not belong to the first certificate in " +
                               files.certificate + "; name two files that were issued together");
    }
    pair.expires_s = expiry_of(pair.chain.front().get());
    return pair;
}

// HTTP/1.1 is all there is: who asks for something else alone gets to know at once (RFC 7301).
int choose_protocol(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in,
                    unsigned int in_size, void*) {
    static constexpr unsigned char kOurs[] = "\x08http/1.1";
    unsigned char* chosen = nullptr;
    if (SSL_select_next_proto(&chosen, out_size, kOurs, sizeof kOurs - 1, in, in_size) != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

Result<std::shared_ptr<SSL_CTX>> make_context(const Pair& pair, const TlsFiles& files) {
    ERR_clear_error();
    std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
    FOOTFALL_CHECK(context != nullptr);
    SSL_CTX* c = context.get();
    SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION);
    SSL_CTX_set_options(c, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET);
    FOOTFALL_CHECK(SSL_CTX_set_cipher_list(c, "ECDHE+AESGCM:ECDHE+CHACHA20") == 1);
    SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(c, 0);
    // Of an idle connection no buffers stay, and of a busy one a read takes what the socket has instead of a record's
    // five bytes first.
    SSL_CTX_set_mode(c, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_read_ahead(c, 1);
    SSL_CTX_set_alpn_select_cb(c, choose_protocol, nullptr);
    bool is_taken = SSL_CTX_use_certificate(c, pair.chain.front().get()) == 1;
    for (std::size_t i = 1; i < pair.chain.size() && is_taken; ++i)
        is_taken = SSL_CTX_add1_chain_cert(c, pair.chain[i].get()) == 1;
    is_taken = is_taken && SSL_CTX_use_PrivateKey(c, pair.key.get()) == 1;
    if (!is_taken) {
        // "ee key too small", for example.
        const char* reason = ERR_reason_error_string(ERR_peek_error());
        ERR_clear_error();
        return wrong(kCertificate, "OpenSSL does not take the certificate in " + files.certificate + ": " +
                                       (reason == nullptr ? "no reason given" : reason));
    }
    return context;
}

void describe(std::array<std::int64_t, 14>& out, std::size_t at, const std::string& path) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) return;  // all zero: there is none
    const std::int64_t facts[] = {static_cast<std::int64_t>(status.st_dev),
                                  static_cast<std::int64_t>(status.st_ino),
                                  status.st_size,
                                  status.st_mtim.tv_sec,
                                  status.st_mtim.tv_nsec,
                                  status.st_ctim.tv_sec,
                                  status.st_ctim.tv_nsec};
    std::copy(std::begin(facts), std::end(facts), out.begin() + static_cast<std::ptrdiff_t>(at));
}

metrics::Gauge& expiry_gauge() {
    static metrics::Gauge& gauge =
        metrics::gauge("footfall_tls_certificate_expires_seconds",
                       "End of the certificate that new connections get, in seconds since 1970.");
    return gauge;
}

}  // namespace

Result<TlsPairFacts> inspect_tls_pair(const TlsFiles& files) {
    TRY(const Pair pair, read_pair(files));
    TRY([[maybe_unused]] const std::shared_ptr<SSL_CTX> context, make_context(pair, files));
    struct stat status {};
    const bool others_read_key = ::stat(files.key.c_str(), &status) == 0 && (status.st_mode & S_IROTH) != 0;
    return TlsPairFacts{.expires_s = pair.expires_s, .others_read_key = others_read_key};
}

Result<std::shared_ptr<TlsContext>> TlsContext::open(TlsFiles files, Clock& clock) {
    std::shared_ptr<TlsContext> context(new TlsContext(std::move(files), clock));
    const std::lock_guard lock(context->mutex_);
    context->tried_ = fingerprint_of(context->files_);
    TRY_STATUS(context->load());
    return context;
}

TlsContext::~TlsContext() = default;

TlsContext::Fingerprint TlsContext::fingerprint_of(const TlsFiles& files) {
    Fingerprint out{};
    describe(out, 0, files.certificate);
    describe(out, out.size() / 2, files.key);
    return out;
}

Status TlsContext::load() {
    TRY(const Pair pair, read_pair(files_));
    TRY(context_, make_context(pair, files_));
    expires_s_ = pair.expires_s;
    expiry_gauge().set(static_cast<double>(expires_s_));
    const std::int64_t days_left = (expires_s_ - clock_.wall_ms() / 1000) / (24 * 3600);
    if (expires_s_ <= clock_.wall_ms() / 1000)
        logging::warn("tls.certificate_expired", {{"file", files_.certificate}, {"days_ago", -days_left}});
    else logging::info("tls.certificate_loaded", {{"file", files_.certificate}, {"days_left", days_left}});
    return {};
}

void TlsContext::refresh(Reread when) {
    const std::lock_guard lock(mutex_);
    // Before the files are read: what changes meanwhile is seen the next time.
    const Fingerprint now = fingerprint_of(files_);
    if (when == Reread::kIfChanged && now == tried_) return;
    tried_ = now;
    if (const Status loaded = load(); !loaded)
        logging::warn("tls.certificate_refused",
                      {{"error", loaded.error().message}, {"so", "the one that was loaded before stays"}});
}

std::int64_t TlsContext::expires_s() const {
    const std::lock_guard lock(mutex_);
    return expires_s_;
}

std::unique_ptr<TlsStream> TlsContext::begin(int fd) const {
    std::shared_ptr<SSL_CTX> context;
    {
        const std::lock_guard lock(mutex_);
        context = context_;
    }
    SSL* ssl = SSL_new(context.get());
    FOOTFALL_CHECK(ssl != nullptr);
    return std::make_unique<TlsStream>(ssl, fd);
}

}  // namespace footfall::http
