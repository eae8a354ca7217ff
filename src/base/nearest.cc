#include "base/nearest.h"

#include <algorithm>

namespace footfall {
namespace {

std::size_t distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t substitute = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            diagonal = row[j];
            row[j] = std::min({substitute, row[j] + 1, row[j - 1] + 1});
        }
    }
    return row[b.size()];
}

}  // namespace

std::string nearest(std::string_view word, std::span<const std::string_view> candidates) {
    if (word.empty() || word.size() > 100) return {};
    std::string_view best;
    std::size_t best_distance = 0;
    for (const std::string_view candidate : candidates) {
        const std::size_t d = distance(word, candidate);
        // Of a word of three letters, two changes leave nothing.
        const std::size_t longer = std::max(word.size(), candidate.size());
        if (d > (longer <= 3 ? 1 : std::max<std::size_t>(2, longer / 3))) continue;
        if (best.empty() || d < best_distance) {
            best = candidate;
            best_distance = d;
        }
    }
    return std::string(best);
}

}  // namespace footfall
