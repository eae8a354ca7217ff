#include "process/audit.h"

#include <algorithm>
#include <limits>
#include <map>
#include <optional>

#include <fmt/format.h>

#include "base/json.h"
#include "event/event.h"
#include "process/audit/events.h"
#include "process/audit/rows.h"
#include "process/audit/sessions.h"
#include "process/erased.h"
#include "process/sessions/fold.h"
#include "process/tally.h"

namespace footfall::process {
namespace {

constexpr std::size_t kChunkEntries = 50'000;
constexpr std::size_t kChunkBytes = 64u << 20;

/// The visitors of one pass: what the log says of them, against the tables.
class LogPass {
public:
    LogPass(const log::EventLog& log, store::Client& store, AuditRows& events, AuditRows& sessions, const Pass& pass,
            const AuditOptions& options)
        : log_(log),
          pass_(pass),
          events_(events),
          sessions_(sessions),
          event_audit_(store, events, pass, options),
          session_audit_(store, sessions, pass, options.events_per_look) {}

    Status run(log::Position end, const std::function<Result<TablesHeld>()>& hold_tables) {
        const log::Position begin = log_.begin();
        TRY(reader_, log_.reader(begin));
        TRY_STATUS(read(end, [this](const log::StoredEntry& entry) { return add(entry, true); }));
        TRY(const bool events_equal, event_audit_.compare_sums(begin.offset, end.offset));
        if (!pass_.has_sessions) return events_equal ? Status() : name_differences();
        TRY_STATUS(session_audit_.compare_sums());
        {
            TRY(const TablesHeld held, hold_tables());
            // What was loaded since makes sessions too.
            TRY_STATUS(read(held.position, [this](const log::StoredEntry& entry) { return add(entry, false); }));
            TRY_STATUS(session_audit_.compare_rest());
            if (!held.is_intact())
                return Error(Code::kUnavailable,
                             "the store was started again while it was audited; run the audit again");
        }
        return events_equal ? Status() : name_differences();
    }

private:
    Status read(log::Position end, const std::function<Status(const log::StoredEntry&)>& take) {
        std::vector<log::StoredEntry> entries;
        while (reader_->position() < end) {
            const log::Position from = reader_->position();
            entries.clear();
            const std::uint64_t left = end.offset - from.offset;
            if (const Status status = reader_->read(entries, std::min<std::uint64_t>(kChunkEntries, left), kChunkBytes);
                !status) {
                // A damaged range is named by the log's own list; reading goes on behind it.
                if (status.error().code != Code::kCorrupt || reader_->position() == from) return status.error();
            }
            // Offsets may have gaps, so that fewer entries than there are offsets reach beyond the end.
            for (const log::StoredEntry& entry : entries)
                if (entry.position < end) TRY_STATUS(take(entry));
        }
        if (reader_->position() > end) {
            TRY(reader_, log_.reader(end));
        }
        return {};
    }

    Status add(const log::StoredEntry& entry, bool with_events) {
        if (entry.kind == log::EntryKind::kTally && with_events && pass_.pass == 0) {
            TRY(const Tally tally, read_tally(entry.payload));
            AuditRow& row = events_.of(tally.website_id);
            row.received += tally.duplicates;
            row.duplicates += tally.duplicates;
            for (const auto& [reason, count] : tally.rejected) row.rejected += count;
        } else if (entry.kind == log::EntryKind::kErased && with_events && pass_.pass == 0) {
            TRY(const ErasedEntry erased, read_erased(entry.payload));
            if (erased.kind != log::EntryKind::kEvent) return {};
            AuditRow& row = events_.of(erased.website_id);
            ++row.received;
            ++(erased.is_expired ? row.expired : row.erased);
            if (!erased.began_session) return {};
            AuditRow& of_sessions = sessions_.of(erased.website_id);
            ++of_sessions.received;
            ++(erased.is_expired ? of_sessions.expired : of_sessions.erased);
        } else if (entry.kind == log::EntryKind::kEvent) {
            TRY(const auto event, event_of(entry));
            if (!event) return {};
            const std::uint64_t session_key = pass_.has_sessions ? session_audit_.add(entry.position, *event) : 0;
            if (with_events) event_audit_.add(entry.position, *event, session_key);
        }
        return {};
    }

    /// The event of an entry, where it is of a visitor of this pass.
    Result<std::optional<event::Event>> event_of(const log::StoredEntry& entry) {
        const auto read_to = [&](event::ReadTo part) -> Result<event::Event> {
            auto event = record_reader_.read(entry.payload, part);
            if (!event) return event.error().context(fmt::format("entry {} of the event log", entry.position.offset));
            return event;
        };
        // A record is read as a whole in one of the passes; the others need its first members.
        if (pass_.passes > 1) {
            TRY(const event::Event head, read_to(event::ReadTo::kUserId));
            if (!pass_.holds(head.visitor_id)) return std::optional<event::Event>();
        }
        TRY(event::Event event, read_to(event::ReadTo::kAll));
        return std::optional(std::move(event));
    }

    /// The log once more, up to the last event that may differ.
    Status name_differences() {
        SessionFold fold;
        fold.restart(std::numeric_limits<std::int64_t>::min());
        std::uint64_t folded = 0;
        TRY(reader_, log_.reader(log_.begin()));
        TRY_STATUS(read({.partition = pass_.partition, .offset = event_audit_.named_end()},
                        [&](const log::StoredEntry& entry) -> Status {
                            if (entry.kind != log::EntryKind::kEvent) return {};
                            TRY(const auto event, event_of(entry));
                            if (!event) return {};
                            event_audit_.add_again(entry.position, *event,
                                                   pass_.has_sessions ? fold.apply(*event, entry.position.offset) : 0);
                            if (++folded % kChunkEntries == 0) {
                                fold.take_changes(0);
                                fold.take_aliases();
                            }
                            return {};
                        }));
        return event_audit_.name_differences();
    }

    const log::EventLog& log_;
    const Pass pass_;
    AuditRows& events_;
    AuditRows& sessions_;
    EventAudit event_audit_;
    SessionAudit session_audit_;
    event::RecordReader record_reader_;
    std::unique_ptr<log::LogReader> reader_;
};

/// So many that the sessions of one fit into memory, whatever the table holds: a session has an event at least, and
/// seldom fewer than some.
Result<std::uint64_t> passes_for(const log::EventLog& log, store::Client& store, std::uint64_t sessions_per_pass) {
    TRY(const store::Answer answer, store.query({.sql = "SELECT sum(sign) FROM footfall.sessions"}));
    const auto stored = std::max<std::int64_t>(std::get<std::int64_t>(answer.rows.at(0).at(0)), 0);
    const std::uint64_t by_log = (log.end().offset - log.begin().offset) / 8;
    return std::max(static_cast<std::uint64_t>(stored), by_log) / sessions_per_pass + 1;
}

/// Ids expire seven days after the event, by the engine's clock and when it merges: a day before none has.
Result<std::int64_t> ids_from(store::Client& store) {
    TRY(const store::Answer answer,
        store.query({.sql = "SELECT toInt64(toUnixTimestamp(now() - toIntervalDay(6))) * 1000", .timeout_ms = 10'000}));
    return std::get<std::int64_t>(answer.rows.at(0).at(0));
}

}  // namespace

bool AuditReport::ok() const {
    for (const AuditRow& row : rows)
        if (!row.ok) return false;
    return damage.empty();
}

std::string AuditReport::json() const {
    std::string out;
    json::Writer writer(out);
    writer.begin_array();
    for (const AuditRow& row : rows) {
        writer.begin_object();
        writer.member("site", row.site_id);
        writer.member("table", row.table);
        writer.member("received", row.received);
        writer.member("stored", row.stored);
        writer.member("duplicates", row.duplicates);
        writer.member("rejected", row.rejected);
        writer.member("erased", row.erased);
        writer.member("expired", row.expired);
        writer.member("ok", row.ok && damage.empty());
        writer.key("differences");
        writer.begin_array();
        for (const std::string& difference : row.differences) writer.string(difference);
        for (const std::string& range : damage) writer.string(range);
        writer.end_array();
        writer.end_object();
    }
    writer.end_array();
    return out;
}

std::string AuditReport::text() const {
    std::string out = fmt::format("{:<24} {:<8} {:>12} {:>12} {:>11} {:>9} {:>7} {:>9}  result\n", "site", "table",
                                  "received", "stored", "duplicates", "rejected", "erased", "expired");
    for (const AuditRow& row : rows) {
        out += fmt::format("{:<24} {:<8} {:>12} {:>12} {:>11} {:>9} {:>7} {:>9}  {}\n",
                           row.site_id.empty() ? "(unknown sites)" : row.site_id, row.table, row.received, row.stored,
                           row.duplicates, row.rejected, row.erased, row.expired, row.ok ? "ok" : "DIFFERS");
        for (const std::string& difference : row.differences) out += "    " + difference + "\n";
    }
    for (const std::string& range : damage) out += "damaged: " + range + "\n";
    out += fmt::format("compared every column of every row with the log up to offset {}: {}\n", end.offset,
                       ok() ? "equal" : "not equal");
    return out;
}

Result<AuditReport> run_audit(const log::EventLog& log, store::Client& store, log::Position end,
                              const std::function<Result<TablesHeld>()>& hold_tables, const std::string& site_id,
                              const std::vector<std::string>& known_sites, AuditOptions options) {
    AuditReport report;
    report.end = end;
    AuditRows events("events");
    AuditRows sessions("sessions");
    for (const std::string& known : known_sites) events.index_of(known);
    TRY(const std::uint64_t passes, passes_for(log, store, options.sessions_per_pass));
    std::int64_t ids_from_ms = 0;
    if (options.ids_expire) {
        TRY(ids_from_ms, ids_from(store));
    }
    for (std::uint64_t pass = 0; pass < passes; ++pass)
        TRY_STATUS(LogPass(log, store, events, sessions,
                           {.pass = pass,
                            .passes = passes,
                            .ids_from_ms = ids_from_ms,
                            .partition = end.partition,
                            .is_one_of_several = options.is_one_of_several,
                            .has_sessions = options.has_sessions},
                           options)
                       .run(end, hold_tables));
    TRY_STATUS(compare_outside(store, events, log, options.is_one_of_several));
    for (const log::Damage& damage : log.damage())
        report.damage.push_back(
            fmt::format("log offsets {} to {} can't be read: {}", damage.first, damage.last, damage.where));
    // A site with sessions of which the log and the store of events know nothing has its rows too.
    std::map<std::string, AuditRow> of_sessions;
    for (AuditRow& row : sessions.take()) {
        events.index_of(row.site_id);
        of_sessions.emplace(row.site_id, std::move(row));
    }
    for (AuditRow& row : events.take()) {
        if (!site_id.empty() && row.site_id != site_id) continue;
        AuditRow session;
        session.site_id = row.site_id;
        session.table = "sessions";
        if (const auto found = of_sessions.find(row.site_id); found != of_sessions.end())
            session = std::move(found->second);
        report.rows.push_back(std::move(row));
        // What was sent for no known site is rejected and counted, but makes no sessions.
        if (!session.site_id.empty() && options.has_sessions) report.rows.push_back(std::move(session));
    }
    return report;
}

}  // namespace footfall::process
