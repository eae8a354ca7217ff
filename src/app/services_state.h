#pragma once

#include "app/services.h"

#include <algorithm>
#include <atomic>
#include <ctime>
#include <filesystem>
#include <future>
#include <limits>
#include <thread>

#include <fmt/format.h>

#include "app/answering.h"
#include "app/archiving.h"
#include "app/backup_commands.h"
#include "app/data_format.h"
#include "app/erasing.h"
#include "app/front.h"
#include "app/machine.h"
#include "app/rebuilding.h"
#include "app/replay_samples.h"
#include "app/rescoring.h"
#include "app/retention_check.h"
#include "app/status_json.h"
#include "app/store_parts.h"
#include "app/taking.h"
#include "base/bytes.h"
#include "base/file.h"
#include "base/json.h"
#include "base/logging.h"
#include "base/metrics.h"
#include "batch/batch.h"
#include "demo/hit.h"
#include "enrich/enrich.h"
#include "ingest/committer.h"
#include "ingest/dedup.h"
#include "ingest/ingest.h"
#include "ingest/replay.h"
#include "process/erased.h"
#include "process/file_progress.h"
#include "process/process.h"
#include "query/query.h"
#include "query/site_info.h"
#include "retention/kept_days.h"
#include "retention/retention.h"
#include "rollup/audit.h"
#include "rollup/registry.h"
#include "rollup/rollup.h"
#include "store/embedded/supervisor.h"
#include "store/store.h"

namespace footfall::app {

/// What Services are made of, in the order in which they are made. How it is opened and tended is in services_state.cc,
/// what others ask of it in services.cc.
struct Services::State {
    explicit State(const Settings& s) : settings(s) {}

    Status open(Options options);
    Status make_changers();
    void make_retention(process::archive::RewriteArchive rewrite_archive);
    Result<bool> put_days_back();
    Status append_kept_days(std::vector<std::string> entries) const;
    std::map<std::string, std::uint64_t> days_missing() const;
    Status forget_rollups(const std::string& site_id, rollup::Forget what);
    Status forget_derived(const std::string& site_id, rollup::Forget what);
    Status forget_all_derived();
    Status open_log_and_index();
    Status replay_log_tail();
    void save_identity();
    void forget(const erase::Subject& subject);
    query::DataState data_state() const;
    void rebuild_live();
    Status prepare_store(store::Client& client);
    std::string why_not_answering() const;
    void run_housekeeping();
    void tend_store();

    const Settings settings;
    Clock& clock = system_clock();
    std::string data_dir;
    std::int64_t started_ms = 0;
    Front front{settings, clock};
    std::optional<LockFile> lock;
    std::unique_ptr<catalog::Catalog> catalog;
    std::unique_ptr<log::DiskLog> log;
    std::unique_ptr<ingest::Dedup> dedup;
    std::unique_ptr<Taking> taking;
    std::unique_ptr<enrich::Identity> identity;
    std::string library;
    std::unique_ptr<store::Client> store;
    std::unique_ptr<store::embedded::Supervisor> supervisor;
    rollup::Registry rolled;                ///< told by the loader
    std::mutex changing;                    ///< of what is stored already: erasures and re-scorings, one at a time
    std::unique_ptr<Archiving> archiving;   ///< its history is what the loader reads
    std::unique_ptr<query::Service> query;  ///< the loader tells its cache what it touches
    std::unique_ptr<process::Loader> loader;
    std::once_flag loader_started;
    std::unique_ptr<EmbeddedErasing> erasing;
    std::unique_ptr<Rescoring> rescoring;
    std::unique_ptr<rollup::Maker> rollups;
    std::unique_ptr<batch::Daily> daily;
    std::unique_ptr<store::Client> rebuild_store;  ///< the same store, in the database of a rebuild
    std::unique_ptr<Rebuilding> rebuilding;
    std::unique_ptr<retention::KeptDays> kept_days;
    std::unique_ptr<retention::Retention> retention;
    std::unique_ptr<ingest::Committer> committer;
    std::unique_ptr<Answering> answering;
    std::mutex live_mutex;  ///< while it is made or ended
    std::unique_ptr<process::LiveProcessor> live;

    /// Offset of the log up to which the saved visitor ids are complete.
    std::mutex identity_mutex;  ///< of its file
    std::atomic<std::uint64_t> identity_saved = 0;
    std::atomic<std::int64_t> identity_saved_ms = 0;

    // Of the housekeeping alone.
    store::Client::Troubles store_troubles;
    bool disk_was_full = false;  ///< since the store was started
    std::int64_t store_mended_ns = std::numeric_limits<std::int64_t>::min() / 2;

    std::thread housekeeping;
    std::mutex housekeeping_mutex;
    std::condition_variable housekeeping_wake;
    bool stopping = false;
    bool stopped = false;
};

}  // namespace footfall::app
