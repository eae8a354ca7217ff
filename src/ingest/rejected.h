#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "event/parse.h"

namespace footfall::ingest {

/// Which rejected events are kept as samples: anybody can send events that are rejected, and must neither fill the disk
/// nor keep one site's samples out by those of another. What is beyond is counted by the tallies alone. Since the start
/// of the process. Thread-safe.
///
/// A count of the minute and no Quota: the bound is on what a minute can put on the disk, by reason, by site and in
/// all, and its bytes are known only when they are spent; nobody is told when to come again.
class SampleBudget {
public:
    static constexpr unsigned kPerReason = 20;                  ///< a minute, site and reason
    static constexpr std::size_t kBytesPerSite = 64 * 1024;     ///< a minute; unknown sites share one
    static constexpr std::size_t kBytesPerMinute = 256 * 1024;  ///< of all sites

    /// Whether one more is kept, which is counted then. `website_id` is empty for unknown sites.
    bool take(std::string_view website_id, std::string_view reason, std::int64_t now_ms);
    /// What it took. Known only when it is written: the last one may go beyond the bytes.
    void spend(std::string_view website_id, std::size_t bytes);

private:
    struct Site {
        std::size_t bytes = 0;
        std::map<std::string, unsigned, std::less<>> taken{};  ///< by reason
    };
    std::mutex mutex_;
    std::int64_t minute_ = 0;
    std::size_t bytes_ = 0;
    std::map<std::string, Site, std::less<>> sites_;
};

/// What of a rejected event goes into the log.
struct RejectedEvent {
    std::string_view website_id{};  ///< empty where the site is unknown, or not the key's
    std::int64_t received_at = 0;   ///< epoch ms
    const event::Rejection* rejection = nullptr;
    std::string_view text{};         ///< of the event as it was sent
    std::string_view user_agent{};   ///< of the request
    std::string_view key_site_id{};  ///< of the key that came with it; empty where none came
};

/// The log entry kRejected: {"website_id","tracking_id" (as sent),"received_at","field","reason","event" (its JSON as
/// text),"is_cut","user_agent","key_site_id"}. No address goes into it: context.ip is taken out of the event, which
/// then is the same JSON without blanks. An event of more than kSampleBytesMax is cut before a character.
std::string write_rejected(const RejectedEvent& rejected);

inline constexpr std::size_t kSampleBytesMax = 4 * 1024;

}  // namespace footfall::ingest
