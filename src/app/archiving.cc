#include "app/archiving.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/file.h"
#include "base/logging.h"
#include "store/local/object_folder.h"

namespace footfall::app {
namespace {

constexpr std::int64_t kOpenEveryNs = 10'000'000'000;
constexpr int kLockWaitMs = 1'000;

std::string directory_of(const Settings& settings, const std::string& data_dir) {
    return settings.archive_directory.empty() ? data_dir + "/archive" : absolute_path(settings.archive_directory);
}

}  // namespace

Archiving::Archiving(const Settings& settings, const std::string& data_dir, const log::DiskLog& log, Clock& clock)
    : is_on_(settings.archive_enabled == "on"),
      directory_(directory_of(settings, data_dir)),
      options_({.after_ms = settings.archive_after_ms,
                .rows_max = static_cast<std::size_t>(settings.archive_range_entries_max)}),
      log_(log),
      clock_(clock) {}

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

void Archiving::start() {
    const std::lock_guard guard(mutex_);
    is_started_ = true;
    if (archiver_) archiver_->start();
    else if (is_on_) (void)opened();
}

void Archiving::stop() {
    const std::lock_guard guard(mutex_);
    is_stopped_ = true;
    if (archiver_) archiver_->stop();
}

void Archiving::tend() {
    const std::lock_guard guard(mutex_);
    if (is_on_ && !archive_ && is_started_ && !is_stopped_ && clock_.steady_ns() - tried_ns_ >= kOpenEveryNs)
        (void)opened();
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
