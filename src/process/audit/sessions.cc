#include "process/audit/sessions.h"

#include <algorithm>
#include <limits>
#include <type_traits>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/clock.h"

namespace footfall::process {
namespace {

constexpr int kTimeoutMs = 120'000;

std::uint64_t hash_of(const Session& session) {
    std::string text;
    for_each_column(session, [&text](std::string_view, std::string_view type, const auto& value) {
        if (!text.empty()) text += kRowSeparator;
        using Value = std::decay_t<decltype(value)>;
        if constexpr (std::is_same_v<Value, Revenue>) text += value.text();
        else if constexpr (std::is_same_v<Value, float>) append_row_text(text, type, double{value});
        else if constexpr (std::is_same_v<Value, std::uint32_t>) append_row_text(text, type, std::uint64_t{value});
        else append_row_text(text, type, value);
    });
    return row_hash(text);
}

// The sum wraps as unsigned integers do here.
std::string signed_hash_sql() {
    std::vector<std::string> texts;
    for_each_column(Session(), [&texts](std::string_view name, std::string_view type, const auto&) {
        texts.push_back(row_text_sql(name, type));
    });
    return fmt::format("reinterpretAsUInt64(sum(sign * reinterpretAsInt64({})))", row_hash_sql(texts));
}

}  // namespace

SessionAudit::SessionAudit(store::Client& store, AuditRows& rows, const Pass& pass, std::uint64_t events_per_look)
    : store_(store), rows_(rows), pass_(pass), events_per_look_(events_per_look), hash_sql_(signed_hash_sql()) {
    // It knows all sessions, so it never has to look one up.
    fold_.restart(std::numeric_limits<std::int64_t>::min());
}

std::uint64_t SessionAudit::bucket_of(std::uint64_t visitor_id) const { return visitor_id % (pass_.passes * kBuckets); }

std::uint64_t SessionAudit::add(log::Position position, const event::Event& event) {
    const std::uint64_t key = fold_.apply(event, position.offset);
    if (++events_since_ >= events_per_look_) note_changes();
    return key;
}

void SessionAudit::note_changes() {
    events_since_ = 0;
    const std::vector<SessionChange> changes = fold_.take_changes(0);
    // All that were go before any that are come: of two sessions that were joined, the one may have the other's key
    // now.
    for (const SessionChange& change : changes) {
        if (!change.before) continue;
        const auto before = sessions_.find({change.before->website_id, change.before->session_key});
        FOOTFALL_CHECK(before != sessions_.end());
        Sum& sum = sums_[{before->first.first, before->second.bucket}];
        --sum.sessions;
        sum.hash -= before->second.hash;
        sessions_.erase(before);
    }
    for (const SessionChange& change : changes) {
        if (!change.after) continue;
        const Expected expected{.bucket = bucket_of(change.after->visitor_id),
                                .hash = hash_of(*change.after),
                                .started_at = change.after->started_at};
        Sum& sum = sums_[{change.after->website_id, expected.bucket}];
        ++sum.sessions;
        sum.hash += expected.hash;
        const bool is_new =
            sessions_.emplace(SiteAndKey{change.after->website_id, change.after->session_key}, expected).second;
        FOOTFALL_CHECK(is_new);
    }
    for (const SessionAlias& alias : fold_.take_aliases()) aliases_[{alias.website_id, alias.old_key}] = alias.new_key;
}

std::string_view SessionAudit::of_partition() const {
    return pass_.is_one_of_several ? "AND log_partition = {partition:UInt16} " : "";
}

SessionAudit::Parameters SessionAudit::parameters() const {
    return {{"passes", std::to_string(pass_.passes)},
            {"pass", std::to_string(pass_.pass)},
            {"partition", std::to_string(pass_.partition)},
            {"buckets", std::to_string(pass_.passes * kBuckets)}};
}

Status SessionAudit::compare_sums() {
    note_changes();
    TRY(const store::Answer answer,
        store_.query({.sql = fmt::format("SELECT toString(website_id), visitor_id % {{buckets:UInt64}} AS bucket, "
                                         "sum(sign), {} FROM footfall.sessions "
                                         "WHERE visitor_id % {{passes:UInt64}} = {{pass:UInt64}} {}"
                                         "GROUP BY website_id, bucket",
                                         hash_sql_, of_partition()),
                      .parameters = parameters(),
                      .timeout_ms = kTimeoutMs}));
    std::map<SiteAndBucket, Sum> stored;
    for (const auto& row : answer.rows)
        stored[{std::get<std::string>(row.at(0)), std::get<std::uint64_t>(row.at(1))}] = {
            std::get<std::int64_t>(row.at(2)), std::get<std::uint64_t>(row.at(3))};
    rest_.clear();
    for (const auto& [at, sum] : sums_) {
        const auto found = stored.find(at);
        if (found == stored.end() ? sum != Sum{} : sum != found->second) rest_.insert(at.second);
    }
    for (const auto& [at, sum] : stored)
        if (!sums_.contains(at) && sum != Sum{}) rest_.insert(at.second);
    for (const auto& [at, sum] : sums_) {
        if (rest_.contains(at.second)) continue;
        AuditRow& row = rows_.of(at.first);
        for (std::uint64_t* count : {&row.received, &row.expected, &row.stored})
            *count += static_cast<std::uint64_t>(sum.sessions);
    }
    return {};
}

Status SessionAudit::compare_rest() {
    note_changes();
    TRY_STATUS(compare_aliases());
    if (rest_.empty()) return {};
    std::map<SiteAndKey, Expected> expected;
    for (const auto& [key, session] : sessions_) {
        if (!rest_.contains(session.bucket)) continue;
        expected[key] = session;
        ++rows_.of(key.first).received;
        ++rows_.of(key.first).expected;
    }
    auto parameters = this->parameters();
    parameters.emplace_back("rest", fmt::format("[{}]", fmt::join(rest_, ",")));
    TRY(const store::Answer answer,
        store_.query(
            {.sql = fmt::format("SELECT toString(website_id), session_key, sum(sign), {} AS hash "
                                "FROM footfall.sessions WHERE visitor_id % {{passes:UInt64}} = {{pass:UInt64}} "
                                "AND visitor_id % {{buckets:UInt64}} IN {{rest:Array(UInt64)}} {}"
                                "GROUP BY website_id, session_key, visitor_id % {{buckets:UInt64}} "
                                "HAVING sum(sign) != 0 OR hash != 0",
                                hash_sql_, of_partition()),
             .parameters = parameters,
             .timeout_ms = kTimeoutMs}));
    for (const auto& row : answer.rows) {
        const SiteAndKey key{std::get<std::string>(row.at(0)), std::get<std::uint64_t>(row.at(1))};
        const auto copies = std::get<std::int64_t>(row.at(2));
        const std::size_t site = rows_.index_of(key.first);
        rows_[site].stored += static_cast<std::uint64_t>(std::max<std::int64_t>(copies, 0));
        const auto found = expected.find(key);
        if (found == expected.end()) {
            rows_.difference(site, fmt::format("session {} is one that no event of the log explains", key.second));
            continue;
        }
        if (copies != 1) {
            rows_.difference(site, fmt::format("session {} of {} is there {} times", key.second,
                                               iso_text(found->second.started_at), copies));
        } else if (found->second.hash != std::get<std::uint64_t>(row.at(3))) {
            ++rows_[site].altered;
            rows_.difference(site, fmt::format("session {} of {} differs from what its events make", key.second,
                                               iso_text(found->second.started_at)));
        }
        expected.erase(found);
    }
    for (const auto& [key, session] : expected)
        rows_.difference(rows_.index_of(key.first),
                         fmt::format("session {} of {} is missing", key.second, iso_text(session.started_at)));
    return {};
}

Status SessionAudit::compare_aliases() {
    // They are few, and those of other passes among them can't be told apart: only what must be there is looked for
    // here. One that is there without a reason is harmless as long as no event carries its key, and those are audited.
    TRY(const store::Answer answer,
        store_.query({.sql = "SELECT toString(website_id), old_key, argMax(new_key, log_offset) "
                             "FROM footfall.session_alias GROUP BY website_id, old_key",
                      .timeout_ms = kTimeoutMs}));
    std::map<SiteAndKey, std::uint64_t> stored;
    for (const auto& row : answer.rows)
        stored[{std::get<std::string>(row.at(0)), std::get<std::uint64_t>(row.at(1))}] =
            std::get<std::uint64_t>(row.at(2));
    for (const auto& [key, now] : aliases_) {
        const auto found = stored.find(key);
        if (found != stored.end() && found->second == now) continue;
        rows_.difference(rows_.index_of(key.first),
                         fmt::format("session {}, which was joined to {}, {}", key.second, now,
                                     found == stored.end() ? std::string("has no alias")
                                                           : fmt::format("leads to {} instead", found->second)));
    }
    return {};
}

}  // namespace footfall::process
