#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "app/front.h"
#include "app/settings.h"
#include "base/clock.h"
#include "base/result.h"
#include "catalog/catalog.h"
#include "enrich/enrich.h"
#include "enrich/tables_watch.h"
#include "ingest/committer.h"
#include "ingest/ingest.h"

namespace footfall::app {

/// The API of who sends: the endpoint, and the files that it enriches by, which may be replaced while it runs.
class Taking {
public:
    /// Reads the files.
    static Result<std::unique_ptr<Taking>> open(const Settings& settings);
    /// Adds the endpoint's routes. All that is given outlives this.
    Status listen(Front& front, const catalog::Catalog& catalog, enrich::Identity& identity,
                  ingest::Committer& committer, Clock& clock);

    /// Those in use. Thread-safe.
    std::shared_ptr<const enrich::Tables> tables() const;
    /// The next tend() reads the files anew, whatever they are like. Thread-safe.
    void reload_soon() { is_reload_wanted_ = true; }
    /// To be called about once a second, from one thread: takes up files that were replaced, whole or not at all.
    void tend(std::int64_t now_ms);
    /// The last half hour; nothing before listen().
    std::vector<ingest::MinuteCounts::Minute> minutes(std::int64_t now_ms) const;

private:
    explicit Taking(const Settings& settings) : settings_(settings) {}
    void look(enrich::TablesWatch::When when);

    const Settings& settings_;
    mutable std::mutex mutex_;
    std::shared_ptr<const enrich::Tables> tables_;
    std::unique_ptr<ingest::Endpoint> endpoint_;
    std::unique_ptr<enrich::TablesWatch> watch_;
    std::atomic<bool> is_reload_wanted_{false};
    std::int64_t look_at_ms_ = 0;
};

}  // namespace footfall::app
