#include "store/embedded/store_main.h"

#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <filesystem>

#include "base/file.h"
#include "base/logging.h"
#include "http/http.h"
#include "store/embedded/confine.h"
#include "store/embedded/engine.h"
#include "store/embedded/server.h"

namespace footfall::store {
namespace {

constexpr std::size_t kBodyBytesMax = 256u << 20;

int fail(const Error& error, int exit_code) {
    logging::error("store.failed", {{"error", error.message}});
    return exit_code;
}

}  // namespace

int run_store(const StoreOptions& options) {
    // The parent may have gone between its fork and this line; then nobody is left to serve.
    const pid_t parent = ::getppid();
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent || parent == 1) return fail(Error(Code::kUnavailable, "the process that started the store has gone"), 1);
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    ::signal(SIGPIPE, SIG_IGN);

    if (const Status status = make_directories(options.directory); !status) return fail(status.error(), 1);
    const auto lock = LockFile::acquire(options.directory + "/lock", 5'000);
    if (!lock) return fail(lock.error(), kExitInUse);
    const auto missing = confine(options.directory, {std::filesystem::path(options.library).parent_path().string()});
    if (!missing) return fail(missing.error(), kExitUnsupported);
    for (const std::string& what : *missing) logging::warn("store.not_confined", {{"what", what}});

    auto engine = Engine::open({.library = options.library, .directory = options.directory, .memory_max = options.memory_max, .threads = options.threads});
    if (!engine) return fail(engine.error(), engine.error().code == Code::kUnsupported ? kExitUnsupported : kExitCannotOpen);
    auto handler = std::make_unique<StoreServer>(**engine, static_cast<unsigned>(options.threads));
    http::Server server({.loops = 1, .header_bytes_max = 64 * 1024, .body_bytes_max = kBodyBytesMax, .body_timeout_ms = 60'000, .idle_timeout_ms = 600'000,
                         .write_timeout_ms = 60'000, .server_name = "footfall-store"},
                        [&](http::Exchange& exchange) { handler->handle(exchange); });
    if (const Status status = server.listen("unix:" + options.directory + "/store.sock"); !status) return fail(status.error(), 1);
    if (const Status status = server.start(); !status) return fail(status.error(), 1);
    logging::info("store.ready", {{"engine", (*engine)->version()}});

    int signal_number = 0;
    sigwait(&signals, &signal_number);
    server.stop(4'000);
    handler.reset();
    engine->reset();
    return 0;
}

}  // namespace footfall::store
