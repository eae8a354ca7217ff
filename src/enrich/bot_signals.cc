#include "enrich/bot_signals.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/nearest.h"
#include "enrich/text.h"

namespace footfall::enrich {
namespace {

/// In the order of BotSignal.
constexpr std::array<std::string_view, 6> kReasons = {"hints:headless",     "hints:contradiction", "headers:missing",
                                                      "network:datacenter", "referrer:spam",       "rate:pageviews"};

}  // namespace

Result<BotSignals> BotSignals::parse(std::string_view text) {
    BotSignals signals;
    signals.bits_ = 0;
    while (!text.empty()) {
        const std::size_t comma = std::min(text.find(','), text.size());
        const std::string_view name = trim(text.substr(0, comma));
        text.remove_prefix(std::min(comma + 1, text.size()));
        if (name.empty()) continue;
        const auto found = std::find(kReasons.begin(), kReasons.end(), name);
        if (found == kReasons.end()) {
            Error error(Code::kInvalidArgument,
                        fmt::format("there is no bot signal '{}'; there are {}", name, fmt::join(kReasons, ", ")));
            error.did_you_mean = nearest(name, kReasons);
            return error;
        }
        signals.bits_ |= 1u << (found - kReasons.begin());
    }
    return signals;
}

BotSignals::BotSignals()
    : bits_(1u << static_cast<unsigned>(BotSignal::kHeadless) | 1u << static_cast<unsigned>(BotSignal::kNetwork) |
            1u << static_cast<unsigned>(BotSignal::kReferrer)) {}

std::string_view BotSignals::reason(BotSignal signal) { return kReasons[static_cast<std::size_t>(signal)]; }

}  // namespace footfall::enrich
