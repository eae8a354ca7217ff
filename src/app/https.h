#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "app/commands.h"
#include "app/settings.h"
#include "base/result.h"
#include "http/tls.h"

namespace footfall::app {

/// The files of `http.tls_certificate` and `http.tls_key`; nullopt where `http.tls_listen` is empty, so that there is
/// no TLS.
std::optional<http::TlsFiles> tls_files(const Settings& settings);

/// Whether what the settings say of TLS is whole, and the files hold a pair that fits; without TLS it is. Makes
/// nothing.
Status judge_tls(const Settings& settings);

/// What a doctor says of the files: whether the pair fits, when it ends, who can read the key. Nothing without TLS.
void check_tls(const Settings& settings, std::int64_t now_ms, std::vector<Finding>& findings);

}  // namespace footfall::app
