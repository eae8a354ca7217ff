#include "app/archiving.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/file.h"
#include "base/logging.h"
#include "store/local/object_folder.h"

namespace footfall::app {
namespace {

constexpr std::int64_t kOpenEveryNs = 10'000'000'000;
constexpr int kLockWaitMs = 1'000;
/// As of a backup: less free than this part of the disk, or these bytes, and nothing is added.
constexpr std::uint64_t kDiskPartLeft = 16;
constexpr std::uint64_t kBytesLeftMax = 512u << 20;

std::string directory_of(const Settings& settings, const std::string& data_dir) {
    return settings.archive_directory.empty() ? data_dir + "/archive" : absolute_path(settings.archive_directory);
}

}  // namespace

Archiving::Archiving(const Settings& settings, const std::string& data_dir, log::DiskLog& log, Clock& clock,
                     std::mutex& changing, std::function<std::uint64_t()> needed_from)
    : is_on_(settings.archive_enabled == "on"),
      directory_(directory_of(settings, data_dir)),
      options_({.after_ms = settings.archive_after_ms,
                .rows_max = static_cast<std::size_t>(settings.archive_range_entries_max),
                .may_add = [this] { return may_add(); },
                .release = settings.log_retention_hours == 0
                               ? std::function<Status(std::uint64_t)>()
                               : [this](std::uint64_t offset) { return release(offset); }}),
      log_(log),
      clock_(clock),
      changing_(changing),
      needed_from_(std::move(needed_from)),
      history_(log, [this] { return archive(); }) {}

Status Archiving::may_add() const {
    TRY(const DiskSpace space, disk_space(directory_));
    const std::uint64_t left = std::min(space.bytes / kDiskPartLeft, kBytesLeftMax);
    if (space.bytes_free >= left) return {};
    return Error(
        Code::kOverloaded,
        fmt::format("the disk of the archive ({}) has {} MB free, and {} are left to events; free some, or give "
                    "the archive another disk (archive.directory)",
                    directory_, space.bytes_free / 1'000'000, left / 1'000'000));
}

Status Archiving::release(std::uint64_t offset) {
    const std::unique_lock nothing_is_rewritten(changing_, std::try_to_lock);
    if (!nothing_is_rewritten) return {};
    offset = std::min(offset, needed_from_());
    // A damaged segment may be put back yet.
    for (const log::Damage& damage : log_.damage()) offset = std::min(offset, damage.first);
    return log_.release({.partition = 0, .offset = offset});
}

bool Archiving::is_there() const { return path_exists(directory_ + "/archive.json"); }

Result<process::archive::Archive*> Archiving::opened() {
    if (archive_) return archive_.get();
    if (!is_on_ && !is_there()) return nullptr;
    const auto open = [this]() -> Status {
        tried_ns_ = clock_.steady_ns();
        objects_.reset();
        TRY(objects_, store::ObjectFolder::open(directory_, kLockWaitMs));
        TRY(archive_, process::archive::Archive::open(*objects_, log_, log_.cut().log_id, clock_));
        return {};
    };
    if (const Status done = open(); !done) {
        if (problem_ != done.error().message) logging::error("archive.not_opened", {{"error", done.error().message}});
        problem_ = done.error().message;
        return done.error().context("the archive can't be opened");
    }
    problem_.clear();
    if (is_on_) archiver_ = std::make_unique<process::archive::Archiver>(log_, *archive_, clock_, options_);
    if (archiver_ && is_started_ && !is_stopped_) archiver_->start();
    return archive_.get();
}

/// What hinders it is logged, and is in problem_.
void Archiving::try_to_open() { (void)opened().has_value(); }

void Archiving::start() {
    const std::lock_guard guard(mutex_);
    is_started_ = true;
    if (archiver_) archiver_->start();
    else if (is_on_) try_to_open();
}

void Archiving::interrupt() {
    const std::lock_guard guard(mutex_);
    is_stopped_ = true;
    if (archiver_) archiver_->interrupt();
}

void Archiving::stop() {
    const std::lock_guard guard(mutex_);
    is_stopped_ = true;
    if (archiver_) archiver_->stop();
}

void Archiving::tend() {
    const std::lock_guard guard(mutex_);
    if (is_on_ && !archive_ && is_started_ && !is_stopped_ && clock_.steady_ns() - tried_ns_ >= kOpenEveryNs)
        try_to_open();
}

Status Archiving::rewrite(const log::ErasureRange& range, std::span<const std::string> sites,
                          const log::Rewriting& rewriting) {
    process::archive::Archive* archive = nullptr;
    {
        const std::lock_guard guard(mutex_);
        TRY(archive, opened());
    }
    if (archive == nullptr) return {};
    const auto changed = archive->rewrite(range, sites, rewriting);
    if (!changed) return changed.error();
    if (*changed > 0) logging::info("archive.rewritten", {{"entries", *changed}});
    return {};
}

Status Archiving::forget(std::span<const log::Damage> damage) {
    const std::lock_guard guard(mutex_);
    TRY(process::archive::Archive* const archive, opened());
    if (archive == nullptr) return {};
    return archive->forget(damage, log_.begin().offset);
}

const process::archive::Archive* Archiving::archive() {
    const std::lock_guard guard(mutex_);
    // Readers ask again and again.
    if (!archive_ && !problem_.empty() && clock_.steady_ns() - tried_ns_ < kOpenEveryNs) return nullptr;
    return opened().value_or(nullptr);
}

Archiving::State Archiving::state() const {
    const std::lock_guard guard(mutex_);
    State state{.is_on = is_on_, .problem = problem_};
    if (archive_) state.bytes = archive_->totals().bytes;
    if (!archiver_) return state;
    const process::archive::ArchiverState archiver = archiver_->state();
    state.next = archiver.next;
    state.problem = archiver.problem;
    if (archiver.oldest_ms > 0)
        state.lag_seconds =
            static_cast<double>(std::max<std::int64_t>(0, clock_.wall_ms() - archiver.oldest_ms)) / 1000;
    return state;
}

Finding Archiving::check() const {
    const State now = state();
    if (!now.problem.empty())
        return {"archive", false, now.problem,
                "it tries again by itself, and no entry of the event log goes before the archive has it"};
    if (!is_there() && log_.begin().offset > 0)
        return {"archive", false,
                fmt::format("the event log begins with entry {}, what came before is in its archive alone, and {} has "
                            "none",
                            log_.begin().offset, directory_),
                "put the archive there, or name its folder (archive.directory)"};
    if (!now.is_on) {
        return {"archive", true,
                is_there() ? fmt::format("off; {} has what was archived before", directory_)
                           : std::string("off (archive.enabled)"),
                ""};
    }
    return {"archive", true,
            fmt::format("{} has the event log up to {} of {}, {:.1f} MB; the oldest entry that it lacks is {:.0f} "
                        "minutes old",
                        directory_, now.next, log_.end().offset, static_cast<double>(now.bytes) / 1e6,
                        now.lag_seconds / 60),
            ""};
}

}  // namespace footfall::app
