#include "app/https.h"

#include <fmt/format.h>

#include "base/clock.h"
#include "http/address.h"

namespace footfall::app {
namespace {

// Renewals begin 30 days before the end (of 90), so fewer than these mean that they fail.
constexpr std::int64_t kDaysLeftMin = 14;
constexpr std::int64_t kDayS = 24 * 3600;

}  // namespace

std::optional<http::TlsFiles> tls_files(const Settings& settings) {
    if (settings.http_tls_listen.empty()) return std::nullopt;
    return http::TlsFiles{.certificate = settings.http_tls_certificate, .key = settings.http_tls_key};
}

Status judge_tls(const Settings& settings) {
    const auto files = tls_files(settings);
    if (!files) {
        if (settings.http_tls_certificate.empty() && settings.http_tls_key.empty()) return {};
        return Error(Code::kInvalidArgument,
                     "a certificate or key is named, but not where to listen for TLS; set http.tls_listen too",
                     "http.tls_listen");
    }
    if (settings.http_tls_listen.starts_with("unix:"))
        return Error(Code::kInvalidArgument, "http.tls_listen must be HOST:PORT; a unix socket needs no TLS",
                     "http.tls_listen");
    for (const auto& [key, path] :
         {std::pair("http.tls_certificate", files->certificate), std::pair("http.tls_key", files->key)})
        if (path.empty())
            return Error(Code::kInvalidArgument,
                         fmt::format("http.tls_listen needs a certificate and its key; set {} too", key), key);
    TRY([[maybe_unused]] const auto addresses, http::resolve_address(settings.http_tls_listen));
    TRY([[maybe_unused]] const http::TlsPairFacts facts, http::inspect_tls_pair(*files));
    return {};
}

void check_tls(const Settings& settings, std::int64_t now_ms, std::vector<Finding>& findings) {
    const auto files = tls_files(settings);
    if (!files) return;
    const auto facts = http::inspect_tls_pair(*files);
    if (!facts) {
        findings.push_back({"tls", false, facts.error().message,
                            "put a pair there that fits; a server that runs keeps the one it has read until then"});
        return;
    }
    const std::int64_t left_s = facts->expires_s - now_ms / 1000;
    const bool is_fresh = left_s >= kDaysLeftMin * kDayS;
    findings.push_back({"tls", is_fresh,
                        fmt::format("the certificate in {} {} {}, {} days {}", files->certificate,
                                    left_s > 0 ? "ends" : "ended", iso_text(facts->expires_s * 1000),
                                    (left_s > 0 ? left_s : -left_s) / kDayS, left_s > 0 ? "from now" : "ago"),
                        is_fresh ? "" : "renew it; a server that runs takes the new files by itself"});
    if (facts->others_read_key)
        findings.push_back({"tls", false, fmt::format("everybody on this machine can read the key in {}", files->key),
                            fmt::format("chmod o-rwx {}", files->key)});
}

}  // namespace footfall::app
