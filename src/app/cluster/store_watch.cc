#include "app/cluster/store_watch.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <simdjson.h>

#include "base/logging.h"
#include "base/text_file.h"
#include "base/worker_pool.h"

namespace footfall::app::cluster {

namespace sql {
std::span<const TextFile> files();
}

namespace {

constexpr int kTimeoutMs = 5'000;

std::string text(std::string_view name) {
    for (const TextFile& file : sql::files())
        if (file.name == name) return std::string(file.text);
    check_failed("an SQL file of that name is embedded", __FILE__, __LINE__);
}

/// [1,2,3]
template <class Numbers>
std::string array_of(const Numbers& numbers) {
    return fmt::format("[{}]", fmt::join(numbers, ","));
}

}  // namespace

Result<std::uint64_t> loaded_entries(store::Client& store) {
    TRY(const store::Answer answer, store.query({.sql = text("watch-checkpoints.sql"), .timeout_ms = kTimeoutMs}));
    std::uint64_t sum = 0;
    for (const auto& row : answer.rows) sum += std::get<std::uint64_t>(row.at(2));
    return sum;
}

StoreWatch::StoreWatch(store::Client& store, Clock& clock, const Options& options)
    : store_(store), clock_(clock), options_(options), freshness_(options.partitions) {}

StoreWatch::~StoreWatch() { stop(); }

void StoreWatch::stop() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_all();
    if (thread_.joinable()) thread_.join();
}

void StoreWatch::start(query::AnswerCache& cache) {
    cache_ = &cache;
    thread_ = std::thread([this] { run(); });
}

void StoreWatch::run() {
    name_thread("store-watch");
    std::unique_lock lock(mutex_);
    while (!stopping_) {
        lock.unlock();
        const Status looked = look();
        if (options_.board != nullptr) {
            const auto stages = options_.board->read();
            const std::int64_t read_ms = clock_.wall_ms();
            lock.lock();
            if (stages) freshness_.add(*stages, read_ms);
        } else {
            lock.lock();
        }
        if (!looked && problem_.empty()) logging::warn("store.away", {{"error", looked.error().message}});
        if (looked && !problem_.empty()) logging::info("store.answers");
        // What came meanwhile nobody told of: nothing that was kept is trusted.
        if (!looked || !problem_.empty()) ++changes_;
        problem_ = looked ? "" : looked.error().message;
        wake_.wait_for(lock, std::chrono::milliseconds(options_.interval_ms), [this] { return stopping_; });
    }
}

Status StoreWatch::look() {
    const std::string erased = options_.erased ? options_.erased() : "";
    TRY(const store::Answer answer,
        store_.query(
            {.sql = text("watch-checkpoints.sql"), .settings = {{"priority", "1"}}, .timeout_ms = kTimeoutMs}));
    std::map<std::uint16_t, Partition> now;
    for (const auto& row : answer.rows)
        now[static_cast<std::uint16_t>(std::get<std::uint64_t>(row.at(0)))] = {
            .loaded = std::get<std::uint64_t>(row.at(2)), .claim = std::get<std::uint64_t>(row.at(1))};

    std::map<std::uint16_t, Partition> before;
    bool is_changed = false;
    {
        const std::lock_guard lock(mutex_);
        before = partitions_;
        is_changed = erased != erased_;
        // Whoever takes a partition over may take rows out and write them again.
        for (const auto& [number, partition] : now) {
            const auto known = before.find(number);
            is_changed = is_changed || known == before.end() || known->second.claim != partition.claim ||
                         partition.loaded < known->second.loaded;
        }
    }
    TRY_STATUS(tell_touched(before));
    const std::lock_guard lock(mutex_);
    if (is_changed) ++changes_;
    erased_ = erased;
    for (const auto& [number, partition] : now) partitions_[number] = partition;
    return {};
}

Status StoreWatch::tell_touched(const std::map<std::uint16_t, Partition>& before) {
    if (before.empty()) return {};
    std::vector<std::uint16_t> partitions;
    std::vector<std::uint64_t> offsets;
    std::uint64_t least = std::numeric_limits<std::uint64_t>::max();
    for (const auto& [number, partition] : before) {
        partitions.push_back(number);
        offsets.push_back(partition.loaded);
        least = std::min(least, partition.loaded);
    }
    TRY(const store::Answer touched, store_.query({.sql = text("watch-touched.sql"),
                                                   .parameters = {{"least", std::to_string(least)},
                                                                  {"partitions", array_of(partitions)},
                                                                  {"offsets", array_of(offsets)}},
                                                   .settings = {{"priority", "1"}},
                                                   .timeout_ms = kTimeoutMs}));
    if (touched.rows.empty()) return {};
    query::AnswerCache::Hours hours;
    simdjson::dom::parser parser;
    for (const auto& row : touched.rows) {
        simdjson::dom::array list;
        if (parser.parse(std::get<std::string>(row.at(1))).get(list) != simdjson::SUCCESS)
            return Error(Code::kInternal, "the store gives hours in a form that is not known");
        std::set<std::int64_t>& of_site = hours[std::get<std::string>(row.at(0))];
        for (const simdjson::dom::element hour : list) {
            std::uint64_t number = 0;
            std::string_view digits;
            if (hour.get(number) != simdjson::SUCCESS) {
                if (hour.get(digits) != simdjson::SUCCESS)
                    return Error(Code::kInternal, "the store gives hours in a form that is not known");
                number = std::strtoull(std::string(digits).c_str(), nullptr, 10);
            }
            of_site.insert(static_cast<std::int64_t>(number));
        }
    }
    cache_->touch(hours, data_state().loaded);
    if (options_.touched) options_.touched(hours);
    return {};
}

query::DataState StoreWatch::data_state() const {
    const std::lock_guard lock(mutex_);
    query::DataState state{.loaded = 0, .changes = changes_, .is_steady = problem_.empty()};
    for (const auto& [number, partition] : partitions_) state.loaded += partition.loaded;
    return state;
}

std::optional<std::uint64_t> StoreWatch::claims() const {
    const std::lock_guard lock(mutex_);
    if (!problem_.empty()) return std::nullopt;
    std::uint64_t sum = 0;
    for (const auto& [number, partition] : partitions_) sum += partition.claim;
    return sum;
}

std::int64_t StoreWatch::as_of_ms() const {
    const std::lock_guard lock(mutex_);
    return freshness_.as_of_ms();
}

std::string StoreWatch::problem() const {
    const std::lock_guard lock(mutex_);
    return problem_;
}

}  // namespace footfall::app::cluster
