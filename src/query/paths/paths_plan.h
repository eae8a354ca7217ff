#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "query/answer.h"
#include "query/paths/paths.h"
#include "query/plan.h"
#include "query/shards.h"
#include "query/step.h"
#include "query/zone.h"
#include "store/client.h"

/// Of the paths' own files.
namespace footfall::query {

struct PathsPlan {
    /// `condition` has all that is asked of any event, for what has to be read; `limit` that of the nodes of a depth.
    Plan plan;
    std::vector<Condition> filters;  ///< of each event
    /// What the first node has to meet, where anything.
    std::optional<PlanStep> first;
    bool is_backwards = false;  ///< what came before it, not what comes after
    std::size_t depth = 0;
    PathNodes nodes = PathNodes::kPages;
    bool is_collapsed = true;
    std::size_t paths_limit = 0;
    bool needs_sessions = false;  ///< for what these alone have

    /// Of which events nodes are made, whatever they met.
    bool has_pages() const { return nodes != PathNodes::kEvents; }
    bool has_events() const { return nodes != PathNodes::kPages; }
};

/// In the statements a node is a letter, which says of what, and the page or the event's name.
inline constexpr char kPageLetter = 'p';
inline constexpr char kEventLetter = 'e';

using Path = std::vector<std::string>;

/// What an answer tells by name; all other nodes of a depth are one.
struct PathsTold {
    std::vector<std::vector<std::string>> nodes;  ///< by depth, from the first on
    std::vector<Path> paths;
    std::vector<std::string> path_hashes;  ///< as the statement has them
};

/// What is to be told. Columns: depth, a list of nodes as JSON, its hash, and how many sessions: of depth 0 whole
/// paths, of the others single nodes. Of all visitors those with most sessions, as many as are told or more; of a part
/// of them the first kPathRowsOfPart of each depth, so that what is bounded is bounded in parts too.
inline constexpr std::size_t kPathRowsOfPart = 1'000;
store::Statement compose_paths_told(const PathsPlan& paths, const Zone& zone, const Shard& shard, int timeout_ms);
std::vector<std::size_t> paths_told_keys();
/// Those with most sessions, of equally many the smaller one. kInternal where the store's columns are not the plan's.
Result<PathsTold> read_paths_told(const PathsPlan& paths, const store::Answer& answer);

/// How many sessions went from one node to the next. Columns: depth, the codes of the node there and of what followed
/// it, and how many sessions; of depth 0 the place of the path in those told, from 1 on, or 0, and 0. A code is one of
/// these, or kPathCodeTold and more: a place in the nodes told of that depth.
inline constexpr std::size_t kPathCodeEnded = 0;   ///< nothing followed
inline constexpr std::size_t kPathCodeDeeper = 1;  ///< something did, deeper than the path is told
inline constexpr std::size_t kPathCodeOther = 2;
inline constexpr std::size_t kPathCodeTold = 3;
store::Statement compose_paths(const PathsPlan& paths, const PathsTold& told, const Zone& zone, const Shard& shard,
                               int timeout_ms);
std::vector<std::size_t> paths_keys();

/// {"sessions", "steps": [{"depth", "sessions", "ended", "nodes": [{"value", "kind", "sessions", "ended",
/// "is_other"}]}], "links": [{"depth", "source", "target", "sessions"}], "paths": [{"nodes": [{"value", "kind"}],
/// "sessions", "rate"}], "meta"}. A link's source and target are places in the nodes of its depth's step and of the
/// next. kInternal where the store's columns are not the plan's.
Result<std::string> write_paths(const PathsPlan& paths, const PathsTold& told, const Zone& zone,
                                const AnswerParts& parts);

}  // namespace footfall::query
