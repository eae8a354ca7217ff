#include "store/embedded/store_main.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <map>
#include <thread>

#include <fmt/format.h>

#include "base/file.h"
#include "base/logging.h"
#include "store/embedded/confine.h"
#include "store/embedded/engine.h"
#include "store/embedded/server.h"

namespace footfall::store::embedded {
namespace {

constexpr int kGraceMs = 2'000;
constexpr unsigned kEndAfterSeconds = 5;
// An orphan of a killed server may still be on its way out.
constexpr int kLockWaitMs = 5'000;

template <class Number>
bool read_number(std::string_view text, Number& out) {
    const auto end = std::from_chars(text.data(), text.data() + text.size(), out);
    return end.ec == std::errc() && end.ptr == text.data() + text.size() && !text.empty();
}

std::string xml_escaped(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c == '&') out += "&amp;";
        else if (c == '<') out += "&lt;";
        else if (c == '>') out += "&gt;";
        else out += c;
    }
    return out;
}

// On a full disk the engine takes a write that fails for done and makes an empty part, so it is kept from filling it:
// below this it begins neither insert nor merge. The log refuses events earlier, at a twentieth or 256 MiB.
std::uint64_t bytes_kept_free(const std::string& directory) {
    const auto space = disk_space(directory);
    return space ? std::min<std::uint64_t>(space->bytes / 64, 64u << 20) : 0;
}

// The engine would read a config.xml of the working directory or of the user's home if it were not given its own. The
// limits are those of a machine of 1 GiB, in proportion; the engine's own defaults are those of a server (caches of 5
// GiB, 90 % of the memory).
std::string engine_config(const StoreOptions& options) {
    return fmt::format(R"(<clickhouse>
    <max_server_memory_usage>{memory}</max_server_memory_usage>
    <mark_cache_size>{cache}</mark_cache_size>
    <primary_index_cache_size>{cache}</primary_index_cache_size>
    <index_mark_cache_size>{small_cache}</index_mark_cache_size>
    <index_uncompressed_cache_size>0</index_uncompressed_cache_size>
    <uncompressed_cache_size>0</uncompressed_cache_size>
    <mmap_cache_size>0</mmap_cache_size>
    <query_cache><max_size_in_bytes>0</max_size_in_bytes></query_cache>
    <query_condition_cache_size>{small_cache}</query_condition_cache_size>
    <compiled_expression_cache_size>16777216</compiled_expression_cache_size>
    <background_pool_size>1</background_pool_size>
    <background_schedule_pool_size>2</background_schedule_pool_size>
    <background_common_pool_size>2</background_common_pool_size>
    <background_move_pool_size>1</background_move_pool_size>
    <background_fetches_pool_size>1</background_fetches_pool_size>
    <background_buffer_flush_schedule_pool_size>1</background_buffer_flush_schedule_pool_size>
    <background_distributed_schedule_pool_size>1</background_distributed_schedule_pool_size>
    <background_message_broker_schedule_pool_size>1</background_message_broker_schedule_pool_size>
    <max_thread_pool_size>500</max_thread_pool_size>
    <max_thread_pool_free_size>10</max_thread_pool_free_size>
    <storage_configuration><disks><default>
        <keep_free_space_bytes>{keep_free}</keep_free_space_bytes>
    </default></disks></storage_configuration>
    <merge_tree>
        <max_suspicious_broken_parts>1000000</max_suspicious_broken_parts>
        <max_suspicious_broken_parts_bytes>1000000000000000</max_suspicious_broken_parts_bytes>
    </merge_tree>
    <user_files_path>{directory}/user_files</user_files_path>
    <backups><allowed_path>{directory}/backups</allowed_path></backups>
</clickhouse>
)",
                       fmt::arg("memory", options.memory_max),
                       fmt::arg("cache", std::min<std::uint64_t>(options.memory_max / 18, 256u << 20)),
                       fmt::arg("small_cache", std::min<std::uint64_t>(options.memory_max / 72, 64u << 20)),
                       fmt::arg("keep_free", bytes_kept_free(options.data_dir)),
                       fmt::arg("directory", xml_escaped(options.data_dir)));
}

// What every statement starts from. The last three undo what the engine sets for the command line, so that it parses as
// a server does.
std::map<std::string, std::string> standard_settings(const StoreOptions& options, unsigned threads) {
    const std::uint64_t spill = options.memory_max / 5;
    return {{"max_memory_usage", std::to_string(options.memory_max / 12 * 7)},
            {"max_bytes_before_external_group_by", std::to_string(spill)},
            {"max_bytes_before_external_sort", std::to_string(spill)},
            {"max_threads", std::to_string(threads)},
            {"max_insert_threads", "1"},
            {"max_block_size", "8192"},
            {"max_insert_block_size", "1048576"},
            {"async_insert", "0"},
            {"implicit_select", "0"},
            {"allow_introspection_functions", "0"},
            {"storage_file_read_method", "pread"}};
}

// Whether the directory takes a file: if not, it is the disk's fault and not the store's.
Status probe_writable(const std::string& directory) {
    const std::string path = directory + "/.probe";
    TRY_STATUS(write_file_atomically(path, std::string(64 * 1024, '.')));
    return remove_file(path);
}

// "26.7.3" as numbers that compare.
std::array<int, 3> version_numbers(std::string_view text) {
    std::array<int, 3> numbers{};
    for (int& number : numbers) {
        const auto end = std::from_chars(text.data(), text.data() + text.size(), number);
        text.remove_prefix(std::min(static_cast<std::size_t>(end.ptr - text.data()) + 1, text.size()));
    }
    return numbers;
}

constexpr std::string_view kVersionFile = "/engine-version";

// An older engine may misread what a newer one wrote, and would then be taken for a damaged directory: it stays
// untouched.
Status refuse_newer(const std::string& directory, const std::string& version) {
    const std::string path = directory + std::string(kVersionFile);
    if (!path_exists(path)) return {};
    TRY(const std::string written_by, read_file(path));
    if (version_numbers(written_by) <= version_numbers(version)) return {};
    return Error(
        Code::kConflict,
        fmt::format(
            "the event store in {} was written by the engine {}, and this release has {}: run the newer release",
            directory, written_by, version));
}

int code_of(StoreExit exit) { return static_cast<int>(exit); }

int report(StoreExit exit, std::string_view event, const Error& error) {
    logging::error(event, {{"reason", error.message}});
    return code_of(exit);
}

extern "C" void end_now(int) {
    constexpr char kText[] = "the store did not stop in time and ends as it is; nothing that was answered is lost\n";
    if (::write(STDERR_FILENO, kText, sizeof kText - 1) < 0) ::_exit(1);
    ::_exit(0);
}

int serve(const StoreOptions& options, const sigset_t& stop_signals) {
    if (const auto made = make_directories(options.data_dir); !made)
        return report(StoreExit::kFailed, "store.directory", made.error());
    const auto lock = LockFile::acquire(options.data_dir + "/footfall.lock", kLockWaitMs);
    if (!lock)
        return report(lock.error().code == Code::kConflict ? StoreExit::kInUse : StoreExit::kFailed, "store.lock",
                      lock.error());
    const std::string config_path = options.data_dir + "/config.xml";
    const std::string config = engine_config(options);
    const auto before = read_file(config_path);  // which is mostly the same, and needs no room on a full disk
    if (const Status written = before && *before == config ? Status() : write_file_atomically(config_path, config);
        !written)
        return report(StoreExit::kFailed, "store.config", written.error());
    if (::chdir(options.data_dir.c_str()) != 0)
        return report(StoreExit::kFailed, "store.directory", errno_error("chdir " + options.data_dir, errno));

    const unsigned threads = options.threads != 0 ? options.threads : std::max(1u, std::thread::hardware_concurrency());
    StoreServerOptions server_options;
    server_options.queries.at_once = threads;
    StoreServer server(server_options);
    if (const auto listening = server.listen(options.address); !listening)
        return report(StoreExit::kFailed, "store.listen", listening.error());

    if (!path_exists(options.library))
        return report(StoreExit::kNoEngine, "store.engine",
                      Error(Code::kUnavailable, "the event store's library is not at " + options.library +
                                                    ": run scripts/install, or name it with store.library"));
    const auto missing = confine({.writable = {options.data_dir}, .readable = {options.library}});
    if (!missing) return report(StoreExit::kFailed, "store.confinement", missing.error());
    for (const std::string& sentence : *missing) logging::warn("store.confinement", {{"missing", sentence}});

    const auto engine = Engine::load(options.library);
    if (!engine) return report(StoreExit::kNoEngine, "store.engine", engine.error());
    const std::string version = (*engine)->version();
    if (const auto known = refuse_newer(options.data_dir, version); !known)
        return report(StoreExit::kFailed, "store.engine", known.error());
    const auto started = server.start(**engine, {"--path=" + options.data_dir, "--config-file=" + config_path},
                                      standard_settings(options, threads));
    if (!started) {
        if (const auto writable = probe_writable(options.data_dir); !writable)
            return report(StoreExit::kFailed, "store.disk", writable.error());
        return report(started.error().code == Code::kCorrupt ? StoreExit::kWillNotOpen : StoreExit::kFailed,
                      "store.open", started.error());
    }
    if (const auto noted = write_file_atomically(options.data_dir + std::string(kVersionFile), version); !noted)
        logging::warn("store.version_not_noted", {{"reason", noted.error().message}});
    logging::info("store.open", {{"directory", options.data_dir}, {"engine", version}});

    int signal = 0;
    while (::sigwait(&stop_signals, &signal) != 0) {}
    ::alarm(kEndAfterSeconds - 1);
    server.stop(kGraceMs);
    logging::info("store.stopped");
    return code_of(StoreExit::kStopped);
}

}  // namespace

std::vector<std::string> to_arguments(const StoreOptions& options) {
    return {"--data-dir=" + options.data_dir,
            "--address=" + options.address,
            "--library=" + options.library,
            fmt::format("--memory-max={}", options.memory_max),
            fmt::format("--threads={}", options.threads),
            "--log-level=" + options.log_level,
            "--log-format=" + options.log_format,
            fmt::format("--parent-pid={}", options.parent_pid)};
}

Result<StoreOptions> parse_store_options(std::span<const std::string> words) {
    StoreOptions options;
    for (const std::string& word : words) {
        const std::size_t equals = std::min(word.find('='), word.size());
        const std::string name = word.substr(0, equals);
        const std::string value = word.substr(std::min(equals + 1, word.size()));
        bool fine = true;
        if (name == "--data-dir") options.data_dir = value;
        else if (name == "--address") options.address = value;
        else if (name == "--library") options.library = value;
        else if (name == "--memory-max") fine = read_number(value, options.memory_max);
        else if (name == "--threads") fine = read_number(value, options.threads);
        else if (name == "--log-level") options.log_level = value;
        else if (name == "--log-format") options.log_format = value;
        else if (name == "--parent-pid") fine = read_number(value, options.parent_pid);
        else
            return Error(Code::kInvalidArgument,
                         "unknown argument " + name + "; 'footfall store' is started by 'footfall serve'", name);
        if (!fine) return Error(Code::kInvalidArgument, "'" + value + "' is no value of " + name, name);
    }
    for (const auto& [name, value] :
         {std::pair("--data-dir", &options.data_dir), std::pair("--address", &options.address),
          std::pair("--library", &options.library)})
        if (value->empty())
            return Error(Code::kInvalidArgument,
                         std::string(name) + " is missing; 'footfall store' is started by 'footfall serve'", name);
    // With a relative path every insert that syncs its directory fails: the engine doubles the path.
    options.data_dir = absolute_path(options.data_dir);
    options.library = absolute_path(options.library);
    return options;
}

int run_store(const StoreOptions& options) {
    using logging::Level;
    const Level level = options.log_level == "debug"   ? Level::kDebug
                        : options.log_level == "warn"  ? Level::kWarn
                        : options.log_level == "error" ? Level::kError
                                                       : Level::kInfo;
    logging::configure(level, options.log_format == "json" ? logging::Format::kJson : logging::Format::kText, "store");
    ::prctl(PR_SET_NAME, "footfall-store");
    if (options.parent_pid != 0)
        if (const auto bound = die_with_parent(options.parent_pid); !bound)
            return report(StoreExit::kFailed, "store.parent", bound.error());

    // Waited for, not handled; every thread of the engine inherits the mask.
    sigset_t stop_signals;
    ::sigemptyset(&stop_signals);
    ::sigaddset(&stop_signals, SIGTERM);
    ::sigaddset(&stop_signals, SIGINT);
    ::pthread_sigmask(SIG_BLOCK, &stop_signals, nullptr);
    ::signal(SIGPIPE, SIG_IGN);
    ::signal(SIGXFSZ, SIG_IGN);  // a limit on the size of files is a write that fails
    ::signal(SIGALRM, end_now);
    const int code = serve(options, stop_signals);
    // The library's global destructors have nothing to do any more and take their time.
    ::_exit(code);
}

}  // namespace footfall::store::embedded
