#include "retention/expired_rows.h"

#include <string_view>
#include <utility>

#include "base/failpoint.h"
#include "query/cells.h"
#include "query/zone.h"
#include "retention/sql.h"
#include "store/native.h"

namespace footfall::retention {
namespace {

/// A deletion writes the parts anew that have rows of it: a minute for some GiB.
constexpr int kTimeoutMs = 600'000;
/// An answer costs some 100 bytes a row while it is read.
constexpr std::size_t kKeysAtOnce = 100'000;

using Parameters = std::vector<std::pair<std::string, std::string>>;

store::Statement statement(std::string_view name, Parameters parameters = {}) {
    // Questions that people wait for have the other cores.
    return {.sql = std::string(sql::text(name)),
            .parameters = std::move(parameters),
            .settings = {{"max_threads", "1"}},
            .timeout_ms = kTimeoutMs};
}
Parameters of(const Cut& cut) { return {{"site", cut.site_id}, {"before", query::utc_text(cut.before_ms)}}; }

Result<bool> has_any(store::Client& store, std::string_view name, const Cut& cut) {
    TRY(const store::Answer answer, store.query(statement(name, of(cut))));
    return query::natural_of(answer.rows.at(0).at(0)) != 0;
}

}  // namespace

Result<ExpiredRows::Oldest> ExpiredRows::oldest(const Cut& cut) {
    TRY(const store::Answer answer, store_.query(statement("oldest.sql", of(cut))));
    const auto& row = answer.rows.at(0);
    return Oldest{.events = query::natural_of(row.at(0)),
                  .first_ms = static_cast<std::int64_t>(query::natural_of(row.at(1)))};
}

Result<ExpiredRows::Range> ExpiredRows::range(const Cut& cut, std::uint64_t log_end) {
    Parameters parameters = of(cut);
    parameters.emplace_back("end", std::to_string(log_end));
    TRY(const store::Answer answer, store_.query(statement("range.sql", std::move(parameters))));
    const auto& row = answer.rows.at(0);
    if (query::natural_of(row.at(0)) == 0) return Range{};
    return Range{.events = query::natural_of(row.at(0)),
                 .begin = query::natural_of(row.at(1)),
                 .end = query::natural_of(row.at(2)) + 1,
                 .beyond = query::natural_of(row.at(3))};
}

Result<std::uint64_t> ExpiredRows::received_before(std::int64_t before_ms, std::uint64_t log_end) {
    TRY(const store::Answer answer,
        store_.query(statement("first-received.sql", {{"before", query::utc_text(before_ms)}})));
    const auto& row = answer.rows.at(0);
    return query::natural_of(row.at(0)) == 0 ? log_end : query::natural_of(row.at(1));
}

Result<std::vector<std::uint64_t>> ExpiredRows::retained(const Cut& cut) {
    TRY(const store::Answer answer, store_.query(statement("retained.sql", of(cut))));
    std::vector<std::uint64_t> offsets;
    offsets.reserve(answer.rows.size());
    for (const auto& row : answer.rows) offsets.push_back(query::natural_of(row.at(0)));
    return offsets;
}

Result<std::vector<std::uint64_t>> ExpiredRows::session_keys(const Cut& cut) {
    std::vector<std::uint64_t> keys;
    for (;;) {
        Parameters parameters = of(cut);
        parameters.emplace_back("after", std::to_string(keys.empty() ? 0 : keys.back()));
        parameters.emplace_back("limit", std::to_string(kKeysAtOnce));
        TRY(const store::Answer answer, store_.query(statement("session-keys.sql", std::move(parameters))));
        for (const auto& row : answer.rows) keys.push_back(query::natural_of(row.at(0)));
        if (answer.rows.size() < kKeysAtOnce) return keys;
    }
}

Status ExpiredRows::remove(const Cut& cut, const std::vector<std::uint64_t>& retained) {
    TRY_STATUS(store_.execute(statement("clear-retained.sql")));
    if (!retained.empty()) {
        std::vector<store::NativeColumn> columns;
        columns.emplace_back("log_offset", "UInt64");
        for (const std::uint64_t offset : retained) columns.front().add(offset);
        std::string block;
        store::write_native_block(block, columns, retained.size());
        TRY_STATUS(store_.insert(sql::text("insert-retained.sql"), block));
    }
    Parameters but_retained = of(cut);
    but_retained.emplace_back("retained", std::to_string(retained.size()));
    TRY(const bool has_aliases, has_any(store_, "count-aliases.sql", cut));
    if (has_aliases) TRY_STATUS(store_.execute(statement("delete-aliases.sql", but_retained)));
    TRY_STATUS(store_.execute(statement("delete-sessions.sql", of(cut))));
    (void)failpoint("retention.between_tables");
    TRY_STATUS(store_.execute(statement("delete-events.sql", but_retained)));
    TRY(const bool has_rejected, has_any(store_, "count-rejected.sql", cut));
    if (has_rejected) TRY_STATUS(store_.execute(statement("delete-rejected.sql", of(cut))));
    return store_.execute(statement("clear-retained.sql"));
}

}  // namespace footfall::retention
