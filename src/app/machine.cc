#include "app/machine.h"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

#include "app/https.h"
#include "base/clock.h"
#include "base/failpoint.h"
#include "enrich/bot_signals.h"

namespace footfall::app {
namespace {

/// Samples of rejected events are kept for thirty days, and the log alone can give them to a store that lost them, or
/// say whose they are; and for seven, an event id is known again from the log.
constexpr std::int64_t kLogHoursMin = 31 * 24;

std::string program_directory() {
    std::error_code error;
    return std::filesystem::read_symlink("/proc/self/exe", error).parent_path().string();
}

}  // namespace

Result<std::string> find_library(const std::string& setting) {
    if (!setting.empty()) {
        if (path_exists(setting)) return absolute_path(setting);
        return Error(Code::kInvalidArgument, "store.library names " + setting + ", which is not there",
                     "store.library");
    }
    std::vector<std::string> candidates = {program_directory() + "/libchdb.so",
                                           program_directory() + "/../lib/footfall/libchdb.so"};
    for (const std::string& directory : enrich::default_directories(program_directory()))
        candidates.push_back(directory + "/@chdb/lib-linux-x64-gnu/libchdb.so");
    for (const std::string& candidate : candidates)
        if (path_exists(candidate)) return absolute_path(candidate);
    return Error(Code::kUnavailable, "libchdb.so is not found; run scripts/install build, or set store.library",
                 "store.library");
}

enrich::DataFiles data_files(const Settings& settings) {
    enrich::DataFiles files;
    for (const std::string& path : {settings.enrich_geo_v4, settings.enrich_geo_v6})
        if (!path.empty()) files.geo.push_back(path);
    files.user_agents = settings.enrich_user_agent_rules;
    files.crawlers = settings.enrich_crawlers;
    files.referrer_spam = settings.enrich_referrer_spam;
    files.networks = settings.enrich_datacenter_networks;
    files.directories = enrich::default_directories(program_directory());
    return files;
}

Result<enrich::BotOptions> bot_options(const Settings& settings) {
    TRY(const enrich::BotSignals signals, enrich::BotSignals::parse(settings.enrich_bot_signals));
    return enrich::BotOptions{.signals = signals,
                              .pageviews_per_minute = static_cast<double>(settings.enrich_bot_pageviews_per_minute)};
}

Result<std::shared_ptr<const enrich::Tables>> load_tables(const Settings& settings) {
    TRY(const enrich::BotOptions bots, bot_options(settings));
    return enrich::Tables::load(data_files(settings), bots);
}

Finding check_processor() {
    const bool avx2 = __builtin_cpu_supports("avx2") != 0;
    return {"cpu", avx2, avx2 ? "has AVX2" : "has no AVX2, which the embedded ClickHouse needs",
            avx2 ? "" : "use a machine with AVX2 (x86-64-v3)"};
}

std::string free_space_text(const DiskSpace& space, const std::string& path) {
    return fmt::format("{} MiB free at {}", space.bytes_free >> 20, path);
}

void check_enrichment(const enrich::Tables& tables, std::vector<Finding>& findings) {
    for (const enrich::StepStatus& step : tables.status())
        findings.push_back({std::string("enrichment: ") + std::string(step.step), step.enabled,
                            step.enabled ? step.data : step.problem,
                            step.enabled ? "" : "run scripts/install build, or name the file in the settings"});
}

Result<std::vector<enrich::ListInfo>> installed_lists(const Settings& settings) {
    TRY(const auto tables, load_tables(settings));
    return tables->lists();
}

log::DiskLogOptions log_options(const Settings& settings, const std::string& data_dir) {
    log::DiskLogOptions options;
    options.directory = data_dir + "/log";
    options.segment_bytes_max = static_cast<std::uint64_t>(settings.log_segment_bytes);
    options.retention_ms_min = std::max(settings.log_retention_hours, kLogHoursMin) * 3'600'000;
    if (failpoint("log.retention") == Fault::kError) options.retention_ms_min = 0;
    if (settings.log_disk_reserve_bytes > 0)
        options.free_bytes_min = static_cast<std::uint64_t>(settings.log_disk_reserve_bytes);
    return options;
}

std::vector<Finding> check_machine(const Settings& settings) {
    std::vector<Finding> findings = {check_processor()};
    const auto library = find_library(settings.store_library);
    findings.push_back({"engine", library.has_value(), library ? *library : library.error().message,
                        library ? "" : "follow what the message says"});
    std::filesystem::path there = absolute_path(settings.data_dir);
    while (!path_exists(there) && there.has_relative_path()) there = there.parent_path();
    if (const auto space = disk_space(there)) findings.push_back({"disk", true, free_space_text(*space, there), ""});
    if (const auto tables = load_tables(settings)) check_enrichment(**tables, findings);
    else findings.push_back({"enrichment", false, tables.error().message, "follow what the message says"});
    check_tls(settings, system_clock().wall_ms(), findings);
    return findings;
}

}  // namespace footfall::app
