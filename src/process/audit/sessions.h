#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "process/audit/rows.h"
#include "process/sessions/fold.h"
#include "store/client.h"

namespace footfall::process {

/// The audit of footfall.sessions and footfall.session_alias: the sessions that the log's events make, of the visitors
/// of one pass, against the rows. Not thread-safe.
class SessionAudit {
public:
    SessionAudit(store::Client& store, AuditRows& rows, const Pass& pass, std::uint64_t events_per_look);

    /// The next event of the log, of a visitor of the pass; its session's key, as the event's row carries it.
    std::uint64_t add(log::Position position, const event::Event& event);
    /// Compares the sessions so far with the table by sums over its rows, for some visitors at a time. Where they are
    /// equal that is the proof; the others' rows are wrong, or were written since, which compare_rest() finds out.
    Status compare_sums();
    /// Once, after compare_sums(): compares the rows of the other visitors one by one, and names what differs. The
    /// tables hold just what add() saw.
    Status compare_rest();

private:
    static constexpr std::uint64_t kBuckets = 4'096;
    struct Sum {
        std::int64_t sessions = 0;
        std::uint64_t hash = 0;  ///< sum of the rows' hashes by their signs, modulo 2^64
        bool operator==(const Sum&) const = default;
    };
    struct Expected {
        std::uint64_t bucket = 0;
        std::uint64_t hash = 0;
        std::int64_t started_at = 0;
    };
    using SiteAndBucket = std::pair<std::string, std::uint64_t>;
    using SiteAndKey = std::pair<std::string, std::uint64_t>;
    using Parameters = std::vector<std::pair<std::string, std::string>>;

    std::uint64_t bucket_of(std::uint64_t visitor_id) const;
    void note_changes();
    Status compare_aliases();
    std::string_view of_partition() const;
    Parameters parameters() const;

    store::Client& store_;
    AuditRows& rows_;
    const Pass pass_;
    const std::uint64_t events_per_look_;
    const std::string hash_sql_;
    SessionFold fold_;
    std::uint64_t events_since_ = 0;
    std::map<SiteAndKey, Expected> sessions_;
    std::map<SiteAndKey, std::uint64_t> aliases_;
    std::map<SiteAndBucket, Sum> sums_;
    std::set<std::uint64_t> rest_;  ///< buckets that compare_sums() left
};

}  // namespace footfall::process
