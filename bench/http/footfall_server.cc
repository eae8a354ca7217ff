// Our HTTP layer alone: reads a body and answers 204. `inline` answers on the loop; `handed` hands each request to
// another thread, which answers all that it finds at once, as the endpoint for events does after a sync of its log.
#include <csignal>
#include <cstdio>
#include <string_view>

#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "http/http.h"

namespace {

using footfall::http::Exchange;

/// Takes exchanges from loops and completes them, many at a time.
class Completer {
public:
    Completer() : thread_([this] { run(); }) {}
    ~Completer() {
        {
            const std::lock_guard lock(mutex_);
            stopping_ = true;
        }
        ready_.notify_one();
        thread_.join();
    }
    Completer(const Completer&) = delete;
    Completer& operator=(const Completer&) = delete;

    void take(Exchange& exchange) {
        bool was_empty = false;
        {
            const std::lock_guard lock(mutex_);
            was_empty = waiting_.empty();
            waiting_.push_back(&exchange);
        }
        if (was_empty) ready_.notify_one();
    }

private:
    void run() {
        std::vector<Exchange*> taken;
        for (;;) {
            {
                std::unique_lock lock(mutex_);
                ready_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
                if (waiting_.empty()) return;
                taken.swap(waiting_);
            }
            for (Exchange* exchange : taken) exchange->complete({.status = 204});
            taken.clear();
        }
    }

    std::mutex mutex_;
    std::condition_variable ready_;
    std::vector<Exchange*> waiting_;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace

int main(int argc, char** argv) {
    const bool is_handed = argc > 1 && std::string_view(argv[1]) == "handed";
    sigset_t ending;
    sigemptyset(&ending);
    sigaddset(&ending, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &ending, nullptr);

    Completer completer;
    footfall::http::Server server({.loops = 1}, [&](Exchange& exchange) {
        if (is_handed) completer.take(exchange);
        else exchange.respond({.status = 204});
    });
    if (const auto listening = server.listen("127.0.0.1:0"); !listening) {
        std::fprintf(stderr, "%s\n", listening.error().message.c_str());
        return 1;
    }
    if (const auto started = server.start(); !started) {
        std::fprintf(stderr, "%s\n", started.error().message.c_str());
        return 1;
    }
    std::printf("%u\n", static_cast<unsigned>(server.port()));
    std::fflush(stdout);
    int signal = 0;
    sigwait(&ending, &signal);
    server.stop(1'000);
    return 0;
}
