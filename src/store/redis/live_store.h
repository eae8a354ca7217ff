#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/clock.h"
#include "store/live.h"
#include "store/redis/client.h"
#include "store/redis/live_writer.h"
#include "store/redis/subscriber.h"

namespace footfall::store::redis {

struct LiveStoreOptions {
    Endpoint endpoint;
    /// Of the topic of events: as many parts has a site.
    std::uint16_t partitions = 1;
    LiveKeys keys = {};
    int read_timeout_ms = 500;
    /// Who asks again within it, and before something changed, is told the same.
    int cache_ms = 250;
};

/// The live numbers of the cluster form, read by query nodes: what LiveWriter wrote of each partition, merged. Two
/// connections, one of which hears what changes; a read is one round trip.
///
/// read() is kUnavailable, with the reason, where Redis does not answer within read_timeout_ms, where a partition has
/// not reported for 5 seconds (or was lost with what Redis had), and where a part is of another version of the format.
/// While Redis is away it fails at once between attempts (Client). Numbers are as of the partition that is behind the
/// most.
class LiveStore final : public store::LiveStore {
public:
    LiveStore(LiveStoreOptions options, Clock& clock);

    Result<LiveNumbers> read(std::string_view website_id) override;
    /// Known of the sites that were asked for within a minute. While the changes are not heard it stays as it is; when
    /// they are again, all sites count as changed.
    std::uint64_t version(std::string_view website_id) override;
    /// Whether changes are heard at the moment.
    bool hears_changes() const { return subscriber_.is_subscribed(); }

private:
    struct Site {
        std::uint64_t version = 0;
        std::int64_t asked_ns = 0;
        std::optional<LiveNumbers> numbers;  ///< read last, where that was of this version
        std::int64_t read_ns = 0;
    };
    struct TextHash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
    };
    Result<LiveNumbers> fetch(std::string_view website_id);
    /// Under the lock; begins to follow a site that is not followed.
    Site& followed(std::string_view website_id);
    void forget_unasked(std::int64_t now_ns);
    void all_changed();
    void changed(std::string_view message);

    const LiveStoreOptions options_;
    Clock& clock_;
    Client client_;
    std::mutex mutex_;
    std::unordered_map<std::string, Site, TextHash, std::equal_to<>> sites_;
    std::uint64_t versions_ = 0;
    std::int64_t forgot_ns_ = 0;
    Subscriber subscriber_;  // last: its thread uses the rest
};

}  // namespace footfall::store::redis
