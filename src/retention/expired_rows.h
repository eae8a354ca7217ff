#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "store/client.h"

namespace footfall::retention {

/// A site's cut-off: what ended before `before_ms` (epoch ms) goes.
struct Cut {
    std::string site_id;
    std::int64_t before_ms = 0;
};

/// The rows of the tables that a cut-off takes. Errors are those of store::Client. Thread-safe, but one deletion at a
/// time.
class ExpiredRows {
public:
    explicit ExpiredRows(store::Client& store) : store_(store) {}

    struct Oldest {
        std::uint64_t events = 0;
        std::int64_t first_ms = 0;
    };
    /// Events of before the cut-off, those that stay among them.
    Result<Oldest> oldest(const Cut& cut);
    /// Where they are in the log, [begin, end), and how many are at `log_end` or behind it.
    struct Range {
        std::uint64_t events = 0;
        std::uint64_t begin = 0;
        std::uint64_t end = 0;
        std::uint64_t beyond = 0;
    };
    Result<Range> range(const Cut& cut, std::uint64_t log_end);
    /// Up to which offset everything was received before that time; `log_end` where nothing came since.
    Result<std::uint64_t> received_before(std::int64_t before_ms, std::uint64_t log_end);
    /// Offsets of events of before the cut-off that stay, in order: a session goes as a whole, when it has ended.
    Result<std::vector<std::uint64_t>> retained(const Cut& cut);
    /// Keys of the sessions that go, in order.
    Result<std::vector<std::uint64_t>> session_keys(const Cut& cut);
    /// Deletes what is of before the cut-off from events, sessions, session_alias and rejected, but events at these
    /// offsets. The loader must be held. After an error any part of it may be done; it can be called again.
    Status remove(const Cut& cut, const std::vector<std::uint64_t>& retained);

private:
    store::Client& store_;
};

}  // namespace footfall::retention
