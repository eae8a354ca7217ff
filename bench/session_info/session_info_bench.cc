// What does it cost an event that collectors share what they know of sessions, and how soon does another know it?
//
//   session_info_bench REDIS_PORT [VISITORS]
//
// Beside a Redis of its own on 127.0.0.1 (scripts/engines/redis), which it empties of what it wrote. Prints ns of CPU
// an event within Identity, alone and shared; how long it takes from an event at one collector until another knows of
// it; how soon one that starts has heard what VISITORS (200,000) left before midnight, and what that takes in Redis.
// Every id is checked, and it exits 1 where one is wrong.
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "base/clock.h"
#include "base/logging.h"
#include "ingest/session_feed.h"
#include "store/redis/client.h"

namespace footfall::ingest {
namespace {

constexpr std::int64_t kMinute = 60'000;
constexpr std::int64_t kHour = 60 * kMinute;
constexpr std::int64_t kMidnight = 20'001 * 24 * kHour;
constexpr std::int64_t kNoon = kMidnight + 12 * kHour;
constexpr const char* kPrefix = "footfall-bench:";

/// Says what the day is for the names of streams; waits are real.
class DayClock final : public Clock {
public:
    explicit DayClock(std::int64_t wall_ms) : wall_ms_(wall_ms) {}
    std::int64_t wall_ms() const override { return wall_ms_; }
    std::int64_t steady_ns() const override { return system_clock().steady_ns(); }

private:
    const std::int64_t wall_ms_;
};

Result<enrich::Salt> salt_of(std::int64_t day) {
    enrich::Salt salt{};
    salt[0] = static_cast<unsigned char>(day);
    return salt;
}

[[noreturn]] void fail(const std::string& why) {
    fmt::print(stderr, "{}\n", why);
    std::exit(1);
}

struct Collector {
    Collector(const store::redis::Endpoint& endpoint, std::int64_t now_ms, std::size_t queue_max)
        : clock(now_ms),
          feed(identity, {.endpoint = endpoint, .prefix = kPrefix, .timeout_ms = 10'000, .queue_max = queue_max},
               clock) {
        if (!identity.prepare(now_ms)) fail("no salt");
    }
    DayClock clock;
    enrich::Identity identity{salt_of};
    SessionFeed feed;
};

std::uint64_t give(enrich::Identity& identity, std::int64_t at, std::uint32_t visitor,
                   std::string_view type = "pageview", std::string_view user = {}) {
    event::kind::ip address{};
    for (std::size_t i = 0; i < 4; ++i) address[12 + i] = static_cast<unsigned char>(visitor >> (8 * i));
    address[0] = 1;
    return identity.visitor_id({.site = "site",
                                .address = address,
                                .user_agent = "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/130.0",
                                .user_id = user,
                                .event_type = type,
                                .receive_ms = at,
                                .timestamp = at});
}

template <class Body>
double ns_each(std::uint32_t count, Body&& body) {
    const std::int64_t before = process_cpu_ns();
    for (std::uint32_t i = 0; i < count; ++i) body(i);
    return static_cast<double>(process_cpu_ns() - before) / count;
}

void measure_events(const store::redis::Endpoint& endpoint, std::uint32_t visitors) {
    enrich::Identity alone(salt_of);
    if (!alone.prepare(kMidnight)) fail("no salt");
    // Its threads do not run: their work is not the event loops'.
    Collector shared(endpoint, kMidnight, 4 * std::size_t{visitors});
    const auto each = [&](const char* what, std::int64_t at, std::uint32_t first) {
        std::uint64_t sum = 0;
        const double by_one = ns_each(visitors, [&](std::uint32_t i) { sum += give(alone, at, first + i); });
        const double by_many = ns_each(visitors, [&](std::uint32_t i) { sum -= give(shared.identity, at, first + i); });
        if (sum != 0) fail("who shares gave other ids");
        fmt::print("  {:44} {:5.0f} ns alone, {:5.0f} ns shared\n", what, by_one, by_many);
    };
    fmt::print("an event, CPU within Identity\n");
    each("at noon, nothing can matter", kNoon - 24 * kHour, 0);
    each("before midnight, to be told", kMidnight - kMinute, 0);
    each("after midnight, a session that goes on", kMidnight + kMinute, 0);
    each("after midnight, a visitor who is new", kMidnight + kMinute, visitors);
}

void measure_lag(const store::redis::Endpoint& endpoint) {
    Collector here(endpoint, kNoon, 1'000);
    Collector there(endpoint, kNoon, 1'000);
    here.feed.start(1'000);
    there.feed.start(1'000);
    const std::uint64_t known = enrich::Identity::known_id("site", "u");
    std::vector<double> lags;
    for (std::uint32_t i = 0; i < 300; ++i) {
        const auto began = std::chrono::steady_clock::now();
        give(here.identity, kNoon, i, "identify", "u");
        // The next session's first event is the known user's as soon as the alias is known.
        while (give(there.identity, kNoon + kHour, i, "ping") != known) {
            if (std::chrono::steady_clock::now() - began > std::chrono::seconds(10)) fail("not heard for 10 s");
            std::this_thread::sleep_for(std::chrono::microseconds(100));
        }
        lags.push_back(std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - began).count());
    }
    std::sort(lags.begin(), lags.end());
    fmt::print("from an event until another collector knows: p50 {:.1f} ms, p99 {:.1f} ms, longest {:.1f} ms\n",
               lags[lags.size() / 2], lags[lags.size() * 99 / 100], lags.back());
}

void measure_start(const store::redis::Endpoint& endpoint, std::uint32_t visitors) {
    Collector teller(endpoint, kMidnight, visitors);
    std::vector<std::uint64_t> ids;
    for (std::uint32_t i = 0; i < visitors; ++i) ids.push_back(give(teller.identity, kMidnight - kMinute, i));
    const std::int64_t told_from = process_cpu_ns();
    const auto wall_from = std::chrono::steady_clock::now();
    if (const Status told = teller.feed.tell_waiting(); !told) fail(told.error().message);
    const auto seconds = [](auto from) {
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - from).count();
    };
    fmt::print("{} visitors told in {:.2f} s, {:.2f} s of CPU", visitors, seconds(wall_from),
               static_cast<double>(process_cpu_ns() - told_from) / 1e9);
    store::redis::Client client(endpoint);
    const auto bytes = client.run(
        store::redis::Command{"MEMORY", "USAGE", std::string(kPrefix) + "session:open", "SAMPLES", "0"}, 10'000);
    if (!bytes) fail(bytes.error().message);
    fmt::print("; {:.1f} bytes of Redis each\n", static_cast<double>(bytes->number) / visitors);
    const std::int64_t heard_from = process_cpu_ns();
    const auto start_from = std::chrono::steady_clock::now();
    Collector late(endpoint, kMidnight, 1'000);
    do
        if (const Status heard = late.feed.hear(0); !heard) fail(heard.error().message);
    while (!late.feed.hears());
    fmt::print("one that starts has heard all in {:.2f} s, {:.2f} s of CPU\n", seconds(start_from),
               static_cast<double>(process_cpu_ns() - heard_from) / 1e9);
    for (std::uint32_t i = 0; i < visitors; ++i)
        if (give(late.identity, kMidnight + kMinute, i, "ping") != ids[i]) fail("a visitor who was there is new");
}

int run(int port, std::uint32_t visitors) {
    const store::redis::Endpoint endpoint{.host = "127.0.0.1", .port = port, .user = {}, .password = {}};
    store::redis::Client client(endpoint);
    const auto clear = [&] {
        const std::string aliases = std::string(kPrefix) + "session:aliases:";
        const auto cleared = client.run(store::redis::Command{"DEL", std::string(kPrefix) + "session:open",
                                                              aliases + std::to_string(kMidnight / (24 * kHour)),
                                                              aliases + std::to_string(kMidnight / (24 * kHour) - 1)},
                                        10'000);
        if (!cleared) fail(cleared.error().message);
    };
    clear();
    measure_events(endpoint, visitors);
    clear();
    measure_lag(endpoint);
    clear();
    measure_start(endpoint, visitors);
    clear();
    return 0;
}

}  // namespace
}  // namespace footfall::ingest

int main(int argc, char** argv) {
    if (argc < 2) {
        fmt::print(stderr, "session_info_bench REDIS_PORT [VISITORS]\n");
        return 2;
    }
    footfall::logging::configure(footfall::logging::Level::kError, footfall::logging::Format::kText, "bench");
    return footfall::ingest::run(std::atoi(argv[1]),
                                 argc > 2 ? static_cast<std::uint32_t>(std::atoi(argv[2])) : 200'000);
}
