#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/result.h"

namespace footfall::process {

/// A tally entry of the log: what requests had of one site beside new events.
struct Tally {
    std::string website_id;  ///< empty for events of unknown sites
    std::uint64_t duplicates = 0;
    std::map<std::string, std::uint64_t> rejected;  ///< by reason
    std::int64_t received_at = 0;                   ///< of the last rejection, epoch ms; 0: not said
};

/// Reads {"website_id":…,"duplicates":n,"rejected":{reason:n}}, with or without "received_at"; kCorrupt for anything
/// else.
Result<Tally> read_tally(std::string_view payload);

}  // namespace footfall::process
