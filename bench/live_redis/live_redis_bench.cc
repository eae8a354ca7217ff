// What the live numbers of the cluster form cost: making a site's part of the numbers in memory, writing it into Redis
// in batches, reading it. `live_redis_bench FOLDER PORT`: FOLDER is empty and becomes the log's; a Redis that holds
// nothing listens on 127.0.0.1:PORT. Every number that is read is checked.
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "event/event.h"
#include "log/disk/disk_log.h"
#include "process/live/live.h"
#include "store/live_part.h"
#include "store/redis/live_store.h"

namespace footfall::process {
namespace {

constexpr std::int64_t kNow = 1'795'500'000'000;
constexpr int kTimeoutMs = 10'000;

template <class T>
T right(Result<T> result) {
    if (result) return std::move(*result);
    std::cerr << result.error().message << "\n";
    std::exit(1);
}
void require(bool condition, std::string_view what) {
    if (condition) return;
    std::cerr << "not so: " << what << "\n";
    std::exit(1);
}

/// Sites of one kind: as many visitors, each on one of so many pages.
struct Kind {
    std::string name;
    std::size_t sites;
    std::uint64_t visitors;
    std::uint64_t pages;
};

double cpu_us() {
    timespec used{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return static_cast<double>(used.tv_sec) * 1e6 + static_cast<double>(used.tv_nsec) / 1e3;
}
double now_us() {
    return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

void append(log::DiskLog& log, const Kind& kind) {
    std::vector<std::string> records;
    std::uint64_t number = 0;
    const auto flush = [&] {
        std::vector<log::Entry> group;
        group.reserve(records.size());
        for (const std::string& record : records) group.push_back({log::EntryKind::kEvent, record});
        right(log.append(group));
        records.clear();
    };
    for (std::size_t site = 0; site < kind.sites; ++site) {
        const std::string website_id = fmt::format("{}-{}", kind.name, site);
        for (std::uint64_t visitor = 1; visitor <= kind.visitors; ++visitor) {
            const std::string page = fmt::format("/blog/2026/an-article-of-some-length-{}", visitor % kind.pages);
            event::Event event;
            event.website_id = website_id;
            event.event_type = "pageview";
            event.event_id.bytes[6] = 0x40;
            ++number;
            for (std::size_t i = 0; i < 8; ++i)
                event.event_id.bytes[15 - i] = static_cast<unsigned char>(number >> (8 * i));
            event.timestamp = event.received_at = kNow;
            event.visitor_id = visitor;
            event.page = page;
            event.country = visitor % 3 == 0 ? "DE" : "FR";
            event.source = visitor % 2 == 0 ? "Google" : "";
            records.emplace_back();
            event::write_record(event, records.back());
            if (records.size() == 5'000) flush();
        }
    }
    flush();
}

void measure(const std::string& folder, const store::redis::Endpoint& endpoint, const Kind& kind) {
    ManualClock clock(kNow);
    auto log = right(log::DiskLog::open(
        {.directory = folder + "/" + kind.name, .free_bytes_min = 0, .free_inodes_min = 0, .reserve_bytes = 0}, clock));
    append(*log, kind);
    LiveProcessor live(*log, clock);
    live.start();
    while (!live.changes(0, 0)) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    const auto changes = right(live.changes(0, 0));
    require(changes.sites.size() == kind.sites, "every site is known");

    double before = now_us();
    const auto nothing = right(live.changes(changes.made, changes.version));
    const double look_us = (now_us() - before) / static_cast<double>(kind.sites);
    require(nothing.sites.empty(), "nothing has changed since");

    before = now_us();
    std::vector<store::redis::LiveWriter::SitePart> parts;
    std::size_t bytes = 0;
    for (const std::string& site : changes.sites) {
        const store::LivePart part = right(live.part(changes.made, site, store::kLivePartLimits));
        parts.push_back({site, store::live_part_text(part)});
        bytes += parts.back().text.size();
    }
    const double make_us = (now_us() - before) / static_cast<double>(kind.sites);

    store::redis::Client client(endpoint);
    store::redis::LiveWriter writer(client, {.timeout_ms = kTimeoutMs, .silence_ms = 600'000});
    require(right(writer.take_up()) == store::redis::LiveWriter::Hold::kHeld, "the partition is ours");
    const std::size_t batch = std::clamp<std::size_t>((1u << 20) / (bytes / kind.sites), 1, 256);
    before = now_us();
    double cpu_before = cpu_us();
    for (std::size_t i = 0; i < parts.size(); i += batch) {
        const std::span<const store::redis::LiveWriter::SitePart> some(parts.data() + i,
                                                                       std::min(batch, parts.size() - i));
        require(right(writer.write(some)) == store::redis::LiveWriter::Hold::kHeld, "it is written");
    }
    const double write_us = (now_us() - before) / static_cast<double>(kind.sites);
    const double write_cpu_us = (cpu_us() - cpu_before) / static_cast<double>(kind.sites);
    require(right(writer.report({.offset = changes.offset, .as_of_ms = changes.as_of_ms})) ==
                store::redis::LiveWriter::Hold::kHeld,
            "it is reported");

    store::redis::LiveStore reader(
        {.endpoint = endpoint, .partitions = 1, .read_timeout_ms = kTimeoutMs, .cache_ms = 0}, clock);
    std::vector<double> reads;
    cpu_before = cpu_us();
    for (int i = 0; i < 2'000; ++i) {
        before = now_us();
        const auto numbers = right(reader.read(changes.sites[static_cast<std::size_t>(i) % kind.sites]));
        reads.push_back(now_us() - before);
        require(numbers.active_visitors == kind.visitors && numbers.sample_rate == 1, "the numbers are right");
        require(numbers.pages.size() == std::min<std::uint64_t>(20, kind.pages), "the list is whole");
    }
    const double read_cpu_us = (cpu_us() - cpu_before) / 2'000;
    std::ranges::sort(reads);
    std::cout << fmt::format(
        "{}: {} sites of {} visitors on {} pages, {} bytes each; of a site in µs: look {:.2f}, make {:.1f}, write "
        "{:.1f} "
        "(CPU of this process {:.1f}, {} a batch), read p50 {:.0f} p99 {:.0f} (CPU {:.0f})\n",
        kind.name, kind.sites, kind.visitors, kind.pages, bytes / kind.sites, look_us, make_us, write_us, write_cpu_us,
        batch, reads[1'000], reads[1'980], read_cpu_us);
}

}  // namespace
}  // namespace footfall::process

int main(int arguments, char** values) {
    if (arguments != 3) {
        std::cerr << "live_redis_bench FOLDER PORT\n";
        return 2;
    }
    const footfall::store::redis::Endpoint endpoint{.port = std::atoi(values[2])};
    for (const footfall::process::Kind& kind :
         {footfall::process::Kind{"small", 10'000, 3, 2}, footfall::process::Kind{"middle", 1'000, 200, 50},
          footfall::process::Kind{"large", 10, 20'000, 800}})
        footfall::process::measure(values[1], endpoint, kind);
    return 0;
}
