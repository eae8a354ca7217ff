#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "event/event.h"
#include "log/log.h"
#include "process/audit/rows.h"
#include "store/client.h"

namespace footfall::process {

/// The audit of footfall.events: every column of every row, stretch by stretch of the log. Not thread-safe.
class EventAudit {
public:
    EventAudit(store::Client& store, AuditRows& rows);

    /// An event that the pass looks at, with the key of its session.
    void add(log::Position position, const event::Event& event, std::uint64_t session_key);
    /// Compares the rows of the offsets [first, last] with what add() saw since the last call.
    Status compare(const Pass& pass, std::uint16_t partition, std::uint64_t first, std::uint64_t last);
    /// Rows that no entry of the log can explain. The log's end is read after the store was asked, since both grow.
    Status compare_outside(const log::EventLog& log);

private:
    struct Expected {
        std::uint64_t offset;
        std::uint64_t hash;
        std::size_t site;
    };
    using Parameters = std::vector<std::pair<std::string, std::string>>;
    Status name_differences(const Parameters& range);

    store::Client& store_;
    AuditRows& rows_;
    const std::string hash_sql_;
    std::vector<Expected> stretch_;
};

}  // namespace footfall::process
