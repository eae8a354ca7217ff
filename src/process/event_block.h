#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "event/event.h"
#include "log/log.h"
#include "store/native.h"

namespace footfall::process {

/// Year and month of an instant in UTC, as toYYYYMM gives it: the partition of its row.
int month_of(std::int64_t epoch_ms);

/// Rows of one table partition, as columns ready for the wire.
class EventBlock {
public:
    EventBlock();
    void add(const event::Event& event, std::uint64_t session_key, log::Position position);
    void clear();
    std::size_t rows() const { return rows_; }
    /// The block in Native format; valid until the next call.
    std::string_view bytes();

private:
    std::vector<store::NativeColumn> columns_;
    std::size_t rows_ = 0;
    std::string bytes_;
};

/// The events of one stretch of the log, split by the partitions of footfall.events (months of UTC). Buffers are
/// reused.
class EventBlocks {
public:
    /// Gives an event its session. Called for every event in the log's order, also for those that are left out.
    using AssignSession = std::function<std::uint64_t(const event::Event&, std::uint64_t offset)>;
    /// Parses the entries; those that are no events are passed over, and of the others the rows in `without` (sorted
    /// offsets) are left out. Borrows nothing on return. A record that is not one of ours is left out too, logged and
    /// counted, since nothing behind it must wait for it; audit names it. kCorrupt (field "v"): one of a higher
    /// version, for which a newer program has to come.
    Status build(std::span<const log::StoredEntry> entries, std::span<const std::uint64_t> without = {},
                 const AssignSession& assign_session = {});

    std::size_t rows() const;
    std::map<int, EventBlock>& blocks() { return blocks_; }
    /// Largest receive time among the rows, epoch ms.
    std::int64_t newest_received_ms() const { return newest_received_ms_; }
    /// "INSERT INTO footfall.events (…) FORMAT Native" with the columns in the order of the blocks.
    static const std::string& insert_statement();

private:
    event::RecordReader reader_;
    std::map<int, EventBlock> blocks_;  // by year and month
    std::int64_t newest_received_ms_ = 0;
};

}  // namespace footfall::process
