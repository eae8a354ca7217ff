#include "process/rebuild.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/failpoint.h"
#include "process/sql.h"
#include "process/table_writer.h"

namespace footfall::process {
namespace {

/// Dropping a table of some GiB, or waiting for a statement that reads it.
constexpr int kTimeoutMs = 300'000;
constexpr std::array kTables = {"events", "sessions", "session_alias"};

Status execute(store::Client& store, std::string sql) {
    return store.execute({.sql = std::move(sql), .timeout_ms = kTimeoutMs});
}

Status make_tables(store::Client& store) {
    TRY_STATUS(Rebuild::clear(store));
    TRY_STATUS(execute(store, fmt::format("CREATE DATABASE {}", Rebuild::kDatabase)));
    for (const char* table : kTables)
        TRY_STATUS(execute(store, fmt::format("CREATE TABLE {0}.{1} AS footfall.{1}", Rebuild::kDatabase, table)));
    return {};
}

Status exchange_tables(store::Client& store) {
    for (const char* table : kTables) {
        if (failpoint("rebuild.before_exchange") == Fault::kError)
            return Error(Code::kUnavailable, "failpoint rebuild.before_exchange");
        TRY_STATUS(execute(store, fmt::format("EXCHANGE TABLES footfall.{1} AND {0}.{1}", Rebuild::kDatabase, table)));
    }
    return {};
}

}  // namespace

Rebuild::Rebuild(const log::EventLog& history, store::Client& store, store::Client& shadow, Loader& loader,
                 std::mutex& changing, Options options)
    : history_(history), store_(store), shadow_(shadow), loader_(loader), changing_(changing), options_(options) {}

Rebuild::Rebuild(const log::EventLog& history, store::Client& store, store::Client& shadow, Loader& loader,
                 std::mutex& changing)
    : Rebuild(history, store, shadow, loader, changing, Options{}) {}

Status Rebuild::clear(store::Client& store) {
    return execute(store, fmt::format("DROP DATABASE IF EXISTS {} SYNC", kDatabase));
}

Result<std::uint64_t> Rebuild::bytes_of_tables(store::Client& store) {
    TRY(const store::Answer answer, store.query({.sql = std::string(sql::text("rebuild-bytes.sql"))}));
    return std::get<std::uint64_t>(answer.rows.at(0).at(0));
}

Result<Rebuild::Progress> Rebuild::run(const std::function<void(const Progress&)>& tell,
                                       const std::function<Status()>& go_on,
                                       const std::function<Status()>& exchange_next) {
    TRY_STATUS(go_on());
    TRY_STATUS(make_tables(store_));
    Progress progress;
    TableWriter writer(shadow_, nullptr, [&](std::size_t rows) { progress.events += rows; });
    TRY(const auto reader, history_.reader(history_.begin()));
    // Most of it beside the loader, until what is left is little: for that the loader waits.
    for (log::Position held = loader_.state().loaded; reader->position() < held; held = loader_.state().loaded) {
        TRY_STATUS(fill_to(*reader, writer, held, progress, tell, go_on));
        if (loader_.state().loaded.offset - held.offset < options_.rows_max) break;
    }
    {
        const std::lock_guard nothing_is_changed(changing_);
        TRY_STATUS(go_on());
        TRY(const TablesHeld held, loader_.hold(options_.hold_timeout_ms));
        TRY_STATUS(fill_to(*reader, writer, held.position, progress, tell, go_on));
        TRY_STATUS(exchange_next());
        if (!held.is_intact()) return Error(Code::kUnavailable, "the store was started again meanwhile");
        // What an error leaves from here on is of two kinds: the loader finds out by the tables' identity.
        const Status exchanged = exchange_tables(store_);
        if (!exchanged) {
            loader_.store_restarted();
            return exchanged.error();
        }
        (void)failpoint("rebuild.exchanged");
        if (const Status adopted = loader_.adopt(options_.hold_timeout_ms); !adopted) {
            loader_.store_restarted();
            return adopted.error();
        }
    }
    TRY_STATUS(clear(store_));
    return progress;
}

Status Rebuild::fill_to(log::LogReader& reader, TableWriter& writer, log::Position end, Progress& progress,
                        const std::function<void(const Progress&)>& tell, const std::function<Status()>& go_on) {
    std::vector<log::StoredEntry> entries;
    while (reader.position() < end) {
        TRY_STATUS(go_on());
        if (failpoint("rebuild.batch") == Fault::kError) return Error(Code::kUnavailable, "failpoint rebuild.batch");
        entries.clear();
        const log::Position before = reader.position();
        const auto left = static_cast<std::size_t>(end.offset - before.offset);
        // Behind damage the reader goes on, as the loader's does.
        if (const Status read = reader.read(entries, std::min(options_.rows_max, left), options_.bytes_max);
            !read && (read.error().code != Code::kCorrupt || reader.position() == before))
            return read;
        const log::Position next = reader.position();
        if (!entries.empty()) {
            TRY_STATUS(writer.write(entries, {}, before, {next.partition, next.offset - 1}));
            writer.let_go();
        }
        progress.entries = next.offset;
        progress.entries_of = history_.end().offset;
        tell(progress);
    }
    return {};
}

}  // namespace footfall::process
