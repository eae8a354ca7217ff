#include "store/embedded/supervisor.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "base/file.h"
#include "base/logging.h"
#include "base/metrics.h"
#include "base/worker_pool.h"
#include "http/client.h"

namespace footfall::store {
namespace {

constexpr std::int64_t kPauseMinMs = 50;
constexpr std::int64_t kPauseMaxMs = 5'000;
constexpr int kFailedOpensBeforeMove = 3;
constexpr std::uint64_t kFreeBytesForMove = 64u << 20;  // on a full disk the folder is not at fault

std::string describe(int status) {
    if (WIFSIGNALED(status)) return "it was ended by signal " + std::to_string(WTERMSIG(status));
    return "it ended with code " + std::to_string(WEXITSTATUS(status));
}

}  // namespace

Supervisor::Supervisor(Options options, Clock& clock) : options_(std::move(options)), clock_(clock) {}
Supervisor::~Supervisor() { stop(); }

void Supervisor::start() {
    is_new_ = !path_exists(options_.store.directory + "/engine");
    thread_ = std::thread([this] { run(); });
}

void Supervisor::stop() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
        if (state_.pid > 0) ::kill(state_.pid, SIGTERM);
    }
    changed_.notify_all();
    if (thread_.joinable()) thread_.join();
}

ChildState Supervisor::state() const {
    const std::lock_guard lock(mutex_);
    return state_;
}

bool Supervisor::is_stopping() const {
    const std::lock_guard lock(mutex_);
    return stopping_;
}

void Supervisor::set(bool ready, std::string problem) {
    const std::lock_guard lock(mutex_);
    state_.ready = ready;
    state_.problem = std::move(problem);
}

void Supervisor::pause_ms(std::int64_t ms) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::milliseconds(ms), [this] { return stopping_; });
}

Result<pid_t> Supervisor::spawn() {
    // Everything that allocates is done before the fork: in the child of a process with threads only system calls are safe.
    const std::string program = "/proc/self/exe";
    std::vector<std::string> words = {"footfall", "store", "--directory", options_.store.directory, "--library", options_.store.library,
                                      "--memory", std::to_string(options_.store.memory_max), "--threads", std::to_string(options_.store.threads)};
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    const pid_t pid = ::fork();
    if (pid < 0) return errno_error("fork", errno);
    if (pid == 0) {
        sigset_t none;
        sigemptyset(&none);
        ::sigprocmask(SIG_SETMASK, &none, nullptr);
        ::execv(program.c_str(), argv.data());
        ::_exit(127);
    }
    return pid;
}

void Supervisor::bring_up(pid_t pid) {
    http::Client probe(address(options_.store.directory));
    std::int64_t pause = 5;
    while (!is_stopping()) {
        if (::waitid(P_PID, static_cast<id_t>(pid), nullptr, WEXITED | WNOHANG | WNOWAIT) != 0) return;
        siginfo_t info{};
        ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT);
        if (info.si_pid == pid) return;
        const auto answer = probe.send({.target = "/ping"}, 1'000, true);
        if (answer && answer->status == 200) {
            const Status prepared = options_.prepare ? options_.prepare(is_new_) : Status();
            if (prepared) {
                is_new_ = false;
                return set(true, "");
            }
            logging::error("store.prepare_failed", {{"error", prepared.error().message}});
            set(false, prepared.error().message);
            pause = 1'000;
        }
        pause_ms(pause);
        pause = std::min<std::int64_t>(pause * 2, 50);
    }
}

int Supervisor::wait_for_end(pid_t pid) {
    int status = 0;
    std::int64_t kill_at_ns = 0;
    for (;;) {
        const pid_t ended = ::waitpid(pid, &status, WNOHANG);
        if (ended == pid || (ended < 0 && errno != EINTR)) return status;
        if (is_stopping()) {
            if (kill_at_ns == 0) kill_at_ns = clock_.steady_ns() + 5'000'000'000;
            if (clock_.steady_ns() > kill_at_ns) ::kill(pid, SIGKILL);
            ::usleep(5'000);
        } else {
            pause_ms(50);
        }
    }
}

void Supervisor::run() {
    // The child dies with this thread (its parent-death signal), so the thread lives as long as the supervisor.
    name_thread("supervisor");
    auto& restarts = metrics::counter("footfall_store_restarts_total", "Times that the store's process ended and was started again.");
    std::int64_t pause = kPauseMinMs;
    int failed_opens = 0;
    while (!is_stopping()) {
        const std::int64_t started_ns = clock_.steady_ns();
        const auto pid = spawn();
        if (!pid) {
            set(false, pid.error().message);
            pause_ms(1'000);
            continue;
        }
        {
            const std::lock_guard lock(mutex_);
            state_.pid = *pid;
            ++state_.starts;
            if (stopping_) ::kill(*pid, SIGTERM);
        }
        bring_up(*pid);
        const int status = wait_for_end(*pid);
        {
            const std::lock_guard lock(mutex_);
            state_.pid = 0;
            state_.ready = false;
            if (stopping_) return;
            state_.problem = "the store's process is being started again: " + describe(status);
        }
        restarts.add();
        logging::error("store.ended", {{"how", describe(status)}});
        const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
        if (code == kExitUnsupported) {
            set(false, "the store can't run on this machine; see the log, then 'footfall doctor'");
            pause_ms(60'000);
            continue;
        }
        failed_opens = code == kExitCannotOpen ? failed_opens + 1 : 0;
        const auto space = disk_space(options_.store.directory);
        if (failed_opens >= kFailedOpensBeforeMove && space && space->bytes_free > kFreeBytesForMove) {
            const std::string aside = options_.store.directory + ".broken-" + std::to_string(clock_.wall_ms() / 1000);
            if (std::rename(options_.store.directory.c_str(), aside.c_str()) == 0) {
                logging::error("store.moved_aside", {{"to", aside}, {"next", "the store is rebuilt from the event log"}});
                is_new_ = true;
                failed_opens = 0;
            }
        }
        if (clock_.steady_ns() - started_ns > 10'000'000'000) pause = kPauseMinMs;
        pause_ms(pause);
        pause = std::min(pause * 2, kPauseMaxMs);
    }
}

}  // namespace footfall::store
