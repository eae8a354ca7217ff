#include "process/remake.h"

#include <algorithm>
#include <utility>

#include "base/failpoint.h"
#include "event/event.h"
#include "process/sql.h"
#include "process/table_writer.h"
#include "store/native.h"

namespace footfall::process {
namespace {

/// A deletion writes the parts anew that have rows of them: a minute for some GiB.
constexpr int kDeletionTimeoutMs = 600'000;
constexpr std::size_t kEntriesAtOnce = 10'000;
constexpr std::size_t kBytesAtOnce = 16u << 20;
/// Of one insert, as the loader's when it is behind: few large parts.
constexpr std::size_t kBatchRows = 100'000;
constexpr std::size_t kBatchBytes = 64u << 20;

using Parameters = std::vector<std::pair<std::string, std::string>>;

Status execute(store::Client& store, std::string_view name, Parameters parameters = {}) {
    return store.execute(
        {.sql = std::string(sql::text(name)), .parameters = std::move(parameters), .timeout_ms = kDeletionTimeoutMs});
}

Result<std::uint64_t> count_sessions(store::Client& store, const Parameters& of_sites) {
    TRY(const store::Answer answer, store.query({.sql = std::string(sql::text("remake-count-sessions.sql")),
                                                 .parameters = of_sites,
                                                 .timeout_ms = kDeletionTimeoutMs}));
    return std::get<std::uint64_t>(answer.rows.at(0).at(0));
}

/// Entries of the log, kept until they are a batch.
class Batch {
public:
    void add(const log::StoredEntry& entry) {
        positions_.push_back(entry.position);
        payloads_.emplace_back(entry.payload);
        bytes_ += entry.payload.size();
    }
    bool is_full() const { return payloads_.size() >= kBatchRows || bytes_ >= kBatchBytes; }
    std::size_t rows() const { return payloads_.size(); }

    Status write_to(TableWriter& writer) {
        if (payloads_.empty()) return {};
        std::vector<log::StoredEntry> entries;
        entries.reserve(payloads_.size());
        for (std::size_t i = 0; i < payloads_.size(); ++i)
            entries.push_back({positions_[i], log::EntryKind::kEvent, payloads_[i]});
        TRY_STATUS(writer.write(entries, {}, positions_.front(), positions_.back()));
        writer.let_go();
        positions_.clear();
        payloads_.clear();
        bytes_ = 0;
        return {};
    }

private:
    std::vector<log::Position> positions_;
    std::vector<std::string> payloads_;
    std::size_t bytes_ = 0;
};

/// The visitors' events before `end`, through the loader's own writer.
Result<std::uint64_t> insert_rows(const log::EventLog& log, store::Client& store, const SomeVisitors& visitors,
                                  log::Position end, const std::function<Status()>& go_on) {
    TableWriter writer(store, nullptr);
    writer.start_with_none();
    event::RecordReader records;
    Batch batch;
    std::uint64_t events = 0;
    const auto flush = [&]() -> Status {
        events += batch.rows();
        TRY_STATUS(batch.write_to(writer));
        (void)failpoint("remake.batch");
        return {};
    };
    TRY(const auto reader, log.reader(log.begin()));
    std::vector<log::StoredEntry> entries;
    while (reader->position() < end) {
        TRY_STATUS(go_on());
        entries.clear();
        const log::Position before = reader->position();
        const std::size_t left = static_cast<std::size_t>(end.offset - before.offset);
        if (const Status read = reader->read(entries, std::min(kEntriesAtOnce, left), kBytesAtOnce);
            !read && reader->position() == before)
            return read.error();
        for (const log::StoredEntry& entry : entries) {
            if (entry.kind != log::EntryKind::kEvent) continue;
            const auto head = records.read(entry.payload, event::ReadTo::kUserId);
            // One that can't be read is in no table.
            if (head && visitors.hold(head->website_id, head->visitor_id)) batch.add(entry);
        }
        if (batch.is_full()) TRY_STATUS(flush());
    }
    TRY_STATUS(flush());
    return events;
}

}  // namespace

bool SomeVisitors::hold(std::string_view website_id, std::uint64_t visitor_id) const {
    return std::binary_search(ids.begin(), ids.end(), visitor_id) &&
           std::binary_search(sites.begin(), sites.end(), website_id);
}

void SomeVisitors::add(const SomeVisitors& others) {
    const auto merge = [](auto& into, const auto& from) {
        into.insert(into.end(), from.begin(), from.end());
        std::sort(into.begin(), into.end());
        into.erase(std::unique(into.begin(), into.end()), into.end());
    };
    merge(sites, others.sites);
    merge(ids, others.ids);
}

Result<Remade> remake_rows(const log::EventLog& log, store::Client& store, const SomeVisitors& visitors,
                           log::Position end, const std::function<Status()>& go_on) {
    TRY_STATUS(execute(store, "remake-clear-visitors.sql"));
    if (!visitors.ids.empty()) {
        std::vector<store::NativeColumn> columns;
        columns.emplace_back("visitor_id", "UInt64");
        for (const std::uint64_t id : visitors.ids) columns.front().add(id);
        std::string block;
        store::write_native_block(block, columns, visitors.ids.size());
        TRY_STATUS(store.insert(sql::text("remake-insert-visitors.sql"), block));
    }
    const Parameters of_sites = {{"sites", store::array_literal(visitors.sites)}};
    Remade remade;
    TRY(remade.sessions_before, count_sessions(store, of_sites));
    // In this order: events and sessions tell which aliases are theirs.
    TRY_STATUS(execute(store, "remake-delete-aliases.sql", of_sites));
    TRY_STATUS(execute(store, "remake-delete-sessions.sql", of_sites));
    (void)failpoint("remake.between_tables");
    TRY_STATUS(execute(store, "remake-delete-events.sql", of_sites));
    (void)failpoint("remake.deleted");
    TRY_STATUS(go_on());
    TRY(remade.events, insert_rows(log, store, visitors, end, go_on));
    TRY(remade.sessions, count_sessions(store, of_sites));
    TRY_STATUS(execute(store, "remake-clear-visitors.sql"));
    return remade;
}

}  // namespace footfall::process
