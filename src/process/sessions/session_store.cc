#include "process/sessions/session_store.h"

#include <algorithm>
#include <map>
#include <string>
#include <type_traits>

#include <fmt/format.h>

#include "base/failpoint.h"
#include "process/audit/rows.h"
#include "process/event_block.h"
#include "process/sql.h"
#include "store/native.h"

namespace footfall::process {
namespace {

/// Visitors of one question.
constexpr std::size_t kLookUpsMax = 2'000;
constexpr int kTimeoutMs = 120'000;

/// Of one answer.
constexpr std::uint64_t kSessionsOfAnswer = 50'000;

std::string number(std::uint64_t value) { return std::to_string(value); }

/// The cells of a row, one after the other.
class Row {
public:
    explicit Row(const std::vector<store::Value>& cells) : cells_(cells) {}
    std::string text() { return std::get<std::string>(next()); }
    std::uint64_t integer() {
        const store::Value& value = next();
        if (const auto* negative = std::get_if<std::int64_t>(&value)) return static_cast<std::uint64_t>(*negative);
        return std::get<std::uint64_t>(value);
    }
    std::int64_t milliseconds() { return static_cast<std::int64_t>(integer()); }
    bool flag() { return std::get<bool>(next()); }
    float real() {
        const store::Value& value = next();
        if (const auto* exact = std::get_if<double>(&value)) return static_cast<float>(*exact);
        if (const auto* negative = std::get_if<std::int64_t>(&value)) return static_cast<float>(*negative);
        return static_cast<float>(std::get<std::uint64_t>(value));
    }

private:
    const store::Value& next() { return cells_.at(at_++); }
    const std::vector<store::Value>& cells_;
    std::size_t at_ = 0;
};

/// Rows of one table partition, and in which batch they were written.
class SessionBlock {
public:
    SessionBlock() {
        for_each_column(Session(), [this](std::string_view name, std::string_view type, const auto&) {
            columns_.emplace_back(name, type);
        });
        for (const auto& [name, type] : kRowColumns) columns_.emplace_back(name, type);
    }
    void add(const Session& session, std::int8_t sign, std::uint64_t version, log::Position last) {
        std::size_t at = 0;
        for_each_column(session, [&](std::string_view, std::string_view, const auto& value) {
            using Value = std::decay_t<decltype(value)>;
            if constexpr (std::is_same_v<Value, std::string_view>) columns_[at++].add_string(value);
            else if constexpr (std::is_same_v<Value, Revenue>) columns_[at++].add_map(value.texts());
            else if constexpr (std::is_same_v<Value, bool>) columns_[at++].add(static_cast<std::uint8_t>(value));
            else columns_[at++].add(value);
        });
        columns_[at++].add(sign);
        columns_[at++].add(version);
        columns_[at++].add(last.partition);
        columns_[at].add(last.offset);
        ++rows_;
    }
    std::string bytes() const {
        std::string out;
        store::write_native_block(out, columns_, rows_);
        return out;
    }
    std::size_t rows() const { return rows_; }
    static std::string insert_statement(std::string_view table, std::uint16_t partition) {
        std::string names;
        for_each_column(Session(), [&names](std::string_view name, std::string_view, const auto&) {
            names += fmt::format("{}, ", name);
        });
        return of_partition(
            fmt::format("INSERT INTO footfall.{} ({}sign, version, log_partition, log_offset) FORMAT Native", table,
                        names),
            partition);
    }

private:
    static constexpr std::pair<const char*, const char*> kRowColumns[] = {
        {"sign", "Int8"}, {"version", "UInt64"}, {"log_partition", "UInt16"}, {"log_offset", "UInt64"}};

    std::vector<store::NativeColumn> columns_;
    std::size_t rows_ = 0;
};

/// Of sessions whose last_at() is {last_from} or later. That they are open later than that is implied, and an index.
constexpr std::string_view kLastFrom =
    "open_until > fromUnixTimestamp64Milli({last_from:Int64}, 'UTC') "
    "AND (ended_at >= fromUnixTimestamp64Milli({last_from:Int64}, 'UTC') "
    "OR open_until >= fromUnixTimestamp64Milli({last_from:Int64} + {gap:Int64}, 'UTC'))";

/// Sessions as they are now, those for which `condition` holds: their columns, times as epoch ms, and the version of
/// their row.
std::string sessions_sql(std::string_view condition) {
    std::string columns;
    for_each_column(Session(), [&columns](std::string_view name, std::string_view type, const auto&) {
        if (type.starts_with("DateTime64")) columns += fmt::format("toUnixTimestamp64Milli({}), ", name);
        else if (type.starts_with("Map")) columns += row_text_sql(name, type) + ", ";
        else columns += fmt::format("{}, ", name);
    });
    return fmt::format("SELECT {}max(version) FROM footfall.sessions WHERE {} GROUP BY ALL HAVING sum(sign) > 0",
                       columns, condition);
}

const store::Settings& insert_settings() {
    static const store::Settings settings = {{"insert_deduplicate", "0"}};
    return settings;
}

}  // namespace

Result<bool> SessionStore::delete_beyond(log::Position position) {
    const std::vector<std::pair<std::string, std::string>> from = {{"partition", number(position.partition)},
                                                                   {"from", number(position.offset)}};
    std::vector<std::string> tables;
    for (const std::string name : {"sessions", "session-aliases"}) {
        TRY(const store::Answer found,
            store_.query({.sql = std::string(sql::text(name + "-beyond.sql")), .parameters = from}));
        if (std::get<std::uint64_t>(found.rows.at(0).at(0)) > 0) tables.push_back(name);
    }
    // It reads all events, so not where there is nothing to take back.
    if (!tables.empty()) {
        TRY(const store::Answer touched, store_.query({.sql = std::string(sql::text("sessions-touched-beyond.sql")),
                                                       .parameters = from,
                                                       .timeout_ms = kTimeoutMs}));
        for (const auto& row : touched.rows) touched_.insert(std::get<std::uint64_t>(row.at(0)));
    }
    for (const std::string& name : tables) {
        TRY_STATUS(store_.execute(
            {.sql = std::string(sql::text(name + "-delete-beyond.sql")), .parameters = from, .timeout_ms = 300'000}));
    }
    if (failpoint("sessions.before_put_back") == Fault::kError)
        return Error(Code::kUnavailable, "failpoint sessions.before_put_back");
    // Only now: a merge may come between any earlier look and the deletion.
    TRY(const bool are_back, put_back(position));
    TRY(const bool has_all, has_all_touched());
    touched_.clear();
    return are_back && has_all;
}

Result<bool> SessionStore::put_back(log::Position position) {
    if (undo_ == nullptr) return true;
    TRY(const auto rows, undo_->read_undo(position));
    if (!rows) return true;  // has_all_touched() says whether it would have been needed
    const auto statement = [&position](std::string_view name) {
        return store::Statement{.sql = std::string(sql::text(name)),
                                .parameters = {{"partition", number(position.partition)}},
                                .timeout_ms = kTimeoutMs};
    };
    TRY_STATUS(store_.execute(statement("sessions-former-clear.sql")));
    TRY_STATUS(store_.insert(SessionBlock::insert_statement("sessions_former", position.partition), *rows, kTimeoutMs));
    TRY_STATUS(store_.execute(statement("sessions-put-back.sql")));
    TRY(const store::Answer unlike, store_.query(statement("sessions-former-unlike.sql")));
    TRY_STATUS(store_.execute(statement("sessions-former-clear.sql")));
    return std::get<std::uint64_t>(unlike.rows.at(0).at(0)) == 0;
}

Result<bool> SessionStore::has_all_touched() {
    for (auto at = touched_.begin(); at != touched_.end();) {
        std::string keys;
        std::size_t asked = 0;
        for (; at != touched_.end() && asked < kLookUpsMax; ++at, ++asked)
            keys += fmt::format("{}{}", keys.empty() ? "" : ",", *at);
        TRY(const store::Answer known, store_.query({.sql = std::string(sql::text("sessions-known.sql")),
                                                     .parameters = {{"keys", "[" + keys + "]"}},
                                                     .timeout_ms = kTimeoutMs}));
        if (std::get<std::uint64_t>(known.rows.at(0).at(0)) < asked) return false;
    }
    return true;
}

Status SessionStore::start(SessionFold& fold, std::int64_t last_from, log::Position position) {
    TRY(const store::Answer newest, store_.query({.sql = std::string(sql::text("sessions-newest.sql")),
                                                  .parameters = {{"partition", number(position.partition)},
                                                                 {"last_from", std::to_string(last_from)},
                                                                 {"gap", std::to_string(kSessionGapMs)},
                                                                 {"most", number(fold.held_max())}},
                                                  .timeout_ms = kTimeoutMs}));
    last_from = std::max(last_from, std::get<std::int64_t>(newest.rows.at(0).at(0)));
    fold.restart(last_from);
    // An answer takes three times the memory of the sessions that it tells of.
    const std::uint64_t passes = 1 + std::get<std::uint64_t>(newest.rows.at(0).at(1)) / kSessionsOfAnswer;
    static const std::string open =
        sessions_sql(fmt::format("{} AND log_partition = {{partition:UInt16}} AND visitor_id % {{passes:UInt64}} = "
                                 "{{pass:UInt64}}",
                                 kLastFrom));
    for (std::uint64_t pass = 0; pass < passes; ++pass) {
        TRY(const store::Answer sessions, store_.query({.sql = open,
                                                        .parameters = {{"partition", number(position.partition)},
                                                                       {"last_from", std::to_string(last_from)},
                                                                       {"gap", std::to_string(kSessionGapMs)},
                                                                       {"passes", number(passes)},
                                                                       {"pass", number(pass)}},
                                                        .timeout_ms = kTimeoutMs}));
        TRY_STATUS(load(fold, sessions));
    }
    const std::uint64_t first = position.offset - std::min(position.offset, SessionFold::kPingEntries);
    TRY(const store::Answer pings, store_.query({.sql = std::string(sql::text("sessions-pings.sql")),
                                                 .parameters = {{"partition", number(position.partition)},
                                                                {"first", number(first)},
                                                                {"before", number(position.offset)}},
                                                 .timeout_ms = kTimeoutMs}));
    for (const auto& cells : pings.rows) {
        Row row(cells);
        const std::string website_id = row.text();
        const std::uint64_t visitor_id = row.integer();
        const bool is_bot = row.flag();
        const auto pageview = static_cast<std::uint32_t>(row.integer());
        const float seconds = row.real();
        fold.remember_ping(website_id, visitor_id, is_bot, pageview, seconds, row.integer());
    }
    return {};
}

Status SessionStore::look_up(SessionFold& fold, std::span<const SessionFold::LookUp> who) {
    for (std::size_t at = 0; at < who.size(); at += kLookUpsMax) {
        const auto some = who.subspan(at, std::min(kLookUpsMax, who.size() - at));
        std::vector<std::string> sites;
        std::string visitors;
        std::int64_t last_from = INT64_MAX;
        for (const SessionFold::LookUp& one : some) {
            if (std::find(sites.begin(), sites.end(), one.website_id) == sites.end())
                sites.emplace_back(one.website_id);
            visitors += fmt::format("{}{}", visitors.empty() ? "" : ",", one.visitor_id);
            last_from = std::min(last_from, one.last_from);
        }
        // Every site with every visitor: what is too much is right all the same.
        static const std::string of_visitors = sessions_sql(fmt::format(
            "website_id IN {{sites:Array(String)}} AND visitor_id IN {{visitors:Array(UInt64)}} AND {}", kLastFrom));
        TRY(const store::Answer sessions, store_.query({.sql = of_visitors,
                                                        .parameters = {{"sites", store::array_literal(sites)},
                                                                       {"visitors", "[" + visitors + "]"},
                                                                       {"last_from", std::to_string(last_from)},
                                                                       {"gap", std::to_string(kSessionGapMs)}},
                                                        .timeout_ms = kTimeoutMs}));
        TRY_STATUS(load(fold, sessions));
        for (const SessionFold::LookUp& one : some) fold.looked_up(one);
    }
    return {};
}

Status SessionStore::load(SessionFold& fold, const store::Answer& sessions) {
    if (sessions.rows.empty()) return {};
    std::vector<std::pair<Session, std::uint64_t>> found;
    std::string keys;
    for (const auto& cells : sessions.rows) {
        Row row(cells);
        Session session;
        session.website_id = row.text();
        session.visitor_id = row.integer();
        session.is_bot = row.flag();
        session.session_key = row.integer();
        session.first_received_at = row.milliseconds();
        session.started_at = row.milliseconds();
        session.ended_at = row.milliseconds();
        session.open_until = row.milliseconds();
        session.pageviews = static_cast<std::uint32_t>(row.integer());
        session.events = static_cast<std::uint32_t>(row.integer());
        session.interactions = static_cast<std::uint32_t>(row.integer());
        session.engaged = row.real();
        session.entry_at = row.milliseconds();
        session.exit_at = row.milliseconds();
        session.entry_page = row.text();
        session.exit_page = row.text();
        auto revenue = Revenue::parse(row.text());
        if (!revenue) return Error(Code::kCorrupt, "the store gives a session's revenue in a form that is not known");
        session.revenue = std::move(*revenue);
        session.is_mixed = row.flag();
        std::array<std::string, SessionAttributes::kCount> texts;
        SessionAttributes::Values values;
        for (std::size_t i = 0; i < texts.size(); ++i) values[i] = texts[i] = row.text();
        session.attributes = SessionAttributes(values);
        keys += fmt::format("{}{}", keys.empty() ? "" : ",", session.session_key);
        const std::uint64_t version = row.integer();
        found.emplace_back(std::move(session), version);
    }
    TRY(const store::Answer aliases, store_.query({.sql = std::string(sql::text("sessions-aliases-of.sql")),
                                                   .parameters = {{"keys", "[" + keys + "]"}},
                                                   .timeout_ms = kTimeoutMs}));
    std::map<std::pair<std::string, std::uint64_t>, std::vector<std::uint64_t>> absorbed;
    for (const auto& cells : aliases.rows) {
        Row row(cells);
        std::string website_id = row.text();
        const std::uint64_t old_key = row.integer();
        absorbed[{std::move(website_id), row.integer()}].push_back(old_key);
    }
    for (auto& [session, version] : found) {
        std::vector<std::uint64_t> old_keys = absorbed[{session.website_id, session.session_key}];
        fold.load(std::move(session), version, std::move(old_keys));
    }
    return {};
}

Status SessionStore::insert(std::span<const SessionChange> changes, std::span<const SessionAlias> aliases,
                            log::Position from, log::Position last) {
    // By the month in which they started, as the table is partitioned: each block is one part, there or not as a whole.
    std::map<std::int64_t, SessionBlock> blocks;
    SessionBlock former;
    for (const SessionChange& change : changes) {
        if (change.before) {
            blocks[month_of(change.before->started_at)].add(*change.before, -1, change.before_version, last);
            former.add(*change.before, 1, change.before_version, {last.partition, change.before_version});
        }
        if (change.after) blocks[month_of(change.after->started_at)].add(*change.after, 1, last.offset, last);
    }
    if (former.rows() > 0 && undo_ != nullptr) TRY_STATUS(undo_->write_undo(from, former.bytes()));
    const std::string statement = SessionBlock::insert_statement("sessions", last.partition);
    for (const auto& [month, block] : blocks) {
        if (failpoint("sessions.before_insert") == Fault::kError)
            return Error(Code::kUnavailable, "failpoint sessions.before_insert");
        TRY_STATUS(store_.insert(statement, block.bytes(), kTimeoutMs, insert_settings()));
    }
    if (failpoint("sessions.before_aliases") == Fault::kError)
        return Error(Code::kUnavailable, "failpoint sessions.before_aliases");
    if (aliases.empty()) return {};
    std::vector<store::NativeColumn> columns;
    for (const auto& [name, type] :
         std::initializer_list<std::pair<const char*, const char*>>{{"website_id", "String"},
                                                                    {"old_key", "UInt64"},
                                                                    {"new_key", "UInt64"},
                                                                    {"log_partition", "UInt16"},
                                                                    {"log_offset", "UInt64"},
                                                                    {"batch", "UInt64"}})
        columns.emplace_back(name, type);
    for (const SessionAlias& alias : aliases) {
        columns[0].add_string(alias.website_id);
        columns[1].add(alias.old_key);
        columns[2].add(alias.new_key);
        columns[3].add(last.partition);
        columns[4].add(last.offset);
        columns[5].add(last.offset);
    }
    std::string block;
    store::write_native_block(block, columns, aliases.size());
    return store_.insert(of_partition("INSERT INTO footfall.session_alias (website_id, old_key, new_key, "
                                      "log_partition, log_offset, batch) FORMAT Native",
                                      last.partition),
                         block, kTimeoutMs, insert_settings());
}

}  // namespace footfall::process
