#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace footfall::enrich {

/// What besides the lists of user agents makes an event a bot's. Each is switched on by its reason's name, since each
/// but the first is wrong about somebody.
enum class BotSignal : std::uint8_t {
    kHeadless,       ///< "hints:headless": the client hints name HeadlessChrome
    kContradiction,  ///< "hints:contradiction": the hints are a Chromium's, and the user agent names none. So is that
                     ///< of a developer who tries a site as a phone, and of people whose extension changes it
    kHeaders,   ///< "headers:missing": says it is a browser, but has neither Accept-Language nor Sec-Fetch-*, which
                ///< browsers always send. So are people whose proxy leaves them out
    kNetwork,   ///< "network:datacenter": the address is in enrich.datacenter_networks. So is that of a VPN's users
    kReferrer,  ///< "referrer:spam": the referrer is on the list of those who send invented visits
    kRate,      ///< "rate:pageviews": more pageviews a minute than a person reads. So may have many like devices
                ///< behind one address
};

/// Of the others that are wrong about people one has to be given a list, and the rest to be named.
inline constexpr std::string_view kDefaultBotSignals = "hints:headless, network:datacenter, referrer:spam";

class BotSignals {
public:
    /// Names separated by commas; empty: none. kInvalidArgument with the nearest name for an unknown one.
    static Result<BotSignals> parse(std::string_view text);
    /// The default ones.
    BotSignals();

    bool has(BotSignal signal) const { return (bits_ & (1u << static_cast<unsigned>(signal))) != 0; }
    static std::string_view reason(BotSignal signal);

private:
    std::uint32_t bits_ = 0;
};

}  // namespace footfall::enrich
