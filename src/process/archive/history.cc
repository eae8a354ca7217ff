#include "process/archive/history.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "base/logging.h"

namespace footfall::process::archive {

class History::Reader final : public log::LogReader {
public:
    Reader(const History& history, std::uint64_t from) : history_(history), next_(from) {}

    Status read(std::vector<log::StoredEntry>& out, std::size_t max_entries, std::size_t max_bytes) override {
        for (;;) {
            if (next_ >= history_.log_.begin().offset) {
                TRY(const bool is_done, read_log(out, max_entries, max_bytes));
                if (is_done) return {};
                continue;  // it was given away meanwhile
            }
            log_reader_.reset();
            if (next_ >= held_end_ || next_ < held_first_) {
                TRY_STATUS(load());
            }
            const std::size_t before = out.size();
            TRY_STATUS(give_out(out, max_entries, max_bytes));
            if (out.size() > before) return {};
        }
    }
    log::Position position() const override { return {.partition = 0, .offset = next_}; }

private:
    struct Item {
        std::uint64_t offset;
        log::EntryKind kind;
        std::size_t at;
        std::size_t size;
    };

    /// False: what is wanted next is not in the log any more.
    Result<bool> read_log(std::vector<log::StoredEntry>& out, std::size_t max_entries, std::size_t max_bytes) {
        drop_held();
        if (!log_reader_) {
            auto reader = history_.log_.reader({.partition = 0, .offset = next_});
            if (!reader && reader.error().code == Code::kNotFound) return false;
            if (!reader) return reader.error();
            log_reader_ = std::move(*reader);
        }
        const Status read = log_reader_->read(out, max_entries, max_bytes);
        if (!read && read.error().code == Code::kNotFound) {
            log_reader_.reset();
            return false;
        }
        next_ = log_reader_->position().offset;
        if (!read) return read.error();
        return true;
    }

    /// The range of the archive that has the next entry.
    Status load() {
        drop_held();
        const Archive* const archive = history_.archive_();
        const std::uint64_t log_begin = history_.log_.begin().offset;
        if (archive == nullptr)
            return Error(Code::kUnavailable,
                         fmt::format("entries {} to {} of the event log are in the archive alone, which is not there; "
                                     "'footfall doctor' says why",
                                     next_, log_begin - 1));
        // Nobody replaces the files between the reading of the manifest and of them.
        const auto nobody_else = archive->lock();
        const auto range = archive->range_at(next_);
        if (!range) {
            const std::uint64_t behind = std::min(archive->missing_from(next_).end.value_or(log_begin), log_begin);
            return lost(behind, "the archive does not have them");
        }
        auto manifest = archive->manifest(*range);
        auto content = manifest ? archive->content(*manifest) : Result<FileContent>(manifest.error());
        if (!content && (content.error().code == Code::kCorrupt || content.error().code == Code::kNotFound))
            return lost(range->end, content.error().message);
        if (!content) return content.error();
        const Status unpacked = read_entries(*content, [this](const log::StoredEntry& entry) -> Status {
            items_.push_back({entry.position.offset, entry.kind, bytes_.size(), entry.payload.size()});
            bytes_ += entry.payload;
            return {};
        });
        if (!unpacked) {
            drop_held();
            return lost(range->end, unpacked.error().message);
        }
        damage_ = std::move(manifest->damage);
        held_first_ = range->first;
        held_end_ = range->end;
        given_ = static_cast<std::size_t>(
            std::lower_bound(items_.begin(), items_.end(), next_,
                             [](const Item& item, std::uint64_t offset) { return item.offset < offset; }) -
            items_.begin());
        return {};
    }

    Status give_out(std::vector<log::StoredEntry>& out, std::size_t max_entries, std::size_t max_bytes) {
        const auto lost_next = std::find_if(damage_.begin(), damage_.end(),
                                            [this](const log::Damage& range) { return range.last >= next_; });
        const std::uint64_t stop = lost_next == damage_.end() ? held_end_ : std::max(lost_next->first, next_);
        std::size_t taken = 0;
        std::size_t bytes = 0;
        while (given_ < items_.size() && items_[given_].offset < stop && taken < max_entries && bytes < max_bytes) {
            const Item& item = items_[given_++];
            out.push_back({.position = {.partition = 0, .offset = item.offset},
                           .kind = item.kind,
                           .payload = std::string_view(bytes_).substr(item.at, item.size)});
            next_ = item.offset + 1;
            ++taken;
            bytes += item.size;
        }
        // What is behind the last one given out was not archived.
        if (given_ == items_.size() || items_[given_].offset >= stop) {
            if (taken > 0 && stop < held_end_) return {};
            if (stop < held_end_) return lost(std::min(lost_next->last + 1, held_end_), lost_next->where);
            next_ = held_end_;
        }
        return {};
    }

    /// The error for the entries up to `behind`; the next call goes on there.
    Error lost(std::uint64_t behind, const std::string& why) {
        const log::Damage range{.partition = 0, .first = next_, .last = behind - 1, .where = why};
        history_.add_damage(range);
        next_ = behind;
        return {Code::kCorrupt,
                fmt::format("entries {} to {} can't be read from the archive ({})", range.first, range.last, why)};
    }

    void drop_held() {
        items_.clear();
        bytes_.clear();
        bytes_.shrink_to_fit();
        damage_.clear();
        given_ = 0;
        held_first_ = held_end_ = 0;
    }

    const History& history_;
    std::uint64_t next_;
    std::unique_ptr<log::LogReader> log_reader_;
    // Of the archive's range at hand, [held_first_, held_end_).
    std::uint64_t held_first_ = 0;
    std::uint64_t held_end_ = 0;
    std::vector<Item> items_;
    std::string bytes_;
    std::vector<log::Damage> damage_;
    std::size_t given_ = 0;
};

History::History(log::EventLog& log, std::function<const Archive*()> archive)
    : log_(log), archive_(std::move(archive)) {}

Result<std::unique_ptr<log::LogReader>> History::reader(log::Position from) const {
    if (from > log_.end())
        return Error(Code::kInvalidArgument,
                     fmt::format("the event log ends at {}, before {}", log_.end().offset, from.offset));
    return std::make_unique<Reader>(*this, from.offset);
}

void History::add_damage(const log::Damage& lost) const {
    const std::lock_guard guard(mutex_);
    const bool is_known = std::any_of(damage_.begin(), damage_.end(), [&](const log::Damage& known) {
        return known.first <= lost.first && known.last >= lost.last;
    });
    if (is_known) return;
    damage_.push_back(lost);
    logging::error("archive.damaged", {{"first", lost.first}, {"last", lost.last}, {"where", lost.where}});
}

std::vector<log::Damage> History::damage() const {
    std::vector<log::Damage> all = log_.damage();
    const std::lock_guard guard(mutex_);
    all.insert(all.end(), damage_.begin(), damage_.end());
    return all;
}

}  // namespace footfall::process::archive
