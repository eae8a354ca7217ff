#include "store/embedded/supervisor.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>

#include <fmt/format.h>

#include "base/logging.h"
#include "base/metrics.h"
#include "base/worker_pool.h"

namespace footfall::store::embedded {
namespace {

constexpr int kPollMs = 20;
constexpr int kHealthMs = 1'000;  // between the questions to a store that is ready
constexpr int kSilencesMax = 2;   // one may be a machine that is busy for a moment
constexpr int kRefusalsMax = 2;
constexpr int kCrashesMax = 5;
constexpr std::int64_t kSettledNs = 60'000'000'000;

metrics::Counter& starts_counter() {
    return metrics::counter("footfall_store_starts_total", "Processes of the embedded event store started.");
}

std::string exit_text(int status) {
    if (WIFSIGNALED(status))
        return fmt::format("it was ended by signal {} ({})", WTERMSIG(status), ::sigdescr_np(WTERMSIG(status)));
    switch (static_cast<StoreExit>(WEXITSTATUS(status))) {
        case StoreExit::kStopped: return "it stopped by itself";
        case StoreExit::kUsage: return "it did not understand its arguments";
        case StoreExit::kWillNotOpen: return "the engine does not open its directory";
        case StoreExit::kNoEngine:
            return "the engine's library is missing or does not run on this processor; see the log";
        case StoreExit::kInUse: return "another process has its directory open";
        case StoreExit::kFailed: break;
    }
    return fmt::format("it failed (exit code {}); see the log", WEXITSTATUS(status));
}

}  // namespace

Supervisor::Supervisor(SupervisorOptions options)
    : options_(std::move(options)),
      client_(Endpoint{.address = options_.store.address}, 2),
      stop_event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    FOOTFALL_CHECK(stop_event_.is_open());
    state_.problem = "the event store was not started";
}

Supervisor::~Supervisor() { stop(); }

void Supervisor::start() {
    set_problem("the event store is starting");
    thread_ = std::thread([this] { run(); });
}

void Supervisor::stop(int grace_ms) {
    if (!thread_.joinable()) return;
    stop_grace_ms_ = grace_ms;
    const std::uint64_t one = 1;
    FOOTFALL_CHECK(::write(stop_event_.fd(), &one, sizeof one) == sizeof one);
    thread_.join();
}

void Supervisor::restart(std::string reason) {
    const std::lock_guard lock(mutex_);
    restart_reason_ = std::move(reason);
}

std::string Supervisor::take_restart_reason() {
    const std::lock_guard lock(mutex_);
    return std::exchange(restart_reason_, {});
}

SupervisorState Supervisor::state() const {
    const std::lock_guard lock(mutex_);
    return state_;
}

Status Supervisor::wait_ready(int timeout_ms) const {
    std::unique_lock lock(mutex_);
    if (changed_.wait_for(lock, std::chrono::milliseconds(timeout_ms), [this] { return state_.ready; })) return {};
    return Error(Code::kUnavailable, "the event store is not ready: " + state_.problem);
}

void Supervisor::set_problem(std::string problem) {
    const std::lock_guard lock(mutex_);
    state_.ready = false;
    state_.problem = std::move(problem);
}

void Supervisor::set_ready() {
    {
        const std::lock_guard lock(mutex_);
        state_.ready = true;
        state_.problem.clear();
    }
    changed_.notify_all();
}

// The child is bound to the thread that starts it, so this one lives as long as the supervisor.
void Supervisor::run() {
    name_thread("store-supervisor");
    int backoff_ms = options_.backoff_first_ms;
    may_move_aside_ = path_exists(options_.store.data_dir);
    for (;;) {
        const std::int64_t started_ns = options_.clock->steady_ns();
        auto child = spawn();
        Ending ending = Ending::kFailed;
        bool was_ready = false;
        if (child) {
            ending = watch(*child, was_ready);
        } else {
            logging::error("store.start_failed", {{"reason", child.error().message}});
            set_problem(child.error().message);
        }
        if (ending == Ending::kStopped) return;
        if (was_ready && options_.clock->steady_ns() - started_ns > kSettledNs) backoff_ms = options_.backoff_first_ms;
        if (was_ready) {
            refused_in_a_row_ = 0;
            crashes_in_a_row_ = 0;
            may_move_aside_ = true;
        } else {
            count_failure(ending);
        }
        if (!pause(nullptr, backoff_ms)) return;
        backoff_ms = std::min(backoff_ms * 2, options_.backoff_max_ms);
    }
}

void Supervisor::count_failure(Ending ending) {
    if (ending == Ending::kWillNotOpen) ++refused_in_a_row_;
    if (ending == Ending::kCrashed) ++crashes_in_a_row_;
    if ((refused_in_a_row_ < kRefusalsMax && crashes_in_a_row_ < kCrashesMax) || !may_move_aside_) return;
    refused_in_a_row_ = 0;
    crashes_in_a_row_ = 0;
    if (const auto moved = move_aside(); !moved) {
        logging::error("store.move_aside_failed", {{"reason", moved.error().message}});
        set_problem(moved.error().message);
    }
}

Result<Supervisor::Child> Supervisor::spawn() {
    StoreOptions store = options_.store;
    store.parent_pid = ::getpid();
    std::vector<std::string> words = options_.words;
    for (std::string& word : to_arguments(store)) words.push_back(std::move(word));
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    // SQL can read the environment of its own process: nothing of ours goes there. The engine's days are UTC's.
    std::vector<std::string> variables = {"PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8", "TZ=UTC"};
    for (const char* name : {"FOOTFALL_FAILPOINTS", "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS"})
        if (const char* value = ::getenv(name); value != nullptr) variables.push_back(std::string(name) + "=" + value);
    std::vector<char*> environment;
    for (std::string& variable : variables) environment.push_back(variable.data());
    environment.push_back(nullptr);

    posix_spawnattr_t attributes;
    posix_spawn_file_actions_t files;
    ::posix_spawnattr_init(&attributes);
    ::posix_spawn_file_actions_init(&files);
    sigset_t none;
    sigset_t all;
    ::sigemptyset(&none);
    ::sigfillset(&all);
    ::posix_spawnattr_setsigmask(&attributes, &none);
    ::posix_spawnattr_setsigdefault(&attributes, &all);
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    ::posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    // Standard output is the server's own: what the engine prints belongs to the log.
    ::posix_spawn_file_actions_adddup2(&files, STDERR_FILENO, STDOUT_FILENO);
    Child child;
    const int err =
        ::posix_spawn(&child.pid, options_.program.c_str(), &files, &attributes, arguments.data(), environment.data());
    ::posix_spawnattr_destroy(&attributes);
    ::posix_spawn_file_actions_destroy(&files);
    if (err != 0) return errno_error("start the event store", err);
    child.handle = File(static_cast<int>(::syscall(SYS_pidfd_open, child.pid, 0)));
    FOOTFALL_CHECK(child.handle.is_open());
    starts_counter().add();
    const std::lock_guard lock(mutex_);
    ++state_.starts;
    state_.pid = child.pid;
    return child;
}

bool Supervisor::pause(const File* child, int milliseconds) const {
    pollfd waiting[2] = {{stop_event_.fd(), POLLIN, 0}, {child ? child->fd() : -1, POLLIN, 0}};
    const std::int64_t end_ns = options_.clock->steady_ns() + milliseconds * std::int64_t{1'000'000};
    for (;;) {
        const std::int64_t left_ms =
            milliseconds < 0 ? -1
                             : std::max<std::int64_t>(0, (end_ns - options_.clock->steady_ns() + 999'999) / 1'000'000);
        const int n = ::poll(waiting, 2, static_cast<int>(left_ms));
        if (n > 0) return false;
        if (n == 0) return true;
        FOOTFALL_CHECK(errno == EINTR);
    }
}

Supervisor::Ending Supervisor::watch(const Child& child, bool& was_ready) {
    const std::int64_t give_up_ns = options_.clock->steady_ns() + options_.open_timeout_ms * std::int64_t{1'000'000};
    bool answers = false;
    bool is_prepared = false;
    int silences = 0;
    std::int64_t heard_ns = 0;
    int wait_ms = kPollMs;
    while (pause(&child.handle, wait_ms)) {
        const std::string restart_reason = take_restart_reason();
        if (is_prepared && !restart_reason.empty()) {
            logging::warn("store.restart", {{"pid", child.pid}, {"reason", restart_reason}});
            ::kill(child.pid, SIGKILL);
            break;
        }
        if (is_prepared) {
            // A process that hangs does not end, so being ready is asked for again and again. A stall of the disk or a
            // debugger passes, and a restart would not be quicker; a deadlock stays.
            silences = client_.ping().has_value() ? 0 : silences + 1;
            if (silences == 0) heard_ns = options_.clock->steady_ns();
            if (options_.clock->steady_ns() - heard_ns > options_.silent_max_ms * std::int64_t{1'000'000}) {
                logging::error("store.hung", {{"pid", child.pid}, {"silent_ms", options_.silent_max_ms}});
                ::kill(child.pid, SIGKILL);
                break;
            }
            if (silences == kSilencesMax) {
                logging::warn("store.silent", {{"pid", child.pid}});
                set_problem("the event store does not answer");
            } else if (silences == 0) {
                set_ready();
            }
            continue;
        }
        if (!answers) {
            answers = client_.ping().has_value();
            if (!answers && options_.clock->steady_ns() > give_up_ns) {
                logging::error("store.open_timeout", {{"pid", child.pid}});
                ::kill(child.pid, SIGKILL);
                break;
            }
            if (!answers) continue;
        }
        const Status prepared = options_.prepare ? options_.prepare(client_) : Status();
        if (!prepared) {
            logging::error("store.prepare_failed", {{"reason", prepared.error().message}});
            set_problem(prepared.error().message);
            wait_ms = std::min(std::max(wait_ms * 2, options_.backoff_first_ms), options_.backoff_max_ms);
            continue;
        }
        was_ready = true;
        is_prepared = true;
        heard_ns = options_.clock->steady_ns();
        set_ready();
        wait_ms = kHealthMs;
    }
    return reap(child);
}

Supervisor::Ending Supervisor::reap(const Child& child) {
    pollfd stopping{stop_event_.fd(), POLLIN, 0};
    const bool is_stop = ::poll(&stopping, 1, 0) > 0;
    if (is_stop) {
        set_problem("the event store is stopping");
        ::kill(child.pid, SIGTERM);
        pollfd ended{child.handle.fd(), POLLIN, 0};
        const std::int64_t end_ns = options_.clock->steady_ns() + stop_grace_ms_ * std::int64_t{1'000'000};
        int n = 0;
        do {
            n = ::poll(&ended, 1,
                       static_cast<int>(std::max<std::int64_t>(0, (end_ns - options_.clock->steady_ns()) / 1'000'000)));
        } while (n < 0 && errno == EINTR);
        if (n == 0) {
            logging::warn("store.killed", {{"pid", child.pid}, {"reason", "it did not stop in time"}});
            ::kill(child.pid, SIGKILL);
        }
    }
    int status = 0;
    while (::waitpid(child.pid, &status, 0) < 0) FOOTFALL_CHECK(errno == EINTR);
    {
        const std::lock_guard lock(mutex_);
        state_.pid = 0;
    }
    if (is_stop) return Ending::kStopped;
    const std::string how = exit_text(status);
    logging::error("store.ended", {{"pid", child.pid}, {"how", how}});
    set_problem("the event store ended and is started again: " + how);
    if (WIFSIGNALED(status)) {
        // A kill from outside (the kernel's, for memory, too) says nothing about the directory.
        const int signal = WTERMSIG(status);
        return signal == SIGKILL || signal == SIGTERM || signal == SIGINT || signal == SIGHUP ? Ending::kFailed
                                                                                              : Ending::kCrashed;
    }
    return static_cast<StoreExit>(WEXITSTATUS(status)) == StoreExit::kWillNotOpen ? Ending::kWillNotOpen
                                                                                  : Ending::kFailed;
}

Status Supervisor::move_aside() {
    const std::string& directory = options_.store.data_dir;
    const std::string aside = fmt::format("{}.broken-{}", directory, options_.clock->wall_ms());
    if (::rename(directory.c_str(), aside.c_str()) != 0) return errno_error("move " + directory + " aside", errno);
    TRY_STATUS(sync_directory(directory.substr(0, directory.rfind('/') + 1)));
    logging::error("store.moved_aside", {{"directory", aside}, {"then", "a new store is filled from the event log"}});
    metrics::counter("footfall_store_replaced_total",
                     "Directories of the embedded event store that would not open and were moved aside.")
        .add();
    may_move_aside_ = false;
    const std::lock_guard lock(mutex_);
    ++state_.replaced;
    return {};
}

}  // namespace footfall::store::embedded
