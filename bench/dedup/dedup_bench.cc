// What the index of event ids costs: look-ups of new and known ids of both kinds, memory and disk. Half of the ids are
// UUIDv7, half of other kinds; every answer is checked. `dedup_bench DIRECTORY [IDS]`, 2 million ids by default; 100
// million are the index's acceptance.
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <iostream>
#include <random>
#include <string>

#include "base/clock.h"
#include "ingest/dedup.h"

namespace footfall::ingest {
namespace {

constexpr std::int64_t kNow = 1'795'500'000'000;

void measure(const std::string& directory, std::size_t count) {
    const auto open = [&] {
        auto opened = Dedup::open({.directory = directory}, system_clock());
        if (!opened) {
            std::cerr << opened.error().message << "\n";
            std::exit(1);
        }
        return std::move(*opened);
    };
    auto index = open();
    const auto rss_mib = [] {
        std::ifstream statm("/proc/self/statm");
        std::size_t size = 0, resident = 0;
        statm >> size >> resident;
        return resident * 4096 >> 20;
    };
    const auto ns = [] { return std::chrono::steady_clock::now().time_since_epoch().count(); };
    std::cout << "at start " << rss_mib() << " MiB\n";
    // Ids are functions of their number, so that they need no memory here. Half of each kind, 5,000 ids a second.
    const auto id_of = [](std::size_t i) {
        const std::uint64_t a = (i + 1) * 0x9E3779B97F4A7C15u, b = a ^ (a >> 29) * 0xBF58476D1CE4E5B9u;
        Uuid id;
        std::memcpy(id.bytes.data(), &b, 8);
        std::memcpy(id.bytes.data() + 8, &a, 8);
        const std::int64_t ms = kNow + static_cast<std::int64_t>(i / 5);
        if (i % 2 == 0)
            for (std::size_t k = 0; k < 6; ++k) id.bytes[k] = static_cast<unsigned char>(ms >> (8 * (5 - k)));
        id.bytes[6] = static_cast<unsigned char>((i % 2 == 0 ? 0x70 : 0x40) | (id.bytes[6] & 0x0f));
        return id;
    };
    // The committer's own time: what it waits for a core is the machine's.
    const auto cpu_ns = [] {
        timespec time{};
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
        return static_cast<std::int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
    };
    std::int64_t slowest = 0, slowest_cpu = 0, busy = 0;
    std::size_t waits = 0, peak = 0;
    for (std::size_t i = 0; i < count;) {
        const std::int64_t began = ns();
        const std::int64_t cpu_began = cpu_ns();
        const std::size_t end = std::min(count, i + 100);
        bool refused = false;
        for (std::size_t k = i; k < end && !refused; ++k) {
            const auto answer = index->seen("site", id_of(k), kNow + static_cast<std::int64_t>(k / 5));
            refused = !answer;
            FOOTFALL_CHECK(refused || !*answer);
        }
        if (refused) {
            index->abort();
            ++waits;
            (void)index->settle(20);
            continue;
        }
        FOOTFALL_CHECK(index->commit(end));
        i = end;
        slowest = std::max(slowest, ns() - began);
        slowest_cpu = std::max(slowest_cpu, cpu_ns() - cpu_began);
        busy += ns() - began;
        if (i % 1'000'000 == 0) peak = std::max(peak, rss_mib());
    }
    std::cout << "new: " << static_cast<double>(busy) / 1e3 / static_cast<double>(count)
              << " us an id, slowest group of 100 " << static_cast<double>(slowest) / 1e6 << " ms ("
              << static_cast<double>(slowest_cpu) / 1e6 << " of CPU), waited for the disk " << waits << " times, peak "
              << peak << " MiB\n";
    FOOTFALL_CHECK(index->settle(600'000));
    std::mt19937_64 random(3);
    for (int warm = 0; warm < 2; ++warm) {
        for (const std::size_t kind : {0u, 1u}) {
            for (const bool known : {true, false}) {
                const std::size_t lookups = 200'000;
                const std::int64_t began = ns();
                for (std::size_t i = 0; i < lookups; ++i) {
                    // Known ones anywhere; new ones of the present hour.
                    const std::size_t number =
                        known ? random() % (count / 2) * 2 + kind : count + random() % 1'000'000'000 * 2 + kind;
                    Uuid id = id_of(number);
                    if (!known && kind == 0)
                        for (std::size_t k = 0; k < 6; ++k)
                            id.bytes[k] = static_cast<unsigned char>((kNow + static_cast<std::int64_t>(count / 5)) >>
                                                                     (8 * (5 - k)));
                    const auto answer = index->seen("site", id, kNow + static_cast<std::int64_t>(count / 5));
                    FOOTFALL_CHECK(answer);
                    FOOTFALL_CHECK(!known || *answer);
                }
                const double us = static_cast<double>(ns() - began) / 1e3 / static_cast<double>(lookups);
                index->abort();
                FOOTFALL_CHECK(index->settle(60'000));
                if (warm == 1) std::cout << (kind == 0 ? "v7 " : "v4 ") << (known ? "known " : "new ") << us << " us\n";
            }
        }
    }
    const auto statistics = index->statistics();
    std::cout << statistics.runs << " runs, "
              << static_cast<double>(statistics.run_bytes) / static_cast<double>(statistics.ids_in_runs)
              << " bytes an id on disk, filters " << (statistics.resident_bytes >> 20) << " MiB, process " << rss_mib()
              << " MiB\n";
    const std::int64_t began = ns();
    const std::uint64_t from = index->replay_from();
    index.reset();
    index = open();
    std::cout << "open " << static_cast<double>(ns() - began) / 1e6 << " ms";
    const std::int64_t replay = ns();
    for (std::size_t i = from; i < count; ++i)
        FOOTFALL_CHECK(index->restore("site", id_of(i), kNow + static_cast<std::int64_t>(i / 5), i));
    std::cout << ", replay of " << count - from << " ids " << static_cast<double>(ns() - replay) / 1e6 << " ms\n";
}

}  // namespace
}  // namespace footfall::ingest

int main(int argc, char** argv) {
    if (argc < 2) {
        std::cerr << "usage: dedup_bench DIRECTORY [IDS]\n";
        return 2;
    }
    footfall::ingest::measure(argv[1], argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 2'000'000);
    return 0;
}
