#include "app/archiving.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "base/file.h"
#include "base/logging.h"

namespace footfall::app {
namespace {

constexpr std::int64_t kOpenEveryNs = 10'000'000'000;
/// As of a backup: less free than this part of the disk, or these bytes, and nothing is added.
constexpr std::uint64_t kDiskPartLeft = 16;
constexpr std::uint64_t kBytesLeftMax = 512u << 20;

}  // namespace

Archiving::Archiving(const Settings& settings, log::DiskLog& log, Clock& clock, std::mutex& changing,
                     std::function<std::uint64_t()> needed_from)
    : is_on_(settings.archive_enabled == "on"),
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

Result<std::unique_ptr<Archiving>> Archiving::make(const Settings& settings, const std::string& data_dir,
                                                   log::DiskLog& log, Clock& clock, std::mutex& changing,
                                                   std::function<std::uint64_t()> needed_from) {
    std::unique_ptr<Archiving> archiving(new Archiving(settings, log, clock, changing, std::move(needed_from)));
    TRY(archiving->place_,
        ArchivePlace::of(settings, data_dir, [it = archiving.get()] { return it->is_stopped_.load(); }));
    return archiving;
}

Status Archiving::may_add() const {
    if (place_->folder().empty()) return {};
    TRY(const DiskSpace space, disk_space(place_->folder()));
    const std::uint64_t left = std::min(space.bytes / kDiskPartLeft, kBytesLeftMax);
    if (space.bytes_free >= left) return {};
    return Error(
        Code::kOverloaded,
        fmt::format("the disk of the archive ({}) has {} MB free, and {} are left to events; free some, or give "
                    "the archive another disk (archive.directory)",
                    place_->folder(), space.bytes_free / 1'000'000, left / 1'000'000));
}

Status Archiving::release(std::uint64_t offset) {
    const std::unique_lock nothing_is_rewritten(changing_, std::try_to_lock);
    if (!nothing_is_rewritten) return {};
    offset = std::min(offset, needed_from_());
    // A damaged segment may be put back yet.
    for (const log::Damage& damage : log_.damage()) offset = std::min(offset, damage.first);
    return log_.release({.partition = 0, .offset = offset});
}

Result<process::archive::Archive*> Archiving::opened() {
    if (archive_) return archive_.get();
    if (is_none_) return nullptr;
    {
        const std::lock_guard guard(mutex_);
        tried_ns_ = clock_.steady_ns();
    }
    const Status done = open();
    const std::lock_guard guard(mutex_);
    if (!done) {
        if (problem_ != done.error().message && !is_stopped_)
            logging::error("archive.not_opened", {{"error", done.error().message}});
        problem_ = done.error().message;
        return done.error().context("the archive can't be opened");
    }
    problem_.clear();
    if (archiver_ && is_started_ && !is_stopped_) archiver_->start();
    return archive_.get();
}

/// Under opening_.
Status Archiving::open() {
    if (!is_on_) {
        TRY(const bool is_there, place_->has_archive());
        is_none_ = !is_there;
        if (is_none_) return {};
    }
    objects_.reset();
    TRY(objects_, place_->open());
    TRY(auto archive, process::archive::Archive::open(*objects_, log_, log_.cut().log_id, clock_));
    const std::lock_guard guard(mutex_);
    archive_ = std::move(archive);
    if (is_on_) archiver_ = std::make_unique<process::archive::Archiver>(log_, *archive_, clock_, options_);
    return {};
}

void Archiving::start() {
    {
        const std::lock_guard guard(mutex_);
        is_started_ = true;
        if (archiver_) archiver_->start();
    }
    // Its one task is the only one that it ever gets.
    if (is_on_ && !opener_.submit([this] { keep_trying(); })) logging::error("archive.not_opened", {});
}

/// What hinders it is logged, and is in problem_.
void Archiving::keep_trying() {
    while (!is_stopped_) {
        {
            const std::lock_guard one_at_a_time(opening_);
            if (opened()) return;
        }
        std::unique_lock guard(mutex_);
        stopped_.wait_for(guard, std::chrono::nanoseconds(kOpenEveryNs), [this] { return is_stopped_.load(); });
    }
}

void Archiving::interrupt() {
    {
        const std::lock_guard guard(mutex_);
        is_stopped_ = true;
        if (archiver_) archiver_->interrupt();
    }
    stopped_.notify_all();
}

void Archiving::stop() {
    interrupt();
    opener_.stop();
    if (archiver_) archiver_->stop();
}

Status Archiving::rewrite(const log::ErasureRange& range, std::span<const std::string> sites,
                          const log::Rewriting& rewriting) {
    process::archive::Archive* archive = nullptr;
    {
        const std::lock_guard guard(opening_);
        TRY(archive, opened());
    }
    if (archive == nullptr) return {};
    const auto changed = archive->rewrite(range, sites, rewriting);
    if (!changed) return changed.error();
    if (*changed > 0) logging::info("archive.rewritten", {{"entries", *changed}});
    return {};
}

Status Archiving::forget(std::span<const log::Damage> damage) {
    const std::lock_guard guard(opening_);
    TRY(process::archive::Archive* const archive, opened());
    if (archive == nullptr) return {};
    return archive->forget(damage, log_.begin().offset);
}

const process::archive::Archive* Archiving::archive() {
    const auto is_tried_lately = [this] {
        const std::lock_guard guard(mutex_);
        return !archive_ && !problem_.empty() && clock_.steady_ns() - tried_ns_ < kOpenEveryNs;
    };
    // Readers ask again and again.
    if (is_tried_lately()) return nullptr;
    const std::lock_guard guard(opening_);
    if (is_tried_lately()) return nullptr;
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

bool Archiving::has_opened() const {
    const std::lock_guard guard(mutex_);
    return archive_ != nullptr;
}

Finding Archiving::check() const {
    const State now = state();
    if (!now.problem.empty())
        return {"archive", false, now.problem,
                "it tries again by itself, and no entry of the event log goes before the archive has it"};
    // Of a folder that can be said without waiting for anybody; S3 is asked when somebody needs it.
    const bool is_open = has_opened();
    const bool is_there = is_open || (!place_->folder().empty() && path_exists(place_->folder() + "/archive.json"));
    if (!is_there && !now.is_on && log_.begin().offset > 0 && !place_->folder().empty())
        return {"archive", false,
                fmt::format("the event log begins with entry {}, what came before is in its archive alone, and {} has "
                            "none",
                            log_.begin().offset, place_->where()),
                "put the archive there, or name its place (archive.directory, archive.s3_bucket)"};
    if (!now.is_on) {
        return {"archive", true,
                is_there ? fmt::format("off; {} has what was archived before", place_->where())
                         : std::string("off (archive.enabled)"),
                ""};
    }
    if (!is_open) return {"archive", true, fmt::format("{} is being opened", place_->where()), ""};
    return {"archive", true,
            fmt::format("{} has the event log up to {} of {}, {:.1f} MB; the oldest entry that it lacks is {:.0f} "
                        "minutes old",
                        place_->where(), now.next, log_.end().offset, static_cast<double>(now.bytes) / 1e6,
                        now.lag_seconds / 60),
            ""};
}

}  // namespace footfall::app
