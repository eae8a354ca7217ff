#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace footfall::query {

/// Where the nodes of a cluster leave answers for each other, behind each node's own cache (answer_cache.h). What goes
/// wrong here costs a computation and nothing else. Thread-safe; each call is short, whatever is away.
class SharedAnswers {
public:
    virtual ~SharedAnswers() = default;
    /// Where the answer to a question is, by what the tables hold of [from_ms, to_ms) of the site: another place once
    /// rows of that time came. Asked before the store is. Nothing where that can't be told now.
    virtual std::optional<std::string> place_of(std::string_view key, std::string_view site_id, std::int64_t from_ms,
                                                std::int64_t to_ms) = 0;
    virtual std::optional<std::string> get(const std::string& place) = 0;
    /// May be given up.
    virtual void put(const std::string& place, std::string_view answer) = 0;
};

}  // namespace footfall::query
