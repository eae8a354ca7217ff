#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "log/erased_log.h"
#include "log/kafka/share.h"
#include "process/archive/archiver.h"
#include "store/object_store.h"

namespace footfall::process::archive {

struct ArchiversOptions {
    std::string brokers;
    std::string topic = "events";
    std::string members = "footfall-archive";  ///< whose members share the topic's partitions
    int session_timeout_ms = 10'000;
    log::kafka::Settings more = {};
    ArchiverOptions each;  ///< without release: Kafka keeps entries as long as its topic says
    /// Where a partition's archive lies; `is_stopping` ends what waits for it.
    std::function<Result<std::unique_ptr<store::ObjectStore>>(std::uint16_t partition,
                                                              std::function<bool()> is_stopping)>
        place;
    /// What is erased, as this process has heard it last. See also `rewrites`.
    log::ErasuresOf erasures = {};
    /// Called when a partition is taken over: from then on both say what was erased until then at least. Who had the
    /// partition before may have rewritten the archive by it already.
    std::function<Status()> hear = {};
    /// By what a partition's archive is still to be rewritten; nothing where that is not set. Asked before `erasures`
    /// is, so that what is added to the archive meanwhile goes by it.
    struct Rewrite {
        std::string id;
        std::uint64_t end = 0;  ///< of the entries that are erased
        std::string site;
        log::Rewriting rewriting;
    };
    std::function<Result<std::vector<Rewrite>>(std::uint16_t partition)> rewrites = {};
    /// It is, durably.
    std::function<Status(std::uint16_t partition, const Rewrite& rewrite)> rewritten = {};
};

/// The archive of those partitions of `events` that are this process's share: one archive a partition, each as the
/// embedded form has one. Others start the same beside it. An archive begins with what Kafka has when it is turned on.
class Archivers {
public:
    /// Does not wait for broker or place.
    static Result<std::unique_ptr<Archivers>> open(ArchiversOptions options, Clock& clock);
    Archivers(const Archivers&) = delete;
    Archivers& operator=(const Archivers&) = delete;

    /// Positions are of the first entry that an archive does not hold. Thread-safe.
    std::vector<log::kafka::Share::Partition> state() const { return share_->state(); }

private:
    Archivers(ArchiversOptions options, Clock& clock) : options_(std::move(options)), clock_(clock) {}
    Status work(log::kafka::Share::Turn& turn);
    /// What was erased since goes from the archive too.
    Status rewrite(std::uint16_t partition, log::ErasedLog& log, Archive& archive) const;

    const ArchiversOptions options_;
    Clock& clock_;
    std::unique_ptr<log::kafka::Share> share_;  ///< last: it calls the rest until it has ended
};

}  // namespace footfall::process::archive
