#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "process/remake.h"

namespace footfall::rescore {

/// Which events are judged again.
struct Request {
    std::vector<std::string> sites;  ///< sorted
    std::int64_t since_ms = 0;       ///< of an event's time
    std::int64_t until_ms = 0;       ///< the first that is not
    std::uint64_t end = 0;           ///< of the log: what comes from there on was judged by lists that are no older
};

struct Begun {
    Request request;
    /// Whose rows have to be made again. Nothing else tells once the log is rewritten.
    process::SomeVisitors visitors;
};

/// The re-scoring under way, in a file: it is there from before the first entry of the log is another until the tables
/// say the same, so that a start knows what a death left half done.
class Pending {
public:
    explicit Pending(std::string path) : path_(std::move(path)) {}

    /// Durable on return. kIo.
    Status write(const Begun& begun) const;
    /// kCorrupt where the file is damaged, with what to do.
    Result<std::optional<Begun>> read() const;
    /// Durable on return, also where there is none.
    Status remove() const;

private:
    std::string path_;
};

}  // namespace footfall::rescore
