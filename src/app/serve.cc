#include "app/serve.h"

#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <optional>
#include <vector>

#include "app/args.h"
#include "app/commands.h"
#include "app/control.h"
#include "app/https.h"
#include "app/services.h"
#include "app/version.h"
#include "base/file.h"
#include "base/logging.h"
#include "http/address.h"
#include "store/embedded/store_main.h"

namespace footfall::app {
namespace {

// One sentence, once: as a log line where a program reads the log, else as people read it.
int fail(const Error& error, bool as_json) {
    if (as_json) logging::error("serve.failed", {{"error", error.message}});
    else std::fputs(error_line(error).c_str(), stderr);
    return 1;
}

/// The demo's traffic comes from another process, as a browser's would. It ends with this one. Its key goes through a
/// pipe: a command line can be read by everybody on the machine.
Result<pid_t> start_demo(const Services& services, const Services::Demo& demo, const Settings& settings) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return errno_error("pipe for the demo's key", errno);
    const File reading(ends[0]);
    File writing(ends[1]);
    const std::string line = demo.collect_key + "\n";  // fits into any pipe
    if (::write(writing.fd(), line.data(), line.size()) != static_cast<ssize_t>(line.size()))
        return errno_error("write the demo's key", errno);
    writing.close();

    std::vector<std::string> words = {"footfall",         "demo",
                                      "--listen",         services.address(),
                                      "--timezone",       demo.timezone,
                                      "--journal",        demo.journal,
                                      "--logging.level",  settings.logging_level,
                                      "--logging.format", settings.logging_format};
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    const pid_t parent = ::getpid();
    const pid_t pid = ::fork();
    if (pid < 0) return errno_error("fork for the demo's traffic", errno);
    if (pid != 0) return pid;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    if (::getppid() != parent || ::dup2(reading.fd(), STDIN_FILENO) < 0) ::_exit(1);
    ::execv("/proc/self/exe", argv.data());
    ::_exit(127);
}

/// What somebody who is not signed in needs to begin; empty where there are users already.
Result<std::string> make_invitation(Services& services, const std::optional<Services::Demo>& demo) {
    if (demo) return "Sign in to the demo (once, within 24 hours): " + demo->sign_in_url + "\n";
    catalog::Accounts& accounts = services.catalog().accounts();
    if (accounts.has_users()) return std::string();
    TRY(const std::string token, accounts.create_setup_link());
    return "There is no user yet. Make the first owner here (once, within 24 hours): " +
           set_up_url(services.address(), token) + "\n";
}

/// Buffers of a batch, of megabytes, come and go with it. The C library would learn from them to keep such sizes in its
/// heaps, where what is held between them keeps the rest from being given back: a third of the memory under load.
void give_back_large_buffers() {
    ::mallopt(M_MMAP_THRESHOLD, 256 * 1024);
    ::mallopt(M_TRIM_THRESHOLD, 8 * 1024 * 1024);
}

}  // namespace

int serve(const Settings& settings, ServeOptions options) {
    give_back_large_buffers();
    configure_logging(settings, "serve");
    const bool as_json = settings.logging_format == "json";
    // Blocked before the first thread starts, so that every thread leaves them to this one.
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    // What operators send to a server whose files are others. Where a terminal could end instead, and no certificate is
    // to be read again, it ends the server that was started there.
    const bool has_terminal = File::open("/dev/tty", O_RDWR | O_NOCTTY).has_value();
    if (!has_terminal || tls_files(settings)) sigaddset(&signals, SIGHUP);
    ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    // A limit on the size of files is a write that fails, as on a full disk.
    ::signal(SIGXFSZ, SIG_IGN);

    std::atomic<bool> fatal{false};
    auto services = Services::open(settings, {.fatal =
                                                  [&](const Error&) {
                                                      fatal = true;
                                                      // sigtimedwait below looks at the flag; the signal only wakes it.
                                                      ::kill(::getpid(), SIGTERM);
                                                  },
                                              .listens = true});
    if (!services) return fail(services.error(), as_json);
    const auto control =
        ControlServer::start((*services)->data_dir(), **services, [&services] { return (*services)->backup_cut(); });
    if (!control) return fail(control.error(), as_json);
    if (const Status status = (*services)->listen(); !status) return fail(status.error(), as_json);
    const std::string url = http::url_of_address((*services)->address());
    std::optional<Services::Demo> demo;
    if (options.demo) {
        auto made = (*services)->make_demo();
        if (!made) return fail(made.error(), as_json);
        demo = std::move(*made);
    }
    const auto invitation = make_invitation(**services, demo);
    if (!invitation) return fail(invitation.error(), as_json);
    const std::string tls_address = (*services)->tls_address();
    const std::string tls_url = tls_address.empty() ? "" : http::url_of_address(tls_address, "https");
    logging::info("serve.listening", {{"url", url}, {"data", (*services)->data_dir()}, {"version", version_number()}});
    if (!tls_url.empty()) logging::info("serve.listening_tls", {{"url", tls_url}});
    // On standard output alone: a link is a secret, and the log is for keeping.
    std::printf("Footfall is on %s\n", url.c_str());
    if (!tls_url.empty()) std::printf("and on %s\n", tls_url.c_str());
    std::fputs(invitation->c_str(), stdout);
    std::fflush(stdout);
    pid_t traffic = 0;
    if (demo) {
        const auto started = start_demo(**services, *demo, settings);
        if (!started) return fail(started.error(), as_json);
        traffic = *started;
    }

    int signal_number = 0;
    while (sigwait(&signals, &signal_number) == 0 && signal_number == SIGHUP) {
        (*services)->reload_lists();
        (*services)->reread_certificate();
    }
    logging::info("serve.stopping", {{"signal", signal_number}});
    if (traffic > 0) {
        ::kill(traffic, SIGTERM);
        ::waitpid(traffic, nullptr, 0);
    }
    // After a failed sync nothing can be made better by waiting.
    (*services)->stop(fatal ? 500 : Services::kStopGraceMs);
    return fatal ? 1 : 0;
}

int run_store_role(std::span<const std::string> argv) {
    if (argv.empty() || argv[0] == "--help") {
        std::fputs("footfall store: the process that hosts the embedded ClickHouse; 'footfall serve' starts it\n",
                   stdout);
        return argv.empty() ? 2 : 0;
    }
    const auto options = store::embedded::parse_store_options(argv);
    if (!options) {
        std::fputs(error_line(options.error()).c_str(), stderr);
        return 2;
    }
    return store::embedded::run_store(*options);
}

}  // namespace footfall::app
