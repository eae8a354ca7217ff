// Probe 5: what it costs to ask "was this event id seen in the last 7 days" of a durable index.
//
//   g++ -O2 -std=c++20 dedup_probe.cc -o dedup_probe && ./dedup_probe [ids in millions, default 5] [folder]
//
// The index is a set of immutable runs: 16-byte keyed hashes of the ids, sorted, mapped from a file, each with a Bloom
// filter of 12 bits an id in memory. A UUIDv7 names its own time, so it is looked up only in the run of that time; any
// other id has to be asked of every live run. Figures are CPU nanoseconds of this thread for one look-up.

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace {

struct Hash {
    uint64_t high;
    uint64_t low;
    friend auto operator<=>(const Hash&, const Hash&) = default;
};

// Stands for SipHash-2-4-128 with a secret key: the same shape of output, uniform, made from the id's number.
Hash keyed_hash(uint64_t id) {
    auto mix = [](uint64_t x) {
        x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
        x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
        return x ^ (x >> 31);
    };
    return {mix(id + 0x9e3779b97f4a7c15ULL), mix(id ^ 0xd1b54a32d192ed03ULL)};
}

// Blocked by cache line: all bits of an id lie in 64 bytes, so a miss costs one access to memory.
class Bloom {
public:
    explicit Bloom(size_t ids) : blocks_((ids * kBitsPerId + 511) / 512) {}

    void add(Hash hash) {
        uint64_t* words = block(hash);
        for (int i = 0; i < kProbes; ++i) words[word(hash, i)] |= bit(hash, i);
    }
    bool may_hold(Hash hash) const {
        const uint64_t* words = const_cast<Bloom*>(this)->block(hash);
        for (int i = 0; i < kProbes; ++i) {
            if (!(words[word(hash, i)] & bit(hash, i))) return false;
        }
        return true;
    }
    size_t bytes() const { return blocks_.size() * sizeof(Block); }

private:
    static constexpr size_t kBitsPerId = 12;
    static constexpr int kProbes = 6;  // times 9 bits of `low`: 3 for the word, 6 for the bit
    struct alignas(64) Block {
        uint64_t words[8] = {};
    };

    uint64_t* block(Hash hash) {
        return blocks_[static_cast<size_t>((static_cast<unsigned __int128>(hash.high) * blocks_.size()) >> 64)].words;
    }
    static size_t word(Hash hash, int i) { return (hash.low >> (9 * i)) & 7; }
    static uint64_t bit(Hash hash, int i) { return 1ULL << ((hash.low >> (9 * i + 3)) & 63); }

    std::vector<Block> blocks_;
};

class Run {
public:
    Run(const std::string& path, std::vector<Hash> hashes) : bloom_(hashes.size()), count_(hashes.size()) {
        std::sort(hashes.begin(), hashes.end());
        for (Hash hash : hashes) bloom_.add(hash);
        int fd = open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC, 0600);
        const size_t size = count_ * sizeof(Hash);
        if (fd < 0 || write(fd, hashes.data(), size) != static_cast<ssize_t>(size) || fsync(fd) != 0) std::abort();
        void* mapped = mmap(nullptr, size, PROT_READ, MAP_SHARED, fd, 0);
        if (mapped == MAP_FAILED) std::abort();
        madvise(mapped, size, MADV_RANDOM);
        close(fd);
        unlink(path.c_str());
        data_ = static_cast<const Hash*>(mapped);
    }
    ~Run() { munmap(const_cast<Hash*>(data_), count_ * sizeof(Hash)); }
    Run(const Run&) = delete;
    Run& operator=(const Run&) = delete;

    bool holds(Hash hash, size_t& searches) const {
        if (!bloom_.may_hold(hash)) return false;
        ++searches;
        return search(hash);
    }
    size_t filter_bytes() const { return bloom_.bytes(); }

private:
    // The hashes are uniform, so the place of one is known to within a few hundred entries: one or two pages are
    // touched instead of the seven or so of a binary search over the whole run.
    bool search(Hash hash) const {
        const auto count = static_cast<int64_t>(count_);
        const auto guess = static_cast<int64_t>((static_cast<unsigned __int128>(hash.high) * count_) >> 64);
        int64_t step = 128;
        int64_t low = guess;
        int64_t high = guess;
        for (; low > 0 && data_[low] >= hash; step *= 2) low = std::max<int64_t>(0, low - step);
        step = 128;
        for (; high < count && data_[high] < hash; step *= 2) high = std::min(count, high + step);
        return std::binary_search(data_ + low, data_ + std::min(count, high + 1), hash);
    }

    Bloom bloom_;
    const Hash* data_;
    size_t count_;
};

double cpu_ns() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

void expect(bool holds, const char* sentence) {
    std::printf("%s  %s\n", holds ? "holds" : "FAILS", sentence);
    if (!holds) std::exit(1);
}

}  // namespace

int main(int argc, char** argv) {
    const size_t total = (argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 5) * 1000000;
    const std::string folder = argc > 2 ? argv[2] : std::filesystem::temp_directory_path().string();
    const std::string path = folder + "/dedup-probe." + std::to_string(getpid());
    constexpr size_t kLookups = 1000000;
    std::mt19937_64 random(1);

    std::printf("%-5s %-34s %-9s %-9s %-12s\n", "runs", "look-up", "found", "CPU ns", "searches");
    double v7_new = 0;
    double v4_new_few = 0;
    double v4_new_many = 0;
    size_t filter_bytes = 0;
    size_t false_positives = 0;
    for (size_t run_count : {7UL, 28UL, 168UL}) {
        const size_t per_run = total / run_count;
        std::vector<std::unique_ptr<Run>> runs;
        const double built = cpu_ns();
        for (size_t r = 0; r < run_count; ++r) {
            std::vector<Hash> hashes(per_run);
            for (size_t i = 0; i < per_run; ++i) hashes[i] = keyed_hash(r * per_run + i);
            runs.push_back(std::make_unique<Run>(path, std::move(hashes)));
        }
        const double build_ns = (cpu_ns() - built) / static_cast<double>(per_run * run_count);
        filter_bytes = 0;
        for (const auto& run : runs) filter_bytes += run->filter_bytes();

        // `old`: an id that is in the index. `one_run`: the id's time names its run (UUIDv7), here the last.
        auto measure = [&](const char* name, bool old, bool one_run) {
            size_t found = 0;
            size_t searches = 0;
            const size_t stored = per_run * run_count;
            const size_t first = one_run ? stored - per_run : 0;
            const size_t span = one_run ? per_run : stored;
            const double before = cpu_ns();
            for (size_t i = 0; i < kLookups; ++i) {
                const Hash hash = keyed_hash(old ? first + random() % span : stored + i);
                if (one_run) {
                    found += runs.back()->holds(hash, searches);
                } else {
                    // Newest first: most copies are retries of a moment ago.
                    for (size_t r = run_count; r-- > 0;) {
                        if (runs[r]->holds(hash, searches)) {
                            ++found;
                            break;
                        }
                    }
                }
            }
            const double spent = (cpu_ns() - before) / kLookups;
            std::printf("%-5zu %-34s %-9zu %-9.0f %-12zu\n", run_count, name, found, spent, searches);
            if (found != (old ? kLookups : 0)) std::exit(1);
            if (!old && !one_run) false_positives = searches;
            return spent;
        };
        const double new_v7 = measure("UUIDv7, new id: its own run", false, true);
        measure("UUIDv7, copy: its own run", true, true);
        const double new_v4 = measure("other, new id: every run", false, false);
        measure("other, copy: every run", true, false);
        if (run_count == 7) v7_new = new_v7, v4_new_few = new_v4;
        if (run_count == 168) v4_new_many = new_v4;
        std::printf("%-5zu %-34s %-9s %-9.0f\n\n", run_count, "build: hash, sort, filter, fsync", "", build_ns);
    }

    const double per_million = static_cast<double>(filter_bytes) / static_cast<double>(total);
    std::printf("filter: %.2f MB a million ids; 128 MiB hold the filters of %.0f million ids\n", per_million,
                128 * 1.048576 / per_million);
    std::printf("false positives of a new id over 168 runs: %.2f %% a run\n",
                100.0 * static_cast<double>(false_positives) / kLookups / 168);
    std::printf(
        "hashes: 16 MB a million ids on disk; 5,000 events/s for 7 days: %.1f billion ids, %.0f GB on disk, "
        "filters %.1f GB; one hour's bucket: %.0f million ids, filter %.0f MB\n\n",
        3.024, 3.024 * 16, 3.024 * per_million, 18.0, 18 * per_million);
    expect(per_million <= 1.55, "a filter needs at most 1.55 MB a million ids");
    expect(v7_new < 1000, "a new UUIDv7 is looked up in less than 1 us");
    expect(v4_new_many > 4 * v4_new_few, "the cost of other ids grows with the number of runs: keep runs few");
    return 0;
}
