#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace footfall::process {

/// What a site's day came to, as an entry of the log, written when its events were about to expire (docs/adr/0020). A
/// day that is large takes several entries.
struct KeptDay {
    std::string website_id;
    std::string timezone;  ///< by whose calendar the day is one
    std::string day;       ///< 2026-11-28
    std::uint64_t part = 0;
    std::uint64_t parts = 1;
    std::string content;  ///< of the part; src/retention/kept_days.h says what all of them together are
};

/// The payload of the log entry kKeptDay: {"website_id":…,"timezone":…,"day":…,"part":n,"parts":n,"content":base64}.
std::string write_kept_day(const KeptDay& day);
/// kCorrupt for anything else.
Result<KeptDay> read_kept_day(std::string_view payload);

}  // namespace footfall::process
