#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "event/event.h"
#include "store/client.h"

namespace footfall::process {

struct RescoreSite {
    std::string id;
    std::string timezone;
};

/// Which stored events are judged again, by their own time.
struct RescoreFilter {
    std::vector<RescoreSite> sites{};
    std::int64_t since_ms = 0;
    std::int64_t until_ms = 0;  ///< the first that is not

    /// Of store::Client's times: a day before the year 2100.
    static constexpr std::int64_t kNoEndMs = 4'102'444'800'000;
};

/// Events whose verdict would be another, with whose they are. A visitor of several rows is counted in each.
struct VerdictCount {
    std::uint64_t events = 0;
    std::uint64_t visitors = 0;
};

/// What a verdict becomes. A reason is empty for people.
struct VerdictChange {
    std::string site_id;
    std::string day;  ///< of the site's time zone
    std::string from;
    std::string to;
    auto operator<=>(const VerdictChange&) const = default;
};

struct RescoreReport {
    struct Sample {
        std::string from;
        std::string to;
        std::string user_agent;  ///< empty: none is stored, and something else decided
        std::uint64_t events = 0;
    };
    std::string lists;  ///< today's, as event.bot_lists
    std::map<std::string, std::uint64_t>
        lists_then;  ///< events by the lists that judged them; empty: before it was kept
    std::uint64_t events = 0;
    /// Of these the verdict by user agent, and by address, stays as it is: nothing is stored to judge again.
    std::uint64_t events_without_user_agent = 0;
    VerdictCount become_bots;
    VerdictCount become_people;
    VerdictCount other_reason;  ///< bots before and after
    std::map<VerdictChange, VerdictCount> changes;
    std::vector<Sample> samples;  ///< a few user agents of each change, the most events first

    /// The members of an object that has begun.
    void write_members(json::Writer& writer) const;
};

/// The reason by today's lists for an event with the user_agent, referrer, ip and bot_reason that are stored of it;
/// empty for people. Valid until the next call.
using Judge = std::function<std::string_view(const event::Event& stored)>;

/// Judges stored events again and says what would be another; changes nothing. Reads in passes of whole visitors with
/// about `rows_per_pass` rows, some 500 bytes each. Errors are those of store::Client.
Result<RescoreReport> preview_rescore(store::Client& store, const RescoreFilter& filter, const Judge& judge,
                                      std::uint64_t rows_per_pass = 100'000);

}  // namespace footfall::process
