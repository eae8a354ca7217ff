#include "log/erased_log.h"

#include <deque>

namespace footfall::log {

class ErasedLog::Reader final : public LogReader {
public:
    Reader(const EventLog& log, std::unique_ptr<LogReader> reader, Replacement erased, std::uint64_t end)
        : log_(log), reader_(std::move(reader)), erased_(std::move(erased)), end_(end) {}

    Status read(std::vector<StoredEntry>& out, std::size_t max_entries, std::size_t max_bytes) override {
        tombstones_.clear();
        const std::size_t before = out.size();
        // Also where it comes to an error, some may have been given.
        const Status read = reader_->read(out, max_entries, max_bytes);
        for (std::size_t i = before; i < out.size(); ++i) {
            StoredEntry& entry = out[i];
            if (entry.position.offset >= end_ || entry.kind == EntryKind::kErased) continue;
            auto left = erased_(entry);
            if (!left) continue;
            entry.kind = EntryKind::kErased;
            entry.payload = tombstones_.emplace_back(std::move(*left));
        }
        return read;
    }
    Position position() const override { return reader_->position(); }
    bool wait(const EventLog&, int timeout_ms) override { return reader_->wait(log_, timeout_ms); }

private:
    const EventLog& log_;  ///< whose reader it is
    const std::unique_ptr<LogReader> reader_;
    const Replacement erased_;
    const std::uint64_t end_;
    std::deque<std::string> tombstones_;  ///< of the last call, which borrow from it
};

Result<bool> ErasedLog::refresh() {
    if (!erasures_) return false;
    TRY(Erasures now, erasures_(partition_));
    const std::lock_guard guard(mutex_);
    const bool is_other = now.version != known_.version;
    known_ = std::move(now);
    return is_other;
}

Result<std::unique_ptr<LogReader>> ErasedLog::reader(Position from) const {
    Erasures known;
    {
        const std::lock_guard guard(mutex_);
        known = known_;
    }
    TRY(auto reader, log_.reader(from));
    if (from.offset >= known.end || !known.begin) return reader;
    return std::unique_ptr<LogReader>(new Reader(log_, std::move(reader), known.begin(), known.end));
}

}  // namespace footfall::log
