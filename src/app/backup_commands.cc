#include "app/backup_commands.h"

#include <linux/ioprio.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <optional>
#include <utility>

#include <fmt/format.h>

#include "app/archive_place.h"
#include "app/control.h"
#include "app/data_format.h"
#include "app/machine.h"
#include "app/offline.h"
#include "app/services.h"
#include "app/version.h"
#include "base/file.h"
#include "base/json.h"
#include "base/logging.h"

namespace footfall::app {
namespace {

/// Days are kept once a day, for seconds: a second cut is right.
constexpr int kCutsMax = 100;

constexpr int kLockWaitMs = 5'000;

double mebibytes(std::uint64_t bytes) { return static_cast<double>(bytes) / (1 << 20); }

/// Gives way to the server in what the kernel decides: cores, and the disk where its scheduler knows classes.
void give_way() {
    ::setpriority(PRIO_PROCESS, 0, 10);
    ::syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, IOPRIO_PRIO_VALUE(IOPRIO_CLASS_IDLE, 0));
}

std::string backup_json(const backup::Report& report) {
    std::string out;
    json::Writer writer(out);
    writer.begin_object();
    writer.member("directory", report.directory);
    writer.member("begin", report.begin);
    writer.member("end", report.end);
    writer.member("archive_ranges", report.archive_ranges);
    writer.member("files", report.files);
    writer.member("bytes", report.bytes);
    writer.member("files_copied", report.files_copied);
    writer.member("bytes_copied", report.bytes_copied);
    writer.key("damage");
    backup::write_damage(writer, report.damage);
    writer.end_object();
    return out + "\n";
}

bool never_stops() { return false; }

/// A retention has no such file: its site's mark is in the catalog, by which a restored installation completes it.
Status check_nothing_is_rewritten(const std::string& data_dir) {
    for (const auto& [file, what] : {std::pair("/erasure.pending", "an erasure"), {"/rescore.pending", "a re-scoring"}})
        if (path_exists(data_dir + file))
            return Error(Code::kConflict,
                         fmt::format("{} is under way, or was cut off and is completed by 'footfall serve'; make the "
                                     "backup when it is done, so that the archive in it is not half of before it",
                                     what));
    return {};
}

Result<CommandResult> back_up(const backup::Cut& cut, const Settings& settings, const std::string& data_dir,
                              const Args& args, backup::Pace pace) {
    std::optional<backup::ArchiveSource> archive;
    if (cut.log.begin > 0 && !args.has("--without-archive")) {
        TRY(const ArchivePlace place, ArchivePlace::of(settings, data_dir, never_stops));
        archive = {.open = [place] { return place.look(); },
                   .check_still = [data_dir] { return check_nothing_is_rewritten(data_dir); }};
    }
    TRY(const backup::Report report,
        backup::write_backup(cut, data_dir + "/log", args.positional[0], pace, system_clock(), archive));
    const std::string of_archive =
        report.archive_ranges > 0
            ? fmt::format(", and what came before in {} ranges of the archive,", report.archive_ranges)
            : "";
    CommandResult result;
    result.output = args.has("--json")
                        ? backup_json(report)
                        : fmt::format(
                              "backed up entries {} to {} of the event log{} to {}: {:.1f} MiB, {:.1f} of them "
                              "new\n",
                              report.begin, report.end, of_archive, report.directory, mebibytes(report.bytes),
                              mebibytes(report.bytes_copied));
    const Status noted =
        backup::note_backup(data_dir, {.directory = report.directory, .made_ms = cut.made_ms, .end = report.end});
    // The backup is whole all the same; only doctor would not know of it.
    if (!noted)
        result.errors += fmt::format("footfall: the backup was made, but 'footfall doctor' will not say so: {}\n",
                                     noted.error().message);
    for (const log::Damage& damage : report.damage)
        result.errors += fmt::format(
            "footfall: entries {} to {} of the event log can't be read ({}), nor in the "
            "backup: put that file back from an earlier backup\n",
            damage.first, damage.last, damage.where);
    return result;
}

std::optional<Result<CommandResult>> back_up_beside_server(const Settings& settings, const std::string& data_dir,
                                                           const Args& args) {
    auto answer = cut_by_server(data_dir);
    if (!answer) return std::nullopt;
    const auto copy = [&]() -> Result<CommandResult> {
        if (!*answer) return answer->error();
        TRY(const backup::Cut cut, backup::decode_cut(**answer));
        give_way();
        return back_up(cut, settings, data_dir, args, backup::Pace::kBesideServer);
    };
    return copy();
}

Result<CommandResult> run_backup(const Settings& settings, const Args& args) {
    const std::string data_dir = absolute_path(settings.data_dir);
    if (auto done = back_up_beside_server(settings, data_dir, args)) return std::move(*done);
    TRY_STATUS(require_installation(data_dir));
    auto lock = take_data_dir(data_dir, kLockWaitMs);
    if (!lock && lock.error().code == Code::kConflict) {
        // A server that has just started may have its socket by now.
        if (auto done = back_up_beside_server(settings, data_dir, args)) return std::move(*done);
    }
    if (!lock) return lock.error();
    logging::configure(logging::Level::kWarn, logging::Format::kText, "command");
    TRY(const auto log, log::DiskLog::open(log_options(settings, data_dir), system_clock()));
    TRY(const auto catalog, catalog::Catalog::open(data_dir + "/catalog.db", system_clock()));
    TRY(const backup::Cut cut, cut_of(*log, *catalog, data_dir, system_clock()));
    return back_up(cut, settings, data_dir, args, backup::Pace::kAlone);
}

std::string restore_json(const backup::Restored& restored, const std::string& data_dir) {
    std::string out;
    json::Writer writer(out);
    const auto range = [&](const log::Damage& entries) {
        writer.member("first", entries.first);
        writer.member("last", entries.last);
    };
    writer.begin_object();
    writer.member("data", data_dir);
    writer.member("made_by", restored.made_by);
    writer.member("made_at", iso_text(restored.made_ms));
    writer.member("begin", restored.begin);
    writer.member("end", restored.end);
    writer.member("bytes", restored.bytes);
    writer.member("has_catalog", restored.has_catalog);
    writer.key("archive");
    if (restored.archive_where.empty()) {
        writer.null();
    } else {
        writer.begin_object();
        writer.member("where", restored.archive_where);
        writer.member("ranges", restored.archive_ranges);
        writer.key("missing");
        writer.begin_array();
        for (const log::Damage& entries : restored.archive_missing) {
            writer.begin_object();
            range(entries);
            writer.end_object();
        }
        writer.end_array();
        writer.end_object();
    }
    writer.key("missing");
    if (restored.missing) {
        writer.begin_object();
        range(*restored.missing);
        writer.end_object();
    } else {
        writer.null();
    }
    writer.key("damaged");
    writer.begin_array();
    for (const backup::Flaw& flaw : restored.flaws) {
        writer.begin_object();
        writer.member("file", flaw.file);
        writer.member("what", flaw.what);
        if (flaw.entries) range(*flaw.entries);
        writer.end_object();
    }
    writer.end_array();
    writer.end_object();
    return out + "\n";
}

Result<CommandResult> run_restore(const Settings& settings, const Args& args) {
    const std::string data_dir = absolute_path(settings.data_dir);
    const auto on_damage = args.has("--up-to-damage") ? backup::OnDamage::kTakePrefix : backup::OnDamage::kRefuse;
    // A backup without an archive asks nothing of its settings.
    const backup::ArchiveTarget archive{
        .look = [&]() -> Result<std::unique_ptr<const store::ObjectStore>> {
            TRY(const ArchivePlace place, ArchivePlace::of(settings, data_dir, never_stops));
            return place.look();
        },
        .open = [&]() -> Result<std::unique_ptr<store::ObjectStore>> {
            TRY(const ArchivePlace place, ArchivePlace::of(settings, data_dir, never_stops));
            return place.open();
        }};
    TRY(const backup::Restored restored,
        backup::restore(args.positional[0], data_dir, on_damage, system_clock(), archive));
    CommandResult result;
    const std::string of_archive = restored.archive_where.empty()
                                       ? ""
                                       : fmt::format(", and what came before as {} ranges of the archive into {}",
                                                     restored.archive_ranges, restored.archive_where);
    result.output = args.has("--json")
                        ? restore_json(restored, data_dir)
                        : fmt::format(
                              "restored entries {} to {} of the event log into {}{}, as of {}\n"
                              "Start 'footfall serve --data {}': it fills the store from them.\n",
                              restored.begin, restored.end, data_dir, of_archive, iso_text(restored.made_ms), data_dir);
    if (restored.begin > 0 && restored.archive_where.empty())
        result.errors += fmt::format(
            "footfall: what came before entry {} is in the archive alone: put its copy into {}/archive before the "
            "start, or name its folder (archive.directory)\n",
            restored.begin, data_dir);
    for (const backup::Flaw& flaw : restored.flaws)
        result.errors += fmt::format("footfall: {} of the backup {}\n", flaw.file, flaw.what);
    for (const log::Damage& missing : restored.archive_missing)
        result.errors += fmt::format(
            "footfall: entries {} to {}, which the archive alone had, are missing; 'footfall serve' goes on without "
            "them\n",
            missing.first, missing.last);
    if (restored.missing)
        result.errors += fmt::format(
            "footfall: entries {} to {} of the event log are in the backup no more, or behind "
            "what is not; they are missing\n",
            restored.missing->first, restored.missing->last);
    if (!restored.has_catalog)
        result.errors +=
            "footfall: sites, users and keys are missing; add the sites with 'footfall site add --id ID'\n";
    return result;
}

}  // namespace

Result<backup::Cut> cut_of(const log::DiskLog& log, const catalog::Catalog& catalog, const std::string& data_dir,
                           Clock& clock) {
    backup::Cut cut{.made_by = version_number(), .made_ms = clock.wall_ms(), .log = {}, .files = {}};
    // In this order: days of the demo that the journal calls sent are in the log, and every event's site is in the
    // catalog.
    const std::string journal(backup::kDemoJournal);
    if (path_exists(data_dir + "/" + journal)) {
        TRY(cut.files[journal], read_file(data_dir + "/" + journal));
    }
    // And kept days of which the catalog knows are in the log, which they are written to first.
    for (int attempt = 0; attempt < kCutsMax; ++attempt) {
        cut.log = log.cut();
        TRY(cut.files[std::string(backup::kCatalog)], catalog.backup_copy());
        TRY(const auto kept, catalog.kept_ranges());
        if (kept.empty() || kept.front().end <= cut.log.end) return cut;
    }
    return Error(Code::kConflict, "events are expiring all the time; make the backup again");
}

Finding check_backup(const std::string& data_dir, std::int64_t now_ms) {
    constexpr std::int64_t kDayMs = 86'400'000;
    const auto last = backup::last_backup(data_dir);
    if (!last) return {"backup", false, last.error().message, "run footfall backup"};
    if (!*last) return {"backup", true, "none is known; 'footfall backup DIR' makes one", ""};
    return {"backup", true,
            fmt::format("the last one was made {}, {} days ago, in {}", iso_text((*last)->made_ms),
                        (now_ms - (*last)->made_ms) / kDayMs, (*last)->directory),
            ""};
}

Result<CommandResult> run_in_own_process(const Settings& settings, std::span<const std::string> argv) {
    const Args args = args_of_command(argv);
    return argv[0] == "backup" ? run_backup(settings, args) : run_restore(settings, args);
}

}  // namespace footfall::app
