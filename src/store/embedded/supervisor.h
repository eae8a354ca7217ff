#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/file.h"
#include "base/result.h"
#include "store/client.h"
#include "store/embedded/store_main.h"

namespace footfall::store::embedded {

struct SupervisorOptions {
    StoreOptions store;                      ///< `parent_pid` is filled in
    std::string program = "/proc/self/exe";  ///< what is started …
    std::vector<std::string> words = {
        "footfall", "store"};  ///< … with these words in front of the store's arguments (argv[0] first)
    /// Run each time the store answers again, before it counts as ready: migrations. An error is shown in the state and
    /// tried again.
    std::function<Status(Client&)> prepare;
    int open_timeout_ms = 300'000;  ///< a store that does not answer by then is killed
    int silent_max_ms = 120'000;    ///< a store that was ready and does not answer for so long is killed
    int backoff_first_ms = 200;     ///< before the first restart; doubled each time …
    int backoff_max_ms = 5'000;     ///< … up to this, reset once the store was ready for a minute
    Clock* clock = &system_clock();
};

/// What the supervisor knows, for /readyz, /metrics and doctor.
struct SupervisorState {
    bool ready = false;
    std::string problem;       ///< why it is not ready; empty where it is
    std::uint64_t starts = 0;  ///< processes started
    /// How often this supervisor moved a directory aside that would not open: the store is empty then, and everything
    /// must be loaded again. For what happened before this process see store_identity().
    std::uint64_t replaced = 0;
    int pid = 0;  ///< of the child; 0 where there is none
};

/// Keeps the embedded store running: starts `footfall store` as a child, restarts it with back-off when it ends or
/// has been silent too long, and moves its directory aside
/// ("….broken-<time>") when the engine refuses to open it twice, or dies from it five times, while the disk is fine:
/// the store can be rebuilt from the log, refusing to start cannot be mended by anybody. A directory that was made new
/// is never moved. The child dies with this process. Public functions are thread-safe.
class Supervisor {
public:
    explicit Supervisor(SupervisorOptions options);
    /// Stops with a grace of 6 s where stop() was not called.
    ~Supervisor();

    /// Starts the child in the background; at once.
    void start();
    /// SIGTERM, and SIGKILL after `grace_ms`; the child needs up to 5 s.
    void stop(int grace_ms = 6'000);

    /// Ends the child, so that it is started again and looks at its directory anew, within two seconds or so. `reason`
    /// is logged. Does nothing where it is not ready.
    void restart(std::string reason);

    SupervisorState state() const;
    /// kUnavailable with the state's problem where it is not ready in time.
    Status wait_ready(int timeout_ms) const;

private:
    enum class Ending : std::uint8_t { kStopped, kFailed, kWillNotOpen, kCrashed };
    struct Child {
        int pid = 0;
        File handle;  ///< pidfd
    };

    void run();
    Result<Child> spawn();
    /// Waits until the child ends or stop() is called, bringing it to readiness meanwhile; reaps it.
    Ending watch(const Child& child, bool& was_ready);
    Ending reap(const Child& child);
    /// False where the child ended or stop() was called within the time.
    bool pause(const File* child, int milliseconds) const;
    void count_failure(Ending ending);
    Status move_aside();
    std::string take_restart_reason();
    void set_problem(std::string problem);
    void set_ready();

    const SupervisorOptions options_;
    Client client_;
    File stop_event_;
    std::atomic<int> stop_grace_ms_{0};
    mutable std::mutex mutex_;
    mutable std::condition_variable changed_;
    SupervisorState state_;
    std::string restart_reason_;  ///< empty where none is wanted

    // Of the thread alone.
    int refused_in_a_row_ = 0;     ///< openings that ended in kWillNotOpen
    int crashes_in_a_row_ = 0;     ///< deaths by signal before it ever answered
    bool may_move_aside_ = false;  ///< the directory was there before this supervisor, or has opened once

    std::thread thread_;
};

}  // namespace footfall::store::embedded
