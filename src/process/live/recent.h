#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "store/live.h"

namespace footfall::process {

/// Distinct visitors by name over the last 5 minutes, sliding by the second: a visitor counts for a name from the
/// second of an event until 5 minutes after the second of the last one. Constant time an event; memory grows with the
/// pairs of visitor and name within the window, about 80 bytes each, and names. Not thread-safe.
class RecentVisitors {
public:
    static constexpr std::int64_t kSeconds = store::kLiveNowMs / 1'000;

    /// An event of the second `at` (since 1970), which may be late. Ignored where it is out of the window.
    void add(std::uint64_t visitor_id, std::string_view name, std::int64_t at);
    /// The window now ends with the second `now`, which never goes back.
    void advance(std::int64_t now);

    /// Visitors of one name.
    std::uint64_t count(std::string_view name) const;
    /// The names with the most visitors, equal ones in the order of their text.
    std::vector<store::LiveEntry> top(std::size_t n) const;

private:
    struct Name {
        std::string text;
        std::uint64_t visitors = 0;
    };
    struct Pair {
        std::uint64_t visitor = 0;
        const Name* name = nullptr;
        bool operator==(const Pair&) const = default;
    };
    struct PairHash {
        std::size_t operator()(const Pair& pair) const {
            return static_cast<std::size_t>(pair.visitor ^
                                            (reinterpret_cast<std::uintptr_t>(pair.name) * 0x9E3779B97F4A7C15ULL));
        }
    };
    struct TextHash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
    };
    std::int64_t now_ = 0;
    std::unordered_map<std::string, Name, TextHash, std::equal_to<>> names_;
    std::unordered_map<Pair, std::int64_t, PairHash> last_seen_;
    /// By second what was seen last in it, or was when it was written here.
    std::map<std::int64_t, std::vector<Pair>> seconds_;
};

}  // namespace footfall::process
