#include <algorithm>
#include <map>
#include <string_view>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "base/json.h"
#include "base/json_reader.h"
#include "query/cells.h"
#include "query/paths/paths_plan.h"

namespace footfall::query {
namespace {

Error other_columns(const store::Answer& answer, std::size_t expected) {
    return {Code::kInternal, fmt::format("the store answered {} columns where the paths' statement has {}",
                                         answer.columns.size(), expected)};
}

Result<Path> read_nodes(const std::string& text, json::Reader& reader) {
    TRY(const auto root, reader.read(text, json::Reader::Padding::kAbsent));
    simdjson::dom::array list;
    if (root.get(list) != simdjson::SUCCESS) return Error(Code::kInternal, "the store's list of nodes is none");
    Path nodes;
    for (const simdjson::dom::element item : list) {
        std::string_view node;
        if (item.get(node) != simdjson::SUCCESS || node.empty())
            return Error(Code::kInternal, "one of the store's nodes is none");
        nodes.emplace_back(node);
    }
    return nodes;
}

/// A row of what may be told.
struct Candidate {
    Path nodes;
    std::string hash;
    std::uint64_t sessions = 0;
};

void leave_most(std::vector<Candidate>& candidates, std::size_t count) {
    std::ranges::sort(candidates, [](const Candidate& one, const Candidate& other) {
        if (one.sessions != other.sessions) return one.sessions > other.sessions;
        return one.nodes < other.nodes;
    });
    if (candidates.size() > count) candidates.resize(count);
}

/// A node of a depth, as it is told.
struct Node {
    std::size_t code = kPathCodeOther;
    std::uint64_t sessions = 0;
    std::uint64_t ended = 0;
};
struct Link {
    std::size_t code = 0;       ///< of the node that it comes from
    std::size_t next_code = 0;  ///< of the node of the next depth
    std::uint64_t sessions = 0;
};
struct StepNodes {
    std::vector<Node> nodes;
    std::vector<Link> links;
};

class PathsWriter {
public:
    PathsWriter(const PathsPlan& paths, const PathsTold& told, const Zone& zone)
        : paths_(paths),
          told_(told),
          zone_(zone),
          steps_(paths.depth),
          sessions_of_paths_(told.paths.size()),
          json_(out_) {}

    std::string write(const AnswerParts& parts) && {
        for (const auto& row : parts.current.rows) take(row);
        for (std::size_t i = 0; i < steps_.size(); ++i) arrange(i);
        json_.begin_object();
        json_.member("sessions", sessions_);
        write_steps();
        write_links();
        write_paths();
        write_meta(json_, paths_.plan, zone_, parts);
        json_.end_object();
        return std::move(out_);
    }

private:
    void take(const std::vector<store::Value>& row) {
        const std::size_t depth = natural_of(row[0]);
        const std::size_t code = natural_of(row[1]);
        const std::size_t next = natural_of(row[2]);
        const std::uint64_t sessions = natural_of(row[3]);
        FOOTFALL_CHECK(depth <= steps_.size());  // the statement has no others
        if (depth == 0) {
            sessions_ += sessions;
            if (code > 0) sessions_of_paths_.at(code - 1) += sessions;
            return;
        }
        StepNodes& step = steps_[depth - 1];
        auto node = std::ranges::find(step.nodes, code, &Node::code);
        if (node == step.nodes.end()) node = step.nodes.insert(node, {.code = code});
        node->sessions += sessions;
        if (next == kPathCodeEnded) node->ended += sessions;
        else if (next != kPathCodeDeeper) step.links.push_back({code, next, sessions});
    }

    /// What was chosen may have been found in fewer sessions than another node by now, or by all parts of the visitors.
    void arrange(std::size_t step) {
        std::ranges::sort(steps_[step].nodes, [&](const Node& one, const Node& other) {
            const bool is_other = one.code == kPathCodeOther;
            if (is_other != (other.code == kPathCodeOther)) return !is_other;
            if (one.sessions != other.sessions) return one.sessions > other.sessions;
            return text_of_node(step, one) < text_of_node(step, other);
        });
    }
    const std::string& text_of_node(std::size_t step, const Node& node) const {
        static const std::string kNone;
        return node.code < kPathCodeTold ? kNone : told_.nodes[step].at(node.code - kPathCodeTold);
    }
    std::size_t place_of(std::size_t step, std::size_t code) const {
        const auto& nodes = steps_[step].nodes;
        return static_cast<std::size_t>(std::ranges::find(nodes, code, &Node::code) - nodes.begin());
    }

    void write_node(const std::string& node) {
        json_.member("value", std::string_view(node).substr(1));
        json_.member("kind", node.front() == kPageLetter ? "page" : "event");
    }

    void write_steps() {
        json_.key("steps");
        json_.begin_array();
        for (std::size_t i = 0; i < steps_.size() && !steps_[i].nodes.empty(); ++i) {
            std::uint64_t sessions = 0;
            std::uint64_t ended = 0;
            for (const Node& node : steps_[i].nodes) {
                sessions += node.sessions;
                ended += node.ended;
            }
            json_.begin_object();
            json_.member("depth", i + 1);
            json_.member("sessions", sessions);
            json_.member("ended", ended);
            json_.key("nodes");
            json_.begin_array();
            for (const Node& node : steps_[i].nodes) {
                json_.begin_object();
                const bool is_other = node.code == kPathCodeOther;
                if (is_other) {
                    json_.key("value");
                    json_.null();
                    json_.key("kind");
                    json_.null();
                } else {
                    write_node(text_of_node(i, node));
                }
                json_.member("sessions", node.sessions);
                json_.member("ended", node.ended);
                json_.member("is_other", is_other);
                json_.end_object();
            }
            json_.end_array();
            json_.end_object();
        }
        json_.end_array();
    }

    void write_links() {
        json_.key("links");
        json_.begin_array();
        for (std::size_t i = 0; i + 1 < steps_.size(); ++i) {
            std::vector<std::tuple<std::size_t, std::size_t, std::uint64_t>> links;
            for (const Link& link : steps_[i].links)
                links.emplace_back(place_of(i, link.code), place_of(i + 1, link.next_code), link.sessions);
            std::ranges::sort(links);
            for (const auto& [source, target, sessions] : links) {
                json_.begin_object();
                json_.member("depth", i + 1);
                json_.member("source", source);
                json_.member("target", target);
                json_.member("sessions", sessions);
                json_.end_object();
            }
        }
        json_.end_array();
    }

    void write_paths() {
        std::vector<std::size_t> order;
        for (std::size_t i = 0; i < told_.paths.size(); ++i)
            if (sessions_of_paths_[i] > 0) order.push_back(i);
        std::ranges::sort(order, [&](std::size_t one, std::size_t other) {
            if (sessions_of_paths_[one] != sessions_of_paths_[other])
                return sessions_of_paths_[one] > sessions_of_paths_[other];
            return told_.paths[one] < told_.paths[other];
        });
        json_.key("paths");
        json_.begin_array();
        for (const std::size_t i : order) {
            json_.begin_object();
            json_.key("nodes");
            json_.begin_array();
            for (const std::string& node : told_.paths[i]) {
                json_.begin_object();
                write_node(node);
                json_.end_object();
            }
            json_.end_array();
            json_.member("sessions", sessions_of_paths_[i]);
            json_.key("rate");
            json_.number(100.0 * static_cast<double>(sessions_of_paths_[i]) / static_cast<double>(sessions_));
            json_.end_object();
        }
        json_.end_array();
    }

    const PathsPlan& paths_;
    const PathsTold& told_;
    const Zone& zone_;
    std::uint64_t sessions_ = 0;
    std::vector<StepNodes> steps_;
    std::vector<std::uint64_t> sessions_of_paths_;
    std::string out_;
    json::Writer json_;
};

}  // namespace

Result<PathsTold> read_paths_told(const PathsPlan& paths, const store::Answer& answer) {
    constexpr std::size_t kColumns = 4;
    if (answer.columns.size() != kColumns) return other_columns(answer, kColumns);
    std::vector<std::vector<Candidate>> by_depth(1 + paths.depth);
    json::Reader reader;
    for (const auto& row : answer.rows) {
        Candidate candidate{.nodes = {}, .hash = text_of(row[2]), .sessions = natural_of(row[3])};
        TRY(candidate.nodes, read_nodes(text_of(row[1]), reader));
        by_depth.at(natural_of(row[0])).push_back(std::move(candidate));
    }
    PathsTold told;
    leave_most(by_depth.front(), paths.paths_limit);
    for (Candidate& path : by_depth.front()) {
        told.paths.push_back(std::move(path.nodes));
        told.path_hashes.push_back(std::move(path.hash));
    }
    told.nodes.resize(paths.depth);
    for (std::size_t i = 0; i < paths.depth; ++i) {
        leave_most(by_depth[i + 1], static_cast<std::size_t>(paths.plan.limit));
        for (Candidate& node : by_depth[i + 1]) told.nodes[i].push_back(std::move(node.nodes.at(0)));
    }
    return told;
}

Result<std::string> write_paths(const PathsPlan& paths, const PathsTold& told, const Zone& zone,
                                const AnswerParts& parts) {
    constexpr std::size_t kColumns = 4;
    if (parts.current.columns.size() != kColumns) return other_columns(parts.current, kColumns);
    return PathsWriter(paths, told, zone).write(parts);
}

}  // namespace footfall::query
