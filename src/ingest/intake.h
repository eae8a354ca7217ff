#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <unordered_map>

#include "base/clock.h"
#include "base/result.h"
#include "base/uuid.h"
#include "catalog/catalog.h"
#include "enrich/enrich.h"
#include "event/parse.h"
#include "event/rejection.h"
#include "ingest/committer.h"
#include "ingest/distinct_cap.h"

namespace footfall::ingest {

using event::reason::kForbidden;
using event::reason::kUnknown;
// Of people who asked not to be counted: no sample is kept.
using event::reason::kNoConsent;
using event::reason::kOptedOut;

/// Who sent a body, and when.
struct Sender {
    std::string_view key_site_id{};  ///< site of the collect or admin key that came with it; empty: none came
    event::kind::ip address{};       ///< all zero: unknown
    std::string_view user_agent{};
    std::string_view accept_language{};
    enrich::ClientHints hints{};
    bool lacks_browser_headers = false;  ///< enrich::Context has the same
    bool opts_out = false;               ///< the browser asks not to be tracked: Sec-GPC or DNT
    /// What the events' own times are judged against, and the time of those that name none; epoch ms.
    std::int64_t sent_ms = 0;
    std::int64_t receive_ms = 0;  ///< Identity::prepare(receive_ms) has succeeded; not before sent_ms
    Uuid id_if_none{};            ///< of an event without one; nil: one is made, and can't be a repetition
};

/// What every event goes through between its body and the committer: parse → validate → enrich → serialise. One a
/// thread: buffers are reused.
class Intake {
public:
    Intake(std::shared_ptr<const enrich::Tables> tables, enrich::Identity& identity, Clock& clock, DistinctCap& cap)
        : enricher_(std::move(tables), identity, clock), cap_(cap) {}

    /// Enrichment by these from the next body on. `number` tells them from others.
    void use(std::shared_ptr<const enrich::Tables> tables, std::uint64_t number);
    std::uint64_t tables_number() const { return tables_number_; }

    /// `body` has 64 readable bytes behind it, and outlives what batch() gives. Errors are those of event::Parser.
    Status parse(std::string_view body, const Sender& sender);
    /// Of the body that was parsed, which is not to be asked for twice: the records of the events that are taken, and a
    /// tally for each of their sites.
    std::unique_ptr<Submission> make_submission(std::size_t body_bytes, const Sender& sender,
                                                const catalog::Snapshot& snapshot);
    /// Of the last body; its rejections are those of the sites too, in the order of the events, once it was submitted.
    const event::Batch& batch() const { return batch_; }
    /// The site that a rejection of the last body counts for; empty: none. Unknown sites share one tally: their names
    /// are the sender's choice and without number.
    static std::string_view counted_site(const event::Rejection& rejection, const catalog::Snapshot& snapshot);
    /// The place of a site's tally in the last submission, where it is made if it is not there.
    std::uint32_t tally_of(std::string_view website_id, Submission& submission);

private:
    event::Parser parser_;
    event::Arena arena_;
    event::Batch batch_;
    enrich::Enricher enricher_;
    std::uint64_t tables_number_ = 0;
    DistinctCap& cap_;
    DistinctCap::Known known_values_;
    std::unordered_map<std::string_view, std::uint32_t> tally_of_site_;
};

}  // namespace footfall::ingest
