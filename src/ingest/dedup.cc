#include "ingest/dedup.h"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include <xxhash.h>

#include "base/bytes.h"
#include "base/failpoint.h"
#include "base/file.h"
#include "base/logging.h"
#include "base/metrics.h"
#include "base/worker_pool.h"
#include "ingest/dedup_run.h"

namespace footfall::ingest {
namespace {

constexpr std::uint32_t kWindowS = 7 * 86'400;
/// A run is deleted, and an expired record left out of a merge, this long after it was of use.
constexpr std::uint32_t kExpirySlackS = 2 * 86'400;
constexpr std::int64_t kEarlyMs = (7 * 24 + 1) * 3'600'000ll;
constexpr std::int64_t kAheadMs = 10 * 60'000;
constexpr std::int64_t kHourMs = 3'600'000;

// Buckets: the hour since 1970 of a version 7 id, and two that no hour of our time has.
constexpr std::uint32_t kOtherIds = 0;
constexpr std::uint32_t kStrayIds = 1;
constexpr std::uint32_t kFirstHour = 2;

/// The table may grow to this many times its size at which it should be written.
constexpr std::size_t kTableGrowth = 4;
constexpr std::size_t kMergeRuns = 4;
constexpr std::uint64_t kMergeRecordsMax = 32u << 20;
constexpr std::uint64_t kLoadBytes = 32u << 20;
constexpr std::uint64_t kLookupsPerReview = 65'536;
constexpr std::int64_t kRetryNs = 1'000'000'000;
constexpr std::size_t kSecretBytes = 192;

constexpr std::uint32_t kManifestMagic = 0x4D444646;  // "FFDM"
constexpr std::uint32_t kSecretMagic = 0x53444646;    // "FFDS"
constexpr std::uint32_t kVersion = 1;

struct Key {
    std::uint64_t high = 0;
    std::uint32_t low = 0;
};

std::uint32_t seconds(std::int64_t ms) {
    return static_cast<std::uint32_t>(std::clamp<std::int64_t>(ms / 1000, 0, ~0u));
}
bool within_window(std::uint32_t received_s, std::uint32_t now_s) {
    return static_cast<std::uint64_t>(received_s) + kWindowS >= now_s;
}
bool expired(std::uint32_t received_s, std::uint32_t newest_s) {
    return static_cast<std::uint64_t>(received_s) + kWindowS + kExpirySlackS < newest_s;
}

/// The ids that are in no run yet, in the order of their receipt. An id may be there twice: again, after its window.
class Table {
public:
    struct Entry {
        std::uint64_t high;
        std::uint32_t low;
        std::uint32_t received_s;
        std::uint32_t bucket;
    };

    explicit Table(std::size_t expected) {
        entries_.reserve(expected + expected / 8);
        slots_.assign(std::bit_ceil(expected * 2), kEmpty);
    }

    std::size_t size() const { return entries_.size(); }
    const std::vector<Entry>& entries() const { return entries_; }

    void add(const Key& key, std::uint32_t received_s, std::uint32_t bucket) {
        if ((entries_.size() + 1) * 2 > slots_.size()) grow();
        slots_[free_slot(key.high)] = static_cast<std::uint32_t>(entries_.size());
        entries_.push_back({key.high, key.low, received_s, bucket});
    }

    /// Whether the id is here and its window open.
    bool contains(const Key& key, std::uint32_t now_s) const {
        for (std::size_t slot = first_slot(key.high); slots_[slot] != kEmpty; slot = next_slot(slot)) {
            const Entry& entry = entries_[slots_[slot]];
            if (entry.high == key.high && entry.low == key.low && within_window(entry.received_s, now_s)) return true;
        }
        return false;
    }

    /// Takes the latest entries out again, the last first: then each slot that is emptied is the end of its chain.
    void shrink(std::size_t size) {
        while (entries_.size() > size) {
            const auto last = static_cast<std::uint32_t>(entries_.size() - 1);
            std::size_t slot = first_slot(entries_.back().high);
            while (slots_[slot] != last) slot = next_slot(slot);
            slots_[slot] = kEmpty;
            entries_.pop_back();
        }
    }

private:
    static constexpr std::uint32_t kEmpty = ~0u;

    // Runs sort by the upper bits; the lower ones are as random.
    std::size_t first_slot(std::uint64_t high) const { return static_cast<std::size_t>(high) & (slots_.size() - 1); }
    std::size_t next_slot(std::size_t slot) const { return (slot + 1) & (slots_.size() - 1); }
    std::size_t free_slot(std::uint64_t high) const {
        std::size_t slot = first_slot(high);
        while (slots_[slot] != kEmpty) slot = next_slot(slot);
        return slot;
    }
    void grow() {
        slots_.assign(slots_.size() * 2, kEmpty);
        for (std::size_t i = 0; i < entries_.size(); ++i)
            slots_[free_slot(entries_[i].high)] = static_cast<std::uint32_t>(i);
    }

    std::vector<Entry> entries_;
    std::vector<std::uint32_t> slots_;
};

/// What a restart needs to know. On disk: u32 magic, u32 version, u64 checkpoint, u64 next_number, u32 count, count ×
/// (u64 number, u32 level), u32 CRC of all before.
struct Manifest {
    struct Item {
        std::uint64_t number = 0;
        std::uint32_t level = 0;
    };
    std::uint64_t checkpoint = 0;
    std::uint64_t next_number = 1;
    std::vector<Item> runs;
};

std::string encode(const Manifest& manifest) {
    std::string out;
    put(out, kManifestMagic);
    put(out, kVersion);
    put(out, manifest.checkpoint);
    put(out, manifest.next_number);
    put(out, static_cast<std::uint32_t>(manifest.runs.size()));
    for (const auto& run : manifest.runs) {
        put(out, run.number);
        put(out, run.level);
    }
    put(out, crc32c(out));
    return out;
}

Error damaged(const std::string& path, std::string_view what) {
    return Error(
        Code::kCorrupt,
        "the duplicate index is damaged: " + path + " " + std::string(what) +
            "; restore the file, or remove the index to have it rebuilt from the log as far as that goes back");
}

/// A whole block of ours: its CRC at the end is right. A newer version is told apart from damage.
Status check_block(const std::string& path, std::string_view raw, std::uint32_t magic) {
    if (raw.size() < 12 || get<std::uint32_t>(raw.data()) != magic ||
        get<std::uint32_t>(raw.data() + raw.size() - 4) != crc32c(raw.substr(0, raw.size() - 4)))
        return damaged(path, "is not whole");
    if (const auto version = get<std::uint32_t>(raw.data() + 4); version != kVersion)
        return Error(Code::kUnsupported,
                     path + " is of version " + std::to_string(version) + ", made by a newer release");
    return {};
}

Result<Manifest> decode_manifest(const std::string& path, std::string_view raw) {
    TRY_STATUS(check_block(path, raw, kManifestMagic));
    constexpr std::size_t kHead = 28;
    constexpr std::size_t kItem = 12;
    const std::size_t count = raw.size() < kHead ? 0 : get<std::uint32_t>(raw.data() + 24);
    if (raw.size() != kHead + count * kItem + 4) return damaged(path, "has a wrong length");
    Manifest manifest;
    manifest.checkpoint = get<std::uint64_t>(raw.data() + 8);
    manifest.next_number = get<std::uint64_t>(raw.data() + 16);
    for (const char* item = raw.data() + kHead; item != raw.data() + raw.size() - 4; item += kItem)
        manifest.runs.push_back({.number = get<std::uint64_t>(item), .level = get<std::uint32_t>(item + 8)});
    return manifest;
}

/// The secret of the installation, made where there is no index yet.
Result<std::string> load_secret(const std::string& path, bool fresh) {
    if (!path_exists(path)) {
        if (!fresh) return damaged(path, "is missing");
        std::string block;
        put(block, kSecretMagic);
        put(block, kVersion);
        std::string secret(kSecretBytes, '\0');
        random_bytes(secret.data(), secret.size());
        block += secret;
        put(block, crc32c(block));
        TRY_STATUS(write_file_atomically(path, block));
    }
    TRY(const std::string raw, read_file(path));
    TRY_STATUS(check_block(path, raw, kSecretMagic));
    if (raw.size() != 8 + kSecretBytes + 4) return damaged(path, "has a wrong length");
    return raw.substr(8, kSecretBytes);
}

std::string run_name(std::uint64_t number) { return std::to_string(number) + ".run"; }

struct Meters {
    metrics::Gauge& ids = metrics::gauge("footfall_dedup_ids", "Event ids in the runs of the duplicate index");
    metrics::Gauge& runs = metrics::gauge("footfall_dedup_runs", "Runs of the duplicate index");
    metrics::Gauge& resident =
        metrics::gauge("footfall_dedup_resident_bytes", "Filters of the duplicate index in memory");
    metrics::Histogram& flush = metrics::histogram("footfall_dedup_flush_seconds", "Time to write a run of new ids");
    metrics::Histogram& merge = metrics::histogram("footfall_dedup_merge_seconds", "Time to merge runs");
};

}  // namespace

struct Dedup::State {
    struct OpenRun {
        std::shared_ptr<Run> run;
        std::uint32_t level = 0;
    };
    struct Place {
        Run* run = nullptr;
        std::size_t section = 0;
    };
    struct LoadedFilter {
        std::shared_ptr<Run> run;
        std::size_t section = 0;
        std::string filter;
    };

    State(DedupOptions o, Clock& c, LockFile l, std::string s, Manifest m)
        : options(std::move(o)),
          clock(c),
          lock(std::move(l)),
          secret(std::move(s)),
          manifest(std::move(m)),
          replay_from(manifest.checkpoint),
          table(std::make_unique<Table>(options.flush_ids)),
          end_offset(manifest.checkpoint) {}

    std::string path(const std::string& name) const { return options.directory + "/" + name; }
    Key key_of(std::string_view site, const Uuid& id) const;

    // The committer's thread.
    Status remove_leftovers() const;
    Status open_runs();
    Result<bool> in_runs(const Key& key, std::uint32_t bucket, std::uint32_t now_s);
    Result<bool> in_bucket(const Key& key, std::uint32_t bucket, std::uint32_t now_s);
    std::size_t table_max() const { return options.flush_ids * kTableGrowth; }
    void index_runs();
    /// Takes over what the background has done.
    void adopt();
    /// Gives the background what is due.
    void schedule();
    void start_flush();
    void start_merge();
    void review_residency();
    bool flush_is_due() const;

    // The background's threads.
    void post(std::function<void()> result);
    Status change_manifest(const std::function<void(Manifest&)>& change);
    Result<std::shared_ptr<Run>> write_run(const std::function<Status(RunWriter&)>& fill);
    Status fill_from_table(RunWriter& writer, const Table& from) const;
    Status fill_from_runs(RunWriter& writer, const std::vector<OpenRun>& inputs, std::uint32_t newest) const;
    Result<std::shared_ptr<Run>> merge(const std::vector<OpenRun>& inputs, std::uint32_t newest);
    void remove_runs(const std::vector<OpenRun>& doomed) const;

    const DedupOptions options;
    Clock& clock;
    const LockFile lock;
    const std::string secret;
    Meters meters;
    std::atomic<bool> stopping{false};

    std::mutex manifest_mutex;
    Manifest manifest;
    std::atomic<std::uint64_t> replay_from;

    std::unique_ptr<Table> table;
    std::size_t committed = 0;
    std::uint64_t end_offset = 0;
    std::shared_ptr<const Table> flushing;
    bool flush_running = false;
    std::uint64_t flushing_end = 0;
    std::uint32_t newest_s = 0;
    std::vector<OpenRun> runs;
    std::unordered_map<std::uint32_t, std::vector<Place>> buckets;
    bool merge_running = false;
    bool load_running = false;
    /// Runs that a merge found damaged; they are still asked.
    std::set<std::uint64_t> unmergeable;
    std::int64_t flush_not_before_ns = 0;
    std::int64_t merge_not_before_ns = 0;
    std::uint64_t lookups = 0;

    std::mutex results_mutex;
    std::condition_variable results_ready;
    std::vector<std::function<void()>> results;
    std::atomic<bool> has_results{false};

    // Last: their destructors wait for work that uses the members above. Merging has a thread of its own, so that a
    // long merge never keeps new ids from being written.
    WorkerPool flusher{"dedup.flush", 1, 4};
    WorkerPool merger{"dedup.merge", 1, 4};
};

Key Dedup::State::key_of(std::string_view site, const Uuid& id) const {
    char small[256];
    std::string large;
    const std::size_t size = id.bytes.size() + site.size();
    char* text = small;
    if (size > sizeof(small)) {
        large.resize(size);
        text = large.data();
    }
    std::memcpy(text, id.bytes.data(), id.bytes.size());
    std::memcpy(text + id.bytes.size(), site.data(), site.size());
    const XXH128_hash_t hash = XXH3_128bits_withSecret(text, size, secret.data(), secret.size());
    return {.high = hash.high64, .low = static_cast<std::uint32_t>(hash.low64)};
}

Status Dedup::State::remove_leftovers() const {
    TRY(const auto names, list_directory(options.directory));
    for (const std::string& name : names) {
        std::uint64_t number = 0;
        const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
        const bool is_run = error == std::errc() && std::string_view(end) == ".run";
        const bool known =
            std::any_of(manifest.runs.begin(), manifest.runs.end(), [&](const auto& r) { return r.number == number; });
        if (name.ends_with(".tmp") || (is_run && !known)) TRY_STATUS(remove_file(path(name)));
    }
    return {};
}

Status Dedup::State::open_runs() {
    for (const Manifest::Item& item : manifest.runs) {
        const std::string file = path(run_name(item.number));
        if (!path_exists(file)) return damaged(file, "is missing");
        TRY(auto run, Run::open(file, item.number));
        newest_s = std::max(newest_s, run->received_max());
        runs.push_back({std::move(run), item.level});
    }
    index_runs();
    return {};
}

void Dedup::State::index_runs() {
    buckets.clear();
    std::uint64_t ids = 0;
    // The newest first: a repetition is mostly one of a moment ago.
    for (auto open = runs.rbegin(); open != runs.rend(); ++open) {
        Run& run = *open->run;
        ids += run.records();
        for (std::size_t i = 0; i < run.sections().size(); ++i) buckets[run.sections()[i].bucket].push_back({&run, i});
    }
    meters.runs.set(static_cast<double>(runs.size()));
    meters.ids.set(static_cast<double>(ids));
}

Result<bool> Dedup::State::in_bucket(const Key& key, std::uint32_t bucket, std::uint32_t now_s) {
    const auto found = buckets.find(bucket);
    if (found == buckets.end()) return false;
    for (const Place& place : found->second) {
        Run::Section& section = place.run->sections()[place.section];
        if (!within_window(section.received_max, now_s)) continue;
        TRY(const auto received, place.run->find(section, key.high, key.low));
        if (received && within_window(*received, now_s)) return true;
    }
    return false;
}

Result<bool> Dedup::State::in_runs(const Key& key, std::uint32_t bucket, std::uint32_t now_s) {
    TRY(const bool found, in_bucket(key, bucket, now_s));
    if (found || bucket < kFirstHour) return found;
    return in_bucket(key, kStrayIds, now_s);
}

/// Where an id is looked for first: its hour, or among those that have none.
std::uint32_t home_bucket(const Uuid& id) {
    const auto time_ms = id.time_ms();
    if (!time_ms) return kOtherIds;
    const std::int64_t hour = *time_ms / kHourMs;
    return hour < kFirstHour || hour > ~0u ? kStrayIds : static_cast<std::uint32_t>(hour);
}

/// Where an id is put that was received at `receive_ms`.
std::uint32_t storage_bucket(const Uuid& id, std::int64_t receive_ms) {
    const auto time_ms = id.time_ms();
    if (!time_ms) return kOtherIds;
    const bool near = *time_ms >= receive_ms - kEarlyMs && *time_ms <= receive_ms + kAheadMs;
    return near ? home_bucket(id) : kStrayIds;
}

void Dedup::State::post(std::function<void()> result) {
    {
        const std::lock_guard guard(results_mutex);
        results.push_back(std::move(result));
        has_results = true;
    }
    results_ready.notify_all();
}

void Dedup::State::adopt() {
    if (!has_results) return;
    std::vector<std::function<void()>> ready;
    {
        const std::lock_guard guard(results_mutex);
        ready.swap(results);
        has_results = false;
    }
    for (const auto& result : ready) result();
}

bool Dedup::State::flush_is_due() const {
    // The ids of a group that is not in the log yet must not get into a run.
    if (committed == 0 || committed != table->size()) return false;
    const std::uint32_t oldest_s = table->entries().front().received_s;
    return committed >= options.flush_ids ||
           (newest_s > oldest_s && newest_s - oldest_s >= options.flush_age_ms / 1000);
}

void Dedup::State::schedule() {
    const std::int64_t now = clock.steady_ns();
    if (!flush_running && now >= flush_not_before_ns && (flushing || flush_is_due())) start_flush();
    if (!merge_running && now >= merge_not_before_ns) start_merge();
    if (!load_running && lookups >= kLookupsPerReview) review_residency();
}

Status Dedup::State::change_manifest(const std::function<void(Manifest&)>& change) {
    const std::lock_guard guard(manifest_mutex);
    Manifest changed = manifest;
    change(changed);
    if (failpoint("dedup.manifest") == Fault::kError) return Error(Code::kIo, "writing the manifest: injected error");
    TRY_STATUS(write_file_atomically(path("manifest"), encode(changed)));
    manifest = std::move(changed);
    return {};
}

Result<std::shared_ptr<Run>> Dedup::State::write_run(const std::function<Status(RunWriter&)>& fill) {
    std::uint64_t number = 0;
    {
        const std::lock_guard guard(manifest_mutex);
        number = manifest.next_number++;
    }
    const std::string name = path(run_name(number));
    const std::string temporary = name + ".tmp";
    const auto made = [&]() -> Status {
        TRY(RunWriter writer, RunWriter::create(temporary, number, stopping));
        TRY_STATUS(fill(writer));
        TRY_STATUS(writer.finish());
        if (std::rename(temporary.c_str(), name.c_str()) != 0) return errno_error("rename " + name, errno);
        return sync_directory(options.directory);
    }();
    if (!made) {
        // What could not be synced is thrown away, never synced again.
        if (const auto removed = remove_file(temporary); !removed)
            logging::warn("dedup.temporary_not_removed", {{"error", removed.error().message}});
        return Error(made.error());
    }
    return Run::open(name, number);
}

Status Dedup::State::fill_from_table(RunWriter& writer, const Table& from) const {
    std::vector<Table::Entry> sorted = from.entries();
    const auto record = [](const Table::Entry& e) {
        return IdRecord{.high = e.high, .low = e.low, .received_s = e.received_s};
    };
    std::sort(sorted.begin(), sorted.end(), [&](const Table::Entry& a, const Table::Entry& b) {
        return a.bucket != b.bucket ? a.bucket < b.bucket : record(a) < record(b);
    });
    for (auto begin = sorted.begin(); begin != sorted.end();) {
        const auto end =
            std::find_if(begin, sorted.end(), [&](const Table::Entry& e) { return e.bucket != begin->bucket; });
        TRY_STATUS(writer.begin_section(begin->bucket, static_cast<std::uint64_t>(end - begin)));
        for (; begin != end; ++begin) TRY_STATUS(writer.add(record(*begin)));
        TRY_STATUS(writer.end_section());
    }
    return {};
}

void Dedup::State::start_flush() {
    if (!flushing) {
        flushing = std::move(table);
        flushing_end = end_offset;
        table = std::make_unique<Table>(options.flush_ids);
        committed = 0;
    }
    flush_running = flusher.submit([this, from = flushing, end = flushing_end] {
        const std::int64_t began = clock.steady_ns();
        auto written = [&]() -> Result<std::shared_ptr<Run>> {
            if (failpoint("dedup.flush") == Fault::kError) return Error(Code::kIo, "writing a run: injected error");
            TRY(auto run, write_run([&](RunWriter& writer) { return fill_from_table(writer, *from); }));
            TRY_STATUS(change_manifest([&](Manifest& m) {
                m.runs.push_back({.number = run->number(), .level = 0});
                m.checkpoint = end;
            }));
            return run;
        }();
        if (written) replay_from = end;
        meters.flush.observe_ns(clock.steady_ns() - began);
        post([this, written = std::move(written)] {
            flush_running = false;
            if (!written) {
                if (!stopping) logging::warn("dedup.flush_failed", {{"error", written.error().message}});
                flush_not_before_ns = clock.steady_ns() + kRetryNs;
                return;
            }
            flushing.reset();
            runs.push_back({*written, 0});
            index_runs();
        });
    });
}

Status Dedup::State::fill_from_runs(RunWriter& writer, const std::vector<OpenRun>& inputs, std::uint32_t newest) const {
    std::map<std::uint32_t, std::vector<std::pair<const Run*, const Run::Section*>>> by_bucket;
    for (const OpenRun& input : inputs)
        for (const Run::Section& section : std::as_const(*input.run).sections())
            by_bucket[section.bucket].emplace_back(input.run.get(), &section);
    for (const auto& [bucket, sections] : by_bucket) {
        std::uint64_t records_max = 0;
        std::vector<Run::Cursor> cursors;
        std::vector<const IdRecord*> heads;
        for (const auto& [run, section] : sections) {
            records_max += section->records;
            cursors.emplace_back(*run, *section);
        }
        for (Run::Cursor& cursor : cursors) {
            TRY(const IdRecord* head, cursor.next());
            heads.push_back(head);
        }
        TRY_STATUS(writer.begin_section(bucket, records_max));
        for (;;) {
            std::size_t least = heads.size();
            for (std::size_t i = 0; i < heads.size(); ++i)
                if (heads[i] != nullptr && (least == heads.size() || *heads[i] < *heads[least])) least = i;
            if (least == heads.size()) break;
            if (!expired(heads[least]->received_s, newest)) TRY_STATUS(writer.add(*heads[least]));
            TRY(heads[least], cursors[least].next());
        }
        TRY_STATUS(writer.end_section());
    }
    return {};
}

Result<std::shared_ptr<Run>> Dedup::State::merge(const std::vector<OpenRun>& inputs, std::uint32_t newest) {
    const bool all_expired = std::all_of(
        inputs.begin(), inputs.end(), [&](const OpenRun& input) { return expired(input.run->received_max(), newest); });
    std::shared_ptr<Run> merged;
    std::uint32_t level = 0;
    if (!all_expired) {
        if (failpoint("dedup.merge") == Fault::kError) return Error(Code::kIo, "merging runs: injected error");
        TRY(merged, write_run([&](RunWriter& writer) { return fill_from_runs(writer, inputs, newest); }));
        for (const OpenRun& input : inputs) level = std::max(level, input.level + 1);
    }
    TRY_STATUS(change_manifest([&](Manifest& m) {
        std::erase_if(m.runs, [&](const Manifest::Item& item) {
            return std::any_of(inputs.begin(), inputs.end(),
                               [&](const OpenRun& input) { return input.run->number() == item.number; });
        });
        if (merged) m.runs.push_back({.number = merged->number(), .level = level});
    }));
    // Only now: until the manifest was durable, a start would have needed them.
    remove_runs(inputs);
    return merged;
}

void Dedup::State::remove_runs(const std::vector<OpenRun>& doomed) const {
    for (const OpenRun& open : doomed)
        if (const auto removed = remove_file(path(run_name(open.run->number()))); !removed)
            logging::warn("dedup.run_not_removed", {{"error", removed.error().message}});
}

void Dedup::State::start_merge() {
    std::vector<OpenRun> inputs;
    for (const OpenRun& open : runs)
        if (expired(open.run->received_max(), newest_s)) inputs.push_back(open);
    if (inputs.empty()) {
        std::map<std::uint32_t, std::vector<OpenRun>> levels;
        for (const OpenRun& open : runs)
            if (!unmergeable.contains(open.run->number())) levels[open.level].push_back(open);
        for (const auto& [level, of_level] : levels) {
            if (of_level.size() < kMergeRuns) continue;
            std::uint64_t records = 0;
            for (std::size_t i = 0; i < kMergeRuns; ++i) records += of_level[i].run->records();
            if (records > kMergeRecordsMax) continue;
            inputs.assign(of_level.begin(), of_level.begin() + kMergeRuns);
            break;
        }
    }
    if (inputs.empty()) return;
    merge_running = merger.submit([this, inputs, newest = newest_s] {
        const std::int64_t began = clock.steady_ns();
        auto merged = merge(inputs, newest);
        meters.merge.observe_ns(clock.steady_ns() - began);
        post([this, inputs, merged = std::move(merged)] {
            merge_running = false;
            if (!merged) {
                if (!stopping) logging::error("dedup.merge_failed", {{"error", merged.error().message}});
                merge_not_before_ns = clock.steady_ns() + kRetryNs;
                if (merged.error().code == Code::kCorrupt)
                    for (const OpenRun& input : inputs) unmergeable.insert(input.run->number());
                return;
            }
            std::uint64_t touches = 0;
            std::uint32_t level = 0;
            for (const OpenRun& input : inputs) {
                level = std::max(level, input.level + 1);
                for (const Run::Section& section : input.run->sections()) touches = std::max(touches, section.touches);
                std::erase_if(runs, [&](const OpenRun& open) { return open.run == input.run; });
            }
            if (*merged) {
                runs.push_back({*merged, level});
                lookups = kLookupsPerReview;  // its filters are wanted as those of its parts were
            }
            index_runs();
        });
    });
}

void Dedup::State::review_residency() {
    lookups = 0;
    struct Wish {
        std::shared_ptr<Run> run;
        std::size_t section;
        double weight;  // look-ups per byte
    };
    std::vector<Wish> wishes;
    for (const OpenRun& open : runs) {
        for (std::size_t i = 0; i < open.run->sections().size(); ++i) {
            Run::Section& section = open.run->sections()[i];
            // What is resident is favoured, so that two of the same weight do not take turns.
            const double favour = section.filter.empty() ? 1 : 1.5;
            wishes.push_back(
                {open.run, i, favour * static_cast<double>(section.touches) / static_cast<double>(section.lines)});
            section.touches /= 2;
        }
    }
    std::sort(wishes.begin(), wishes.end(), [](const Wish& a, const Wish& b) { return a.weight > b.weight; });
    std::uint64_t used = 0;
    std::uint64_t loading = 0;
    std::vector<LoadedFilter> loads;
    for (const Wish& wish : wishes) {
        Run::Section& section = wish.run->sections()[wish.section];
        const std::uint64_t bytes = section.lines * 64 + section.blocks * sizeof(std::uint32_t);
        const bool wanted = wish.weight > 0 && used + bytes <= options.memory_max;
        if (wanted) used += bytes;
        if (!wanted) {
            std::string().swap(section.filter);
            std::vector<std::uint32_t>().swap(section.fences);
        } else if (section.filter.empty() && (loads.empty() || loading + bytes <= kLoadBytes)) {
            loading += bytes;
            loads.push_back({wish.run, wish.section, {}});
        }
    }
    meters.resident.set(static_cast<double>(used));
    if (loads.empty()) return;
    load_running = flusher.submit([this, loads = std::move(loads)]() mutable {
        for (LoadedFilter& load : loads) {
            if (stopping) break;
            auto filter = load.run->load_filter(load.section);
            // Look-ups go on by reading single lines and say what is wrong where it matters.
            if (filter) load.filter = std::move(*filter);
            else logging::error("dedup.filter_not_loaded", {{"error", filter.error().message}});
        }
        post([this, loads = std::make_shared<std::vector<LoadedFilter>>(std::move(loads))] {
            load_running = false;
            for (LoadedFilter& load : *loads) load.run->sections()[load.section].filter = std::move(load.filter);
        });
    });
}

Dedup::Dedup(std::unique_ptr<State> state) : state_(std::move(state)) {}

Dedup::~Dedup() { state_->stopping = true; }

Result<std::unique_ptr<Dedup>> Dedup::open(DedupOptions options, Clock& clock) {
    options.directory = absolute_path(options.directory);
    options.flush_ids = std::max<std::uint32_t>(options.flush_ids, 16);
    const std::string where = "opening the duplicate index in " + options.directory;
    const auto opened = [&]() -> Result<std::unique_ptr<State>> {
        TRY_STATUS(make_directories(options.directory));
        TRY_STATUS(sync_directory(options.directory.substr(0, options.directory.rfind('/') + 1)));
        TRY(LockFile lock, LockFile::acquire(options.directory + "/lock", 5000));
        const std::string manifest_path = options.directory + "/manifest";
        const bool fresh = !path_exists(manifest_path);
        TRY(const auto names, list_directory(options.directory));
        const bool has_runs =
            std::any_of(names.begin(), names.end(), [](const auto& name) { return name.ends_with(".run"); });
        if (fresh && has_runs) return damaged(manifest_path, "is missing");
        Manifest manifest;
        if (!fresh) {
            TRY(const std::string raw, read_file(manifest_path));
            TRY(manifest, decode_manifest(manifest_path, raw));
        }
        TRY(std::string secret, load_secret(options.directory + "/secret", fresh));
        if (fresh) TRY_STATUS(write_file_atomically(manifest_path, encode(manifest)));
        auto state =
            std::make_unique<State>(std::move(options), clock, std::move(lock), std::move(secret), std::move(manifest));
        TRY_STATUS(state->remove_leftovers());
        TRY_STATUS(state->open_runs());
        return state;
    };
    auto state = opened();
    if (!state) return state.error().context(where);
    return std::unique_ptr<Dedup>(new Dedup(std::move(*state)));
}

std::uint64_t Dedup::replay_from() const { return state_->replay_from; }

Status Dedup::restore(std::string_view site, const Uuid& id, std::int64_t receive_ms, std::uint64_t offset) {
    State& s = *state_;
    if (offset < s.end_offset) return {};
    // The start may wait: a log that runs ahead of the runs by more than the table holds means that the disk could not
    // keep up before.
    if (s.table->size() >= s.table_max() && (!settle(60'000) || s.table->size() >= s.table_max()))
        return Error(Code::kOverloaded, "the duplicate index cannot write its runs to " + s.options.directory);
    const std::uint32_t received_s = seconds(receive_ms);
    s.newest_s = std::max(s.newest_s, received_s);
    s.table->add(s.key_of(site, id), received_s, storage_bucket(id, receive_ms));
    return commit(offset + 1);
}

Result<bool> Dedup::seen(std::string_view site, const Uuid& id, std::int64_t receive_ms) {
    State& s = *state_;
    s.adopt();
    if (s.table->size() >= s.table_max()) {
        s.schedule();
        return Error(Code::kOverloaded,
                     "the duplicate index cannot write its runs to " + s.options.directory + " fast enough");
    }
    const Key key = s.key_of(site, id);
    const std::uint32_t now_s = seconds(receive_ms);
    s.newest_s = std::max(s.newest_s, now_s);
    ++s.lookups;
    if (s.table->contains(key, now_s) || (s.flushing && s.flushing->contains(key, now_s))) return true;
    TRY(const bool found, s.in_runs(key, home_bucket(id), now_s));
    if (found) return true;
    s.table->add(key, now_s, storage_bucket(id, receive_ms));
    return false;
}

Status Dedup::commit(std::uint64_t end_offset) {
    State& s = *state_;
    s.committed = s.table->size();
    s.end_offset = std::max(s.end_offset, end_offset);
    s.adopt();
    s.schedule();
    return {};
}

void Dedup::abort() { state_->table->shrink(state_->committed); }

bool Dedup::settle(int timeout_ms) {
    State& s = *state_;
    const std::int64_t deadline = s.clock.steady_ns() + timeout_ms * 1'000'000ll;
    for (;;) {
        s.adopt();
        s.schedule();
        if (!s.flush_running && !s.merge_running && !s.load_running) return true;
        const std::int64_t left_ms = (deadline - s.clock.steady_ns()) / 1'000'000;
        if (left_ms <= 0) return false;
        std::unique_lock lock(s.results_mutex);
        if (!s.results_ready.wait_for(lock, std::chrono::milliseconds(left_ms), [&] { return s.has_results.load(); }))
            return false;
    }
}

Dedup::Statistics Dedup::statistics() const {
    Statistics out;
    out.ids_in_memory = state_->table->size() + (state_->flushing ? state_->flushing->size() : 0);
    out.runs = state_->runs.size();
    for (const State::OpenRun& open : state_->runs) {
        out.ids_in_runs += open.run->records();
        out.run_bytes += open.run->bytes();
        for (const Run::Section& section : open.run->sections())
            out.resident_bytes += section.filter.size() + section.fences.size() * sizeof(std::uint32_t);
    }
    return out;
}

}  // namespace footfall::ingest
