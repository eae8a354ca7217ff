#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <string>

#include "app/cluster/node.h"
#include "app/commands.h"
#include "app/version.h"
#include "base/logging.h"
#include "http/address.h"

namespace footfall::app::cluster {
namespace {

constexpr int kStopGraceMs = 8'000;

// As a log line where a program reads the log, else as people read it.
int fail(const Settings& settings, const Error& error) {
    if (settings.logging_format == "json") logging::error("node.failed", {{"error", error.message}});
    else std::fputs(error_line(error).c_str(), stderr);
    return error.code == Code::kInvalidArgument ? 2 : 1;
}

}  // namespace

int run_role(const Settings& settings, const Role& role) {
    configure_logging(settings, role.word);
    // Blocked before the first thread starts, so that every thread leaves them to this one.
    sigset_t signals;
    sigemptyset(&signals);
    for (const int number : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, number);
    ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    // A limit on the size of files is a write that fails, as on a full disk.
    ::signal(SIGXFSZ, SIG_IGN);

    std::atomic<bool> fatal{false};
    auto node = Node::open(settings, role, {.fatal = [&fatal](const Error&) {
                               fatal = true;
                               // The wait below is only woken by it.
                               ::kill(::getpid(), SIGTERM);
                           }});
    if (!node) return fail(settings, node.error());
    if (const Status listening = (*node)->listen(); !listening) return fail(settings, listening.error());
    const std::string url = http::url_of_address((*node)->address());
    logging::info("node.listening", {{"role", role.word}, {"url", url}, {"version", version_number()}});
    std::printf("footfall %s is on %s\n", std::string(role.word).c_str(), url.c_str());
    std::fflush(stdout);
    int number = 0;
    while (sigwait(&signals, &number) == 0 && number == SIGHUP) (*node)->reload();
    logging::info("node.stopping", {{"signal", number}});
    (*node)->stop(kStopGraceMs);
    return fatal ? 1 : 0;
}

}  // namespace footfall::app::cluster
