#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace footfall::enrich {

/// Finds all of many literals in one pass over a text (Aho, Corasick: "Efficient string matching", 1975). Transitions
/// are short sorted lists, not tables: some 20 bytes a state instead of 1 KiB, for about 5 ns a byte of text.
/// Immutable.
class LiteralScanner {
public:
    /// Literals are numbered by their place; the same text may stand twice, an empty one is never found.
    explicit LiteralScanner(const std::vector<std::string>& literals);

    /// Calls `found(number, end)` for each occurrence, `end` being the offset behind its last byte.
    template <class Found>
    void scan(std::string_view text, Found&& found) const {
        std::uint32_t state = 0;
        for (std::size_t i = 0; i < text.size(); ++i) {
            state = next(state, static_cast<unsigned char>(text[i]));
            for (std::uint32_t at = state; at != 0; at = states_[at].shorter) {
                for (std::uint32_t o = states_[at].outputs; o < states_[at + 1].outputs; ++o) found(outputs_[o], i + 1);
            }
        }
    }

private:
    struct Edge {
        unsigned char byte;
        std::uint32_t target;
    };
    struct State {
        std::uint32_t edges = 0;    // first in edges_; they end where the next state's begin
        std::uint32_t outputs = 0;  // first in outputs_, likewise
        std::uint32_t fail = 0;     // the longest proper suffix that is a state
        std::uint32_t shorter = 0;  // the longest proper suffix that ends a literal; 0: none
    };

    std::uint32_t next(std::uint32_t state, unsigned char byte) const;

    std::array<std::uint32_t, 256> root_{};
    std::vector<State> states_;  // and one more that closes the last ranges
    std::vector<Edge> edges_;
    std::vector<std::uint32_t> outputs_;
};

}  // namespace footfall::enrich
