#pragma once

#include <chrono>
#include <condition_variable>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/clock.h"
#include "base/testing/test_folder.h"
#include "event/event.h"
#include "ingest/committer.h"
#include "log/disk/disk_log.h"

namespace footfall::ingest {

inline constexpr std::int64_t kNow = 1'795'500'000'000;
inline constexpr std::chrono::seconds kDeadline{30};

/// The disk log, which a test can hold before or behind an append and make refuse one; and what was appended to it.
class HeldLog final : public log::EventLog {
public:
    enum class Where : std::uint8_t { kNowhere, kBefore, kBehind };
    explicit HeldLog(std::unique_ptr<log::DiskLog> log) : log_(std::move(log)) {}

    /// Lets go what is held, and holds the next append that comes there.
    void hold(Where where) {
        const std::lock_guard lock(mutex_);
        where_ = where;
        is_held_ = false;
        ++turn_;
        changed_.notify_all();
    }
    void release() { hold(Where::kNowhere); }
    /// Whether an append is being held, within the deadline.
    [[nodiscard]] bool wait_held() {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, kDeadline, [this] { return is_held_; });
    }
    /// The next append fails so, and nothing of it reaches the disk.
    void refuse_next(Error error) {
        const std::lock_guard lock(mutex_);
        refusal_ = std::move(error);
    }
    /// The payloads of each group that was to be appended, in order.
    std::vector<std::vector<std::string>> groups() const {
        const std::lock_guard lock(mutex_);
        return groups_;
    }

    Result<log::Position> append(std::span<const log::Entry> group) override {
        {
            const std::lock_guard lock(mutex_);
            groups_.emplace_back();
            for (const log::Entry& entry : group) groups_.back().emplace_back(entry.payload);
        }
        pass(Where::kBefore);
        std::optional<Error> refusal;
        {
            const std::lock_guard lock(mutex_);
            refusal.swap(refusal_);
        }
        if (refusal) return *refusal;
        auto done = log_->append(group);
        pass(Where::kBehind);
        return done;
    }
    log::Position end() const override { return log_->end(); }
    log::Position begin() const override { return log_->begin(); }
    bool wait_beyond(log::Position position, int timeout_ms) const override {
        return log_->wait_beyond(position, timeout_ms);
    }
    Result<std::unique_ptr<log::LogReader>> reader(log::Position from) const override { return log_->reader(from); }
    std::vector<log::Damage> damage() const override { return log_->damage(); }
    Status release(log::Position position) override { return log_->release(position); }

private:
    void pass(Where where) {
        std::unique_lock lock(mutex_);
        if (where_ != where) return;
        const unsigned turn = turn_;
        is_held_ = true;
        changed_.notify_all();
        changed_.wait(lock, [&] { return turn_ != turn; });
    }

    const std::unique_ptr<log::DiskLog> log_;
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    Where where_ = Where::kNowhere;
    unsigned turn_ = 0;
    bool is_held_ = false;
    std::optional<Error> refusal_;
    std::vector<std::vector<std::string>> groups_;
};

inline Uuid id_of(unsigned number) {
    Uuid id;
    id.bytes[6] = 0x40;
    for (int i = 0; i < 4; ++i) id.bytes[15 - i] = static_cast<unsigned char>(number >> (8 * i));
    return id;
}

/// One event of a body: its place in the log is found again by its page.
struct Sent {
    std::string site;
    Uuid id;
    std::string page;
    bool has_client_id = true;
};

using Answer = std::future<Result<std::uint64_t>>;

/// The answer, within the deadline.
inline Result<std::uint64_t> wait(Answer& answer) {
    if (answer.wait_for(kDeadline) != std::future_status::ready) return Error(Code::kTimeout, "no answer came");
    return answer.get();
}
inline bool is_answered(const Answer& answer) {
    return answer.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
}

/// Committer, index and disk log in one folder, as the product puts them together.
class Ingestion {
public:
    explicit Ingestion(std::string folder, CommitterOptions options = {}, DedupOptions index = {.directory = {}})
        : folder_(std::move(folder)), options_(options), dedup_options_(std::move(index)) {
        dedup_options_.directory = folder_ + "/dedup";
    }
    ~Ingestion() { close(); }

    /// False, with a failure of the test, where a part does not open.
    bool open() {
        auto disk = log::DiskLog::open({.directory = folder_ + "/log",
                                        .segment_bytes_max = 64 * 1024,
                                        .free_bytes_min = 0,
                                        .free_inodes_min = 0,
                                        .reserve_bytes = 0},
                                       clock);
        auto ids = Dedup::open(dedup_options_, clock);
        if (!disk || !ids) {
            ADD_FAILURE() << (disk ? ids.error().message : disk.error().message);
            return false;
        }
        log = std::make_unique<HeldLog>(std::move(*disk));
        dedup = std::move(*ids);
        if (!replay()) return false;
        committer = std::make_unique<Committer>(*log, dedup.get(), clock, options_, [this](const Error& error) {
            const std::lock_guard lock(mutex_);
            fatal_.push_back(error);
        });
        return true;
    }
    void close() {
        if (log) log->release();
        committer.reset();
        dedup.reset();
        log.reset();
    }

    std::unique_ptr<Submission> make(const std::vector<Sent>& body,
                                     const std::vector<Submission::Tally>& rejections = {}) const {
        auto submission = std::make_unique<Submission>();
        submission->receive_ms = clock.wall_ms();
        submission->tallies = rejections;
        std::map<std::string, std::uint32_t> sites;
        for (std::uint32_t i = 0; i < rejections.size(); ++i) sites[rejections[i].website_id] = i;
        for (const Sent& sent : body) {
            event::Event event;
            event.website_id = sent.site;
            event.event_id = sent.id;
            event.event_type = "pageview";
            event.timestamp = event.received_at = clock.wall_ms();
            event.visitor_id = 1;
            event.page = sent.page;
            const auto [site, added] =
                sites.try_emplace(sent.site, static_cast<std::uint32_t>(submission->tallies.size()));
            if (added) submission->tallies.push_back({.website_id = sent.site});
            const auto begin = static_cast<std::uint32_t>(submission->records.size());
            event::write_record(event, submission->records);
            submission->items.push_back({.begin = begin,
                                         .size = static_cast<std::uint32_t>(submission->records.size()) - begin,
                                         .site = site->second,
                                         .has_client_id = sent.has_client_id,
                                         .event_id = sent.id});
        }
        return submission;
    }
    /// nullopt where the committer does not take it.
    std::optional<Answer> offer(std::unique_ptr<Submission> submission) {
        auto promise = std::make_shared<std::promise<Result<std::uint64_t>>>();
        Answer answer = promise->get_future();
        // A second answer would throw in the committer's thread, which ends the test.
        submission->finished = [promise](Result<std::uint64_t> result) { promise->set_value(std::move(result)); };
        if (!committer->submit(std::move(submission))) return std::nullopt;
        return answer;
    }
    Answer submit(const std::vector<Sent>& body, const std::vector<Submission::Tally>& rejections = {}) {
        auto answer = offer(make(body, rejections));
        if (answer) return std::move(*answer);
        ADD_FAILURE() << "the committer did not take it";
        std::promise<Result<std::uint64_t>> refused;
        refused.set_value(Error(Code::kInternal, "the committer did not take it"));
        return refused.get_future();
    }

    struct Stored {
        std::vector<std::string> pages;                             ///< of the events
        std::vector<std::string> tallies;                           ///< as they stand there
        std::vector<std::string> samples;                           ///< of rejected events, as they stand there
        std::map<std::pair<std::string, std::string>, int> copies;  ///< by site and id
    };
    /// Everything that a reader of the log sees.
    Stored stored() const {
        Stored out;
        const auto reader = log->reader(log->begin());
        if (!reader) {
            ADD_FAILURE() << reader.error().message;
            return out;
        }
        event::RecordReader records;
        std::vector<log::StoredEntry> entries;
        do {
            entries.clear();
            if (const Status read = (*reader)->read(entries, 1000, 1 << 20); !read)
                ADD_FAILURE() << read.error().message;
            for (const log::StoredEntry& entry : entries) {
                if (entry.kind == log::EntryKind::kTally) out.tallies.emplace_back(entry.payload);
                if (entry.kind == log::EntryKind::kRejected) out.samples.emplace_back(entry.payload);
                if (entry.kind != log::EntryKind::kEvent) continue;
                const auto event = records.read(entry.payload);
                if (!event) {
                    ADD_FAILURE() << event.error().message;
                    continue;
                }
                out.pages.emplace_back(event->page);
                ++out.copies[{std::string(event->website_id), event->event_id.text()}];
            }
        } while (!entries.empty());
        return out;
    }
    std::vector<Error> fatal() const {
        const std::lock_guard lock(mutex_);
        return fatal_;
    }

    ManualClock clock{kNow};
    std::unique_ptr<HeldLog> log;
    std::unique_ptr<Dedup> dedup;
    std::unique_ptr<Committer> committer;

private:
    // The index takes in what the log has beyond it, as the product does at its start.
    bool replay() const {
        const auto reader = log->reader({0, std::max(dedup->replay_from(), log->begin().offset)});
        if (!reader) {
            ADD_FAILURE() << reader.error().message;
            return false;
        }
        event::RecordReader records;
        std::vector<log::StoredEntry> entries;
        do {
            entries.clear();
            EXPECT_TRUE((*reader)->read(entries, 1000, 1 << 20));
            for (const log::StoredEntry& entry : entries) {
                if (entry.kind != log::EntryKind::kEvent) continue;
                const auto event = records.read(entry.payload);
                EXPECT_TRUE(event);
                EXPECT_TRUE(
                    dedup->restore(event->website_id, event->event_id, event->received_at, entry.position.offset));
            }
        } while (!entries.empty());
        return true;
    }

    const std::string folder_;
    const CommitterOptions options_;
    DedupOptions dedup_options_;
    mutable std::mutex mutex_;
    std::vector<Error> fatal_;
};

}  // namespace footfall::ingest
