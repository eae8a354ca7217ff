#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "catalog/catalog.h"
#include "log/log.h"
#include "query/zone.h"
#include "store/client.h"

namespace footfall::retention {

/// What days came to whose events expire, as entries of the log (docs/adr/0020): from then on it is no less than an
/// event something that nothing else can tell, and is archived, backed up and erased with the log.
///
///     footfall.rollup_days, rollup_made, daily_pages, daily_sources, daily_made ─▶ keep() ─▶ log
///     log, archive ─▶ put_back() ─▶ the tables of a store that lacks them
///
/// The content of a day, its parts joined: for each table its name and its rows as the engine's Native blocks, each as
/// a LEB128 length and the bytes; then the CRC-32C of all that. The tables come in the order in which they are to be
/// filled: what says that a day counts comes behind its rows.
///
/// Thread-safe, but for one site only one call at a time.
class KeptDays {
public:
    /// Appends kKeptDay entries to the log; durable on return.
    using Append = std::function<Status(std::vector<std::string> entries)>;

    /// What is passed outlives this.
    KeptDays(store::Client& store, const log::EventLog& history, Append append);

    /// Days of [from, before) that the store has by that zone's calendar.
    Result<std::vector<query::Day>> days_of(const std::string& site_id, const std::string& timezone, query::Day from,
                                            query::Day before);
    /// Writes what these days came to. Durable on return; after an error some may be.
    Status keep(const std::string& site_id, const std::string& timezone, std::span<const query::Day> days);

    struct Wanted {
        std::string timezone;
        std::set<query::Day> there;  ///< days that need not be put back
        std::uint64_t missing = 0;   ///< how many are kept and not there
    };
    using DaysThere = std::function<std::set<query::Day>(const std::string& site_id)>;
    /// Sites of which days are kept that the store has not, by the calendar that each has now: by another one they are
    /// other days.
    static Result<std::map<std::string, Wanted>> wanted_of(const catalog::Snapshot& snapshot, const DaysThere& there);
    /// Puts days of these sites back, of those ranges of the log, the latest first: of a day that was kept twice the
    /// later one counts. Returns how many. kUnavailable while the archive can't be had; what can't be read is left out
    /// and logged. A death in between leaves rows that do not count and that the next call removes.
    Result<std::uint64_t> put_back(std::map<std::string, Wanted> wanted, std::span<const catalog::KeptRange> ranges);

private:
    struct Tables;

    Result<std::string> read_day(const std::string& site_id, query::Day day);
    Result<std::uint64_t> put_back_range(std::map<std::string, Wanted>& wanted, const catalog::KeptRange& range);
    Status write(Tables& tables);

    store::Client& store_;
    const log::EventLog& history_;
    const Append append_;
};

}  // namespace footfall::retention
