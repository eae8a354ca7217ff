#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace footfall::enrich {

struct Pattern {
    std::string regex;  ///< RE2 syntax
    bool ignore_case = false;
};

/// An ordered list of regular expressions of which the first that matches wins. A text is not tried against all of
/// them: one pass finds the literals that they require (re2::FilteredRE2 extracts these), and only those whose literals
/// are all there are run: about 20 of 1,179 for a browser. Patterns that are plain text cost no expression at all. Time
/// is linear in the text whatever the patterns are. Immutable, thread-safe.
class PatternList {
public:
    explicit PatternList(const std::vector<Pattern>& patterns);
    ~PatternList();
    PatternList(PatternList&&) noexcept;
    PatternList& operator=(PatternList&&) noexcept;

    struct Match {
        std::size_t index = 0;  ///< place in the list
        std::array<std::string_view, 10>
            groups{};  ///< 0 is the whole match; parts of the text; empty where a group took no part
    };
    /// At most the first 512 bytes of the text count.
    std::optional<Match> first(std::string_view text) const;

    /// Patterns that RE2 does not know (look-ahead, back references); they never match.
    std::size_t skipped() const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace footfall::enrich
