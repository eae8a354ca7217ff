#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "event/event.h"
#include "log/log.h"
#include "process/audit/rows.h"
#include "store/client.h"

namespace footfall::process {

/// The audit of footfall.events: every column of every row of the visitors of one pass. Sums of the rows' hashes are
/// compared stretch by stretch of the log, with one look at the table; the rows of a stretch whose sums differ are told
/// apart in a second reading of the log. Not thread-safe.
class EventAudit {
public:
    EventAudit(store::Client& store, AuditRows& rows, const Pass& pass, const AuditOptions& options);

    /// An event of a visitor of the pass, with the key of its session.
    void add(log::Position position, const event::Event& event, std::uint64_t session_key);
    /// Once: compares what add() saw with the rows of the offsets [begin, end). True: all of them are equal.
    Result<bool> compare_sums(std::uint64_t begin, std::uint64_t end);

    /// After compare_sums() came to false: the same events again, up to named_end(). Keeps those of the first stretches
    /// that differ.
    void add_again(log::Position position, const event::Event& event, std::uint64_t session_key);
    std::uint64_t named_end() const;
    /// Names the rows that differ, and counts those that were altered.
    Status name_differences();

private:
    struct Expected {
        std::uint64_t offset;
        std::uint64_t hash;
        std::size_t site;
    };
    struct Sum {
        std::uint64_t rows = 0;
        std::uint64_t hash = 0;
        bool operator==(const Sum&) const = default;
    };
    using StretchAndSite = std::pair<std::uint64_t, std::size_t>;
    using Parameters = std::vector<std::pair<std::string, std::string>>;
    Parameters range(std::uint64_t begin, std::uint64_t end) const;
    Status name_stretch(std::uint64_t stretch, std::span<const Expected> expected);

    store::Client& store_;
    AuditRows& rows_;
    const Pass pass_;
    const AuditOptions options_;
    const std::string hash_sql_;
    std::uint64_t begin_ = 0;
    std::uint64_t end_ = 0;
    std::map<StretchAndSite, Sum> sums_;
    std::set<std::uint64_t> named_;  ///< stretches whose rows are told apart
    std::vector<Expected> again_;    ///< of these, in the order of their offsets
};

/// Rows that no entry of the log can explain, of all visitors. The log's end is read after the store was asked, since
/// both grow.
/// `is_one_of_several`: of the log's own partition alone.
Status compare_outside(store::Client& store, AuditRows& rows, const log::EventLog& log, bool is_one_of_several);

}  // namespace footfall::process
