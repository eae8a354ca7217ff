#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "app/archive_place.h"
#include "app/commands.h"
#include "app/settings.h"
#include "base/clock.h"
#include "base/result.h"
#include "base/worker_pool.h"
#include "log/disk/disk_log.h"
#include "process/archive/archiver.h"
#include "process/archive/history.h"
#include "store/object_store.h"

namespace footfall::app {

/// The archive of an installation: added to where `archive.enabled` is on, and reached by erasures and re-scorings
/// wherever there is one. One that can't be opened is no reason not to take events: it is tried again, by a thread of
/// its own, since S3 may keep it waiting. Thread-safe; what only tells (state, check) waits for nobody.
class Archiving {
public:
    /// `changing` is held by whoever changes what is stored; `needed_from` says from which offset on others read the
    /// log itself. What is passed outlives this. kInvalidArgument: the settings can't be right.
    static Result<std::unique_ptr<Archiving>> make(const Settings& settings, const std::string& data_dir,
                                                   log::DiskLog& log, Clock& clock, std::mutex& changing,
                                                   std::function<std::uint64_t()> needed_from);
    ~Archiving() { stop(); }

    /// From here on what the log holds is archived.
    void start();
    /// Nothing more is begun, and what waits for S3 ends soon.
    void interrupt();
    void stop();

    /// See process::archive::Archive::rewrite(). Does nothing where there is no archive. An error where there is one
    /// that can't be opened: nobody could say then that it has nothing of who is erased.
    Status rewrite(const log::ErasureRange& range, std::span<const std::string> sites, const log::Rewriting& rewriting);
    /// Entries that can be read again are archived anew.
    Status forget(std::span<const log::Damage> damage);

    /// The log and what it has given away: for whoever reads more than its last hours.
    log::EventLog& history() { return history_; }

    /// What doctor says of it.
    Finding check() const;
    /// Of the status page. All zero, and no problem, where the archive is off.
    struct State {
        bool is_on = false;
        std::uint64_t next = 0;  ///< first entry of the log that it does not hold
        std::uint64_t bytes = 0;
        double lag_seconds = 0;  ///< age of that entry
        std::string problem;
    };
    State state() const;

private:
    Archiving(const Settings& settings, log::DiskLog& log, Clock& clock, std::mutex& changing,
              std::function<std::uint64_t()> needed_from);
    const process::archive::Archive* archive();
    /// The archive must not take the room that events need.
    Status may_add() const;
    /// The log gives away what is before the offset, and nobody else needs.
    Status release(std::uint64_t offset);
    /// Under opening_. Null where there is none, and none is wanted.
    Result<process::archive::Archive*> opened();
    Status open();
    void keep_trying();
    bool has_opened() const;

    const bool is_on_;
    std::optional<ArchivePlace> place_;  ///< set by make()
    const process::archive::ArchiverOptions options_;
    log::DiskLog& log_;
    Clock& clock_;
    std::mutex& changing_;
    const std::function<std::uint64_t()> needed_from_;
    process::archive::History history_;

    std::atomic<bool> is_stopped_{false};
    WorkerPool opener_{"archive-open", 1, 1};
    std::mutex opening_;    ///< of one who opens at a time; taken before mutex_
    bool is_none_ = false;  ///< the archive is off, and none was ever begun
    std::unique_ptr<store::ObjectStore> objects_;
    mutable std::mutex mutex_;  ///< of the rest; nobody waits for S3 with it
    std::condition_variable stopped_;
    bool is_started_ = false;
    std::int64_t tried_ns_ = 0;
    std::string problem_;  ///< why it is not open
    // Once set they stay.
    std::unique_ptr<process::archive::Archive> archive_;
    std::unique_ptr<process::archive::Archiver> archiver_;
};

}  // namespace footfall::app
