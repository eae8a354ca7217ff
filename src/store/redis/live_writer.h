#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "store/redis/client.h"

namespace footfall::store::redis {

/// Where live numbers are in Redis:
///
/// | Key | What |
/// |---|---|
/// | PREFIX + "site:" + SITE | a hash: partition → live_part_text(). Ends half an hour after the last change |
/// | PREFIX + "partition:" + N | how far the partition is published: {"v":1,"offset":N,"as_of":MS}. Ends after 5 s of
/// silence | | PREFIX + "epochs" | a hash: partition → who publishes it | | PREFIX + "changes" | the channel on which
/// each write tells its sites, as a JSON array |
struct LiveKeys {
    std::string prefix = "footfall:live:";

    std::string site(std::string_view website_id) const { return prefix + "site:" + std::string(website_id); }
    std::string partition(std::uint16_t number) const { return prefix + "partition:" + std::to_string(number); }
    std::string epochs() const { return prefix + "epochs"; }
    std::string changes() const { return prefix + "changes"; }
};

/// Everything up to there is in the numbers of a partition.
struct LivePartitionState {
    std::uint64_t offset = 0;   ///< behind the last entry of the log that was read
    std::int64_t as_of_ms = 0;  ///< every event of the partition acknowledged before it is in; epoch ms
    bool operator==(const LivePartitionState&) const = default;
};

struct LiveWriterOptions {
    std::uint16_t partition = 0;
    LiveKeys keys = {};
    int timeout_ms = 1'000;  ///< of each call
    /// Without a report for so long a partition counts as silent.
    int silence_ms = 5'000;
    /// A site's numbers go so long after its last change: its last events have left the window by then.
    int expiry_ms = 35 * 60'000;
};

/// Writes one partition's live numbers into Redis. Of all who try to, the one that took up the partition last may:
/// Redis looks at that in the same step in which it writes. So nothing old ever overwrites something newer, whether it
/// comes of a process that lost the partition and does not know it yet or of a connection that was given up as
/// too slow; and where Redis lost what it had, nobody may any more, and whoever takes up the partition again publishes
/// everything. One thread at a time.
class LiveWriter {
public:
    /// The client outlives it, and may be shared.
    LiveWriter(Client& client, LiveWriterOptions options);

    enum class Hold : unsigned char {
        kHeld,  ///< the partition is this writer's, and what was to be written is
        kLost   ///< it isn't, and nothing is written
    };

    /// Takes up the partition: the first time from whoever has it, later only where the one who took it over is
    /// silent. Then everything is to be written, and then reported. After an error of any call the partition has to be
    /// taken up again, since what was sent may still arrive.
    Result<Hold> take_up();
    /// Whether it is this writer's, as far as is known.
    bool holds() const { return is_held_; }

    struct SitePart {
        std::string website_id;
        std::string text;  ///< of live_part_text()
    };
    /// Replaces what the sites have of this partition, and tells who follows them.
    Result<Hold> write(std::span<const SitePart> parts);
    /// From now on readers may rely on it for silence_ms: what is written is everything up to there.
    Result<Hold> report(const LivePartitionState& state);
    /// Readers are to know at once that they may not.
    Result<Hold> withdraw();

private:
    Result<Hold> run(const Command& command);

    Client& client_;
    const LiveWriterOptions options_;
    const std::string partition_;
    const std::string token_;  ///< by which it knows its own epochs: a late attempt of its own is no other writer's
    std::string epoch_;        ///< under which it took up the partition last
    bool is_held_ = false;
};

}  // namespace footfall::store::redis
