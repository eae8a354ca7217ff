#include "enrich/literal_scanner.h"

#include <algorithm>

namespace footfall::enrich {
namespace {

struct Node {
    std::vector<std::pair<unsigned char, std::uint32_t>> children;
    std::vector<std::uint32_t> outputs;
};

std::vector<Node> build_trie(const std::vector<std::string>& literals) {
    std::vector<Node> trie(1);
    for (std::uint32_t number = 0; number < literals.size(); ++number) {
        if (literals[number].empty()) continue;
        std::uint32_t at = 0;
        for (const char c : literals[number]) {
            const auto byte = static_cast<unsigned char>(c);
            const auto& children = trie[at].children;
            const auto child =
                std::find_if(children.begin(), children.end(), [&](const auto& edge) { return edge.first == byte; });
            if (child != children.end()) {
                at = child->second;
                continue;
            }
            const auto fresh = static_cast<std::uint32_t>(trie.size());
            trie[at].children.emplace_back(byte, fresh);
            trie.emplace_back();
            at = fresh;
        }
        trie[at].outputs.push_back(number);
    }
    return trie;
}

}  // namespace

LiteralScanner::LiteralScanner(const std::vector<std::string>& literals) {
    std::vector<Node> trie = build_trie(literals);
    // States are numbered breadth first, so a state's suffixes are complete before the state.
    std::vector<std::uint32_t> order = {0};
    std::vector<std::uint32_t> number(trie.size());
    states_.resize(trie.size() + 1);
    for (std::size_t i = 0; i < order.size(); ++i) {
        Node& node = trie[order[i]];
        number[order[i]] = static_cast<std::uint32_t>(i);
        std::sort(node.children.begin(), node.children.end());
        states_[i].edges = static_cast<std::uint32_t>(edges_.size());
        states_[i].outputs = static_cast<std::uint32_t>(outputs_.size());
        for (const auto& [byte, child] : node.children) {
            edges_.push_back({byte, static_cast<std::uint32_t>(order.size())});
            if (i == 0) root_[byte] = static_cast<std::uint32_t>(order.size());
            order.push_back(child);
        }
        outputs_.insert(outputs_.end(), node.outputs.begin(), node.outputs.end());
    }
    states_.back().edges = static_cast<std::uint32_t>(edges_.size());
    states_.back().outputs = static_cast<std::uint32_t>(outputs_.size());
    for (std::uint32_t parent = 0; parent < trie.size(); ++parent) {
        for (std::uint32_t e = states_[parent].edges; e < states_[parent + 1].edges; ++e) {
            State& child = states_[edges_[e].target];
            child.fail = parent == 0 ? 0 : next(states_[parent].fail, edges_[e].byte);
            const State& suffix = states_[child.fail];
            const bool suffix_ends = suffix.outputs != states_[child.fail + 1].outputs;
            child.shorter = suffix_ends ? child.fail : suffix.shorter;
        }
    }
}

std::uint32_t LiteralScanner::next(std::uint32_t state, unsigned char byte) const {
    for (; state != 0; state = states_[state].fail) {
        for (std::uint32_t e = states_[state].edges; e < states_[state + 1].edges; ++e)
            if (edges_[e].byte == byte) return edges_[e].target;
    }
    return root_[byte];
}

}  // namespace footfall::enrich
