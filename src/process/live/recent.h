#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/flat_table.h"
#include "store/live_part.h"

namespace footfall::process {

/// The window slides by the second: what was last seen in a second counts from then until 5 minutes after.
inline constexpr std::int64_t kRecentSeconds = store::kLiveNowMs / 1'000;

/// How many visitors were seen in the window, by a counter for each second. The caller knows when each was seen last.
/// Constant time; 1.2 KB. Not thread-safe.
class RecentCount {
public:
    /// Somebody who is not counted yet was seen in the second `at` (since 1970), which may be late.
    void add(std::int64_t at);
    /// Somebody who was last seen in the second `before` was so again in the later second `at`.
    void move(std::int64_t before, std::int64_t at);
    /// The window now ends with the second `now`, which never goes back.
    void advance(std::int64_t now);

    std::uint64_t count() const { return count_; }

private:
    bool is_within(std::int64_t at) const { return at > now_ - kRecentSeconds && at <= now_; }

    std::int64_t now_ = 0;
    std::uint64_t count_ = 0;
    std::array<std::uint32_t, kRecentSeconds> seconds_{};  ///< second s at s modulo their number
};

/// Sightings (a visitor, a name, a second) that all RecentVisitors of a process keep together: 40 to 80 bytes each.
struct SightingBudget {
    std::size_t max = 1'000'000;
    std::size_t used = 0;
    std::size_t lists = 0;  ///< that share it
};

/// Distinct visitors by name over the window. Constant time an event; memory is bounded by the budget and by the names.
/// Exact as long as the budget is not used up. Then whoever has more than kSightingsAlways, and than its equal share,
/// keeps half of the visitors, by a hash, as often as need be, and top() tells the number in the sample times what it
/// stands for (distinct sampling: P. Gibbons, VLDB 2001): of n visitors the error is about sqrt(n * 2^shift). What is
/// left out is taken in again, one doubling after the other, when there is room; it counts from when the window holds
/// nothing else. Not thread-safe.
class RecentVisitors {
public:
    static constexpr std::size_t kSightingsAlways = 2'000;

    explicit RecentVisitors(SightingBudget& budget) : budget_(budget) { ++budget_.lists; }
    ~RecentVisitors() {
        budget_.used -= sightings_;
        --budget_.lists;
    }
    RecentVisitors(const RecentVisitors&) = delete;
    RecentVisitors& operator=(const RecentVisitors&) = delete;

    /// Whether a visitor is of the sample of one in 2^shift. Each smaller sample is a part of the larger ones.
    static bool is_of_sample(std::uint64_t visitor_id, unsigned shift);

    /// Stands for a name as long as somebody holds it or a visitor counts for it.
    using NameId = std::uint32_t;

    /// Names beyond so many are one, kOther: visitors choose them, and they are kept in memory.
    static constexpr std::size_t kNamesMax = 20'000;
    static constexpr std::string_view kOther = "(other)";

    /// To be released as often as it was held.
    NameId hold(std::string_view name);
    void release(NameId name);

    /// An event of the second `at` (since 1970), which may be late. Ignored where it is out of the window.
    void add(std::uint64_t visitor_id, NameId held, std::int64_t at);
    void add(std::uint64_t visitor_id, std::string_view name, std::int64_t at);
    /// The visitor counts for the name `to` instead of `from`, both held, since when they were seen for it last.
    void move(std::uint64_t visitor_id, NameId from, NameId to);
    /// The window now ends with the second `now`, which never goes back. False where the list stays as it is.
    bool advance(std::int64_t now);

    /// The names with the most visitors, equal ones in the order of their text.
    store::LiveNames top(const store::LiveNamesLimits& limits) const;
    /// One visitor in 2^shift is counted; 0: all are.
    unsigned shift() const { return shift_; }
    /// From now on at most one visitor in 2^shift is added: nobody else is known any more to whoever adds them.
    void leave_out_at_least(unsigned shift);

private:
    static constexpr NameId kNoName = std::numeric_limits<NameId>::max();

    struct Name {
        const std::string* text = nullptr;  ///< the key in ids_
        std::uint32_t visitors = 0;         ///< of the sample
        std::uint32_t joining = 0;          ///< taken in again, who do not count yet
        std::uint32_t holders = 0;
    };
    /// A visitor who counts for a name, and when that was seen last.
    struct Pair {
        std::uint64_t visitor = 0;
        NameId name = kNoName;
        std::uint32_t second = 0;

        bool is_empty() const { return name == kNoName; }
        std::uint64_t hash() const { return secret_hash(visitor, name); }
        bool has_key_of(const Pair& other) const { return visitor == other.visitor && name == other.name; }
    };
    struct TextHash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
    };
    bool is_within(std::int64_t at) const { return at > now_ - kRecentSeconds && at <= now_; }
    std::uint32_t& count_of(const Pair& pair);
    void erase(Pair* pair);
    void forget_unused(NameId name);
    /// Where the budget is used up: forgets what was seen again since, halves the sample, or gives up those who were
    /// being taken in again.
    void leave_out();
    void take_in();
    void halve();
    /// Takes sightings out of seconds_.
    template <class IsOver>
    void drop_sightings(IsOver&& is_over);
    std::vector<Pair>& seen_in(std::int64_t second);

    SightingBudget& budget_;
    std::size_t sightings_ = 0;  ///< in seconds_
    std::int64_t now_ = 0;
    unsigned shift_ = 0;
    unsigned least_shift_ = 0;    ///< see leave_out_at_least()
    unsigned open_shift_ = 0;     ///< the sample that is taken in: that of shift_, or twice as large
    std::int64_t opened_at_ = 0;  ///< since when, if so
    std::unordered_map<std::string, NameId, TextHash, std::equal_to<>> ids_;
    std::vector<Name> names_;   ///< by id
    std::vector<NameId> free_;  ///< ids without a name
    FlatTable<Pair> pairs_;
    /// By second what was seen last in it, or was when it was written here.
    std::map<std::int64_t, std::vector<Pair>> seconds_;
};

}  // namespace footfall::process
