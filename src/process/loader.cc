#include "process/loader.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/failpoint.h"
#include "base/logging.h"
#include "base/metrics.h"
#include "base/worker_pool.h"
#include "process/file_progress.h"
#include "process/sql.h"
#include "store/migrations.h"

namespace footfall::process {
namespace {

constexpr std::int64_t kBackoffMinMs = 100;
constexpr std::int64_t kBackoffMaxMs = 3'000;
constexpr int kIdleMs = 100;
/// Without batches others are looked for so often.
constexpr auto kLookEvery = std::chrono::milliseconds(500);

struct Metrics {
    metrics::Counter& rows = metrics::counter("footfall_loader_rows_total", "Rows inserted into the store.");
    metrics::Counter& batches =
        metrics::counter("footfall_loader_batches_total", "Inserts into the store, one a table partition and batch.");
    metrics::Counter& errors =
        metrics::counter("footfall_loader_errors_total", "Inserts and questions that failed and were tried again.");
    metrics::Counter& skipped = metrics::counter("footfall_loader_rows_present_total",
                                                 "Rows found in the store already when an insert was in doubt.");
    metrics::Counter& replaced = metrics::counter("footfall_loader_rows_replaced_total",
                                                  "Rows deleted from the store because they were there twice.");
    metrics::Histogram& insert =
        metrics::histogram("footfall_loader_insert_seconds", "One batch: building its blocks and inserting them.");
    metrics::Gauge& sessions = metrics::gauge("footfall_loader_sessions", "Sessions that the loader keeps in memory.");
    metrics::Gauge& lag =
        metrics::gauge("footfall_loader_lag_entries", "Entries of the log that are not in the store yet.");
};
Metrics& counters() {
    static Metrics instance;
    return instance;
}

std::string number(std::uint64_t value) { return std::to_string(value); }

}  // namespace

Loader::Loader(log::EventLog& log, store::Client& store, Clock& clock, LoaderOptions options)
    : log_(log),
      store_(store),
      clock_(clock),
      options_(std::move(options)),
      progress_(options_.progress ? options_.progress
                                  : std::make_shared<FileProgress>(options_.checkpoint_path, options_.undo_path)),
      writer_(
          store, progress_.get(), [this](std::size_t rows) { note_inserted(rows); }, options_.touched),
      rejected_store_(store) {}

void Loader::note_inserted(std::size_t rows) {
    counters().rows.add(rows);
    counters().batches.add();
    const std::lock_guard lock(mutex_);
    state_.rows += rows;
}

Loader::~Loader() { stop(0); }

void Loader::start() {
    log::Position from = log_.begin();
    if (const auto checkpoint = progress_->found()) {
        if (checkpoint->position >= from && checkpoint->position <= log_.end()) {
            from = checkpoint->position;
            store_identity_ = checkpoint->store_identity;
            rejected_identity_ = checkpoint->rejected_identity;
        } else {
            logging::warn("loader.checkpoint_not_of_this_log",
                          {{"partition", from.partition}, {"at", checkpoint->position.offset}, {"from", from.offset}});
        }
    }
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
    state_.loaded = from;
    thread_ = std::thread([this] { run(); });
}

void Loader::stop(int grace_ms) {
    stop_within(grace_ms, 0);
    if (thread_.joinable()) thread_.join();
}

bool Loader::stop_within(int grace_ms, int timeout_ms) {
    std::unique_lock lock(mutex_);
    if (!stopping_) stop_deadline_ns_ = clock_.steady_ns() + grace_ms * std::int64_t{1'000'000};
    stopping_ = true;
    if (!thread_.joinable()) ended_ = true;
    changed_.notify_all();
    return changed_.wait_for(lock, std::chrono::milliseconds(timeout_ms), [this] { return ended_; });
}

LoaderState Loader::state() const {
    const std::lock_guard lock(mutex_);
    return state_;
}

bool Loader::has_ended() const {
    const std::lock_guard lock(mutex_);
    return ended_;
}

Status Loader::wait_loaded(log::Position position, int timeout_ms) const {
    std::unique_lock lock(mutex_);
    const bool is_over = changed_.wait_for(lock, std::chrono::milliseconds(timeout_ms),
                                           [&] { return (is_reconciled_ && state_.loaded >= position) || ended_; });
    if (is_reconciled_ && state_.loaded >= position) return {};
    if (is_over) return Error(Code::kUnavailable, "Footfall is stopping; ask again after its next start");
    return Error(Code::kTimeout, fmt::format("the store holds the log up to {} of {}{}", state_.loaded.offset,
                                             position.offset, state_.problem.empty() ? "" : "; " + state_.problem));
}

void Loader::store_restarted() {
    const std::lock_guard lock(mutex_);
    in_doubt_requested_ = true;
    ++state_.doubts;
    is_reconciled_ = state_.is_caught_up = false;
    changed_.notify_all();
}

std::shared_ptr<void> Loader::count_in(int& counter) {
    const std::lock_guard lock(mutex_);
    ++counter;
    ++state_.holds;
    state_.is_held = true;
    return {nullptr, [this, &counter](std::nullptr_t) {
                const std::lock_guard release(mutex_);
                --counter;
                state_.is_held = holds_ > 0 || stills_ > 0;
                changed_.notify_all();
            }};
}

std::shared_ptr<void> Loader::keep_still() { return count_in(stills_); }

Result<TablesHeld> Loader::hold(int timeout_ms) {
    std::shared_ptr<void> hold = count_in(holds_);
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::milliseconds(timeout_ms), [this] { return is_between_batches_ || ended_; });
    if (!is_between_batches_) {
        const Error error(Code::kTimeout,
                          fmt::format("the store holds the log up to {} and does not get on{}", state_.loaded.offset,
                                      state_.problem.empty() ? "" : "; " + state_.problem));
        lock.unlock();  // before the hold goes, which takes it
        return error;
    }
    return TablesHeld{.position = state_.loaded,
                      .is_intact =
                          [this, steps = steps_] {
                              const std::lock_guard look(mutex_);
                              return steps_ == steps && !in_doubt_requested_;
                          },
                      .hold = std::move(hold)};
}

void Loader::wait_for_holds() {
    std::unique_lock lock(mutex_);
    for (;;) {
        is_between_batches_ = !in_doubt_ && !in_doubt_requested_;
        if (std::exchange(is_forget_wanted_, false)) forgotten_ = forget_now();
        changed_.notify_all();
        changed_.wait(lock, [this] {
            const bool is_held = holds_ > 0 || stills_ > 0;
            return !is_held || is_forget_wanted_ || stopping_ || in_doubt_ || in_doubt_requested_;
        });
        if (!is_forget_wanted_) break;
    }
    is_between_batches_ = false;
    ++steps_;
}

Status Loader::forget(int timeout_ms) { return ask_to_forget(false, timeout_ms); }

Status Loader::adopt(int timeout_ms) { return ask_to_forget(true, timeout_ms); }

Status Loader::ask_to_forget(bool adopt, int timeout_ms) {
    std::unique_lock lock(mutex_);
    is_forget_wanted_ = true;
    is_adoption_wanted_ = adopt;
    changed_.notify_all();
    if (changed_.wait_for(lock, std::chrono::milliseconds(timeout_ms), [this] { return !is_forget_wanted_ || ended_; }))
        return forgotten_;
    return Error(Code::kTimeout, "the loader does not come to forget what was erased");
}

Status Loader::forget_now() {
    reader_.reset();
    writer_.restart();
    TRY_STATUS(writer_.session_store().forget_undo());
    if (!std::exchange(is_adoption_wanted_, false)) return {};
    TRY(const std::string identity, store::store_identity(store_));
    store_identity_ = identity;
    return write_checkpoint(state_.loaded);
}

bool Loader::stop_requested(bool caught_up) const {
    const std::lock_guard lock(mutex_);
    return stopping_ && (caught_up || clock_.steady_ns() >= stop_deadline_ns_);
}

void Loader::sleep_ms(std::int64_t ms) {
    std::unique_lock lock(mutex_);
    // A stop with grace wants the rest loaded, not the wait cut short for ever: it only ends waits, the loop decides.
    changed_.wait_for(lock, std::chrono::milliseconds(ms), [this] { return stopping_ || in_doubt_requested_; });
}

void Loader::run() {
    name_thread("loader");
    load_until_stopped();
    const std::lock_guard lock(mutex_);
    ended_ = true;
    changed_.notify_all();
}

void Loader::load_until_stopped() {
    std::int64_t backoff_ms = kBackoffMinMs;
    for (;;) {
        const bool caught_up = !in_doubt_ && state().loaded >= log_.end();
        if (stop_requested(caught_up)) return;
        wait_for_holds();
        {
            const std::lock_guard lock(mutex_);
            // What it is kept from is for the next start.
            if (stopping_ && stills_ > 0) return;
            if (in_doubt_requested_) {
                in_doubt_requested_ = false;
                reader_.reset();
                in_doubt_ = true;
            }
        }
        const Status status = step();
        if (status) {
            backoff_ms = kBackoffMinMs;
            continue;
        }
        if (status.error().code == Code::kConflict) {
            logging::warn("loader.lost", {{"error", status.error().message}});
            const std::lock_guard lock(mutex_);
            state_.problem = status.error().message;
            return;
        }
        counters().errors.add();
        logging::warn("loader.retry", {{"error", status.error().message}, {"in_ms", backoff_ms}});
        {
            const std::lock_guard lock(mutex_);
            state_.problem = status.error().message;
            ++state_.doubts;
        }
        // Whatever failed, what the store holds beyond the checkpoint is not known any more.
        in_doubt_ = true;
        reader_.reset();
        if (stop_requested(false)) return;
        std::uint32_t jitter = 0;
        random_bytes(&jitter, sizeof jitter);
        sleep_ms(backoff_ms / 2 + static_cast<std::int64_t>(jitter % static_cast<std::uint32_t>(backoff_ms)));
        backoff_ms = std::min(backoff_ms * 2, kBackoffMaxMs);
    }
}

Status Loader::step() {
    // Before the store is asked anything: the lag matters most while the store does not answer.
    report_lag();
    if (in_doubt_) {
        const log::Position end = log_.end();
        TRY_STATUS(reconcile());
        if (in_doubt_) return {};
        const std::lock_guard lock(mutex_);
        catch_up_to_ = end;
        is_reconciled_ = !in_doubt_requested_;
        // Whoever keeps it still does so before anything is added to the tables.
        if (stills_ > 0) return {};
    }
    if (was_held_elsewhere_ && !is_held_elsewhere_) TRY_STATUS(take_up_again());
    if (is_rejected_in_doubt_) TRY_STATUS(restore_rejected());
    report_lag();
    const log::Position from = state().loaded;
    const std::int64_t looked_at_ms = clock_.wall_ms();
    const log::Position end = log_.end();
    if (end <= from) {
        {
            const std::lock_guard lock(mutex_);
            state_.as_of_ms = looked_at_ms;
            state_.problem.clear();
            note_caught_up();
        }
        changed_.notify_all();
        if (!reader_) {
            TRY(reader_, log_.reader(from));
        }
        reader_->wait(log_, kIdleMs);
        if (std::chrono::steady_clock::now() - looked_ >= kLookEvery) return look_for_others();
        return {};
    }
    // While there is less than a full batch, wait for the interval: fewer, larger inserts. The first event after a
    // pause goes at once.
    const std::int64_t wait_ms = options_.interval_ms - (clock_.steady_ns() - last_insert_ns_) / 1'000'000;
    if (wait_ms > 0 && last_insert_ns_ != 0 && end.offset - from.offset < options_.rows_max && !stop_requested(true))
        sleep_ms(wait_ms);

    if (!reader_) {
        TRY(reader_, log_.reader(from));
    }
    std::vector<log::StoredEntry> entries;
    const std::int64_t read_at_ms = clock_.wall_ms();
    if (const Status status = reader_->read(entries, options_.rows_max, options_.bytes_max); !status) {
        if (status.error().code != Code::kCorrupt) return status;
        // Damaged entries can't be loaded; the log names them, audit counts them, and the reader goes on behind them.
        logging::error("loader.damaged_range", {{"error", status.error().message}});
    }
    last_insert_ns_ = clock_.steady_ns();
    TRY_STATUS(look_for_others());
    if (was_held_elsewhere_) {
        // What was read is read again.
        reader_.reset();
        if (is_held_elsewhere_) sleep_ms(kIdleMs);
        return {};
    }
    {
        // What others wrote is compared first.
        const std::lock_guard lock(mutex_);
        if (in_doubt_requested_) return {};
    }
    TRY_STATUS(load(entries, reader_->position()));
    const log::Position loaded = reader_->position();
    std::int64_t as_of_ms = state().as_of_ms;
    if (loaded >= log_.end()) as_of_ms = read_at_ms;
    else if (!entries.empty()) as_of_ms = std::max(as_of_ms, writer_.newest_received_ms());
    TRY_STATUS(write_checkpoint(loaded, as_of_ms));
    {
        const std::lock_guard lock(mutex_);
        state_.loaded = loaded;
        state_.problem.clear();
        state_.as_of_ms = as_of_ms;
        note_caught_up();
    }
    changed_.notify_all();
    return {};
}

void Loader::note_caught_up() {
    if (is_reconciled_ && state_.loaded >= catch_up_to_) state_.is_caught_up = true;
}

void Loader::report_lag() const {
    const std::uint64_t loaded = state().loaded.offset;
    counters().lag.set(static_cast<double>(std::max(log_.end().offset, loaded) - loaded));
}

Status Loader::look_for_others() {
    TRY(const Progress::Looked looked,
        progress_->check(in_doubt_ ? Progress::Between::kDoubt : Progress::Between::kBatches));
    looked_ = std::chrono::steady_clock::now();
    is_held_elsewhere_ = looked.is_held;
    was_held_elsewhere_ = was_held_elsewhere_ || looked.is_held;
    const std::lock_guard lock(mutex_);
    if (!looked.written_from) return {};
    state_.loaded.offset = std::min(state_.loaded.offset, *looked.written_from);
    state_.is_caught_up = false;
    in_doubt_requested_ = true;
    ++state_.doubts;
    return {};
}

Status Loader::take_up_again() {
    reader_.reset();
    writer_.restart();
    if (options_.released) TRY_STATUS(options_.released());
    was_held_elsewhere_ = false;
    return {};
}

Status Loader::reconcile() {
    TRY_STATUS(look_for_others());
    // Another store than the checkpoint was written for, or one that lost parts: nothing is taken to be there.
    TRY(const std::string identity, store::store_identity(store_));
    if (identity != store_identity_) {
        TRY_STATUS(writer_.session_store().forget_undo());
        const std::lock_guard lock(mutex_);
        if (state_.loaded > log_.begin())
            logging::warn("loader.store_changed", {{"next", "everything that the log holds is compared and loaded"}});
        state_.loaded = log_.begin();
        state_.is_caught_up = false;
        store_identity_ = identity;
    }
    const log::Position from = state().loaded;
    const log::Position end = log_.end();
    // Whoever starts again begins with the log that there is now.
    if (end < from)
        return Error(Code::kConflict, fmt::format("the log ends at {} and is loaded up to {}: it was made anew or cut",
                                                  end.offset, from.offset));
    doubt_end_ = from.offset;
    is_rejected_in_doubt_ = true;
    if (failpoint("mutant.skip_reconcile") == Fault::kError) {
        in_doubt_ = false;
        return {};
    }
    // Who gives up waiting for an insert does not end it.
    TRY(const store::Answer inserts, store_.query({.sql = std::string(sql::text("loader-running-inserts.sql")),
                                                   .parameters = {{"partition", number(state().loaded.partition)}}}));
    if (const auto running = std::get<std::uint64_t>(inserts.rows.at(0).at(0)); running > 0)
        return Error(Code::kUnavailable, "an earlier insert still runs in the store; waiting for it");
    // A deletion that a crash interrupted goes on after the start: rows that it still takes away must not be taken for
    // present.
    TRY(const store::Answer deletions,
        store_.query({.sql = std::string(sql::text("loader-unfinished-deletions.sql"))}));
    if (const auto unfinished = std::get<std::uint64_t>(deletions.rows.at(0).at(0)); unfinished > 0)
        return Error(Code::kUnavailable,
                     fmt::format("the store is still deleting ({} parts to go); waiting for it", unfinished));
    TRY(const store::Answer answer,
        store_.query({.sql = std::string(sql::text("loader-highest-offset.sql")),
                      .parameters = {{"partition", number(from.partition)}, {"from", number(from.offset)}}}));
    const auto count = std::get<std::uint64_t>(answer.rows.at(0).at(0));
    const auto highest = std::get<std::uint64_t>(answer.rows.at(0).at(1));
    if (count > 0 && highest >= end.offset)
        return Error(Code::kCorrupt, fmt::format("the store holds offset {} but the log ends at {}: the log folder was "
                                                 "replaced or cut; put it back, or move the "
                                                 "store folder away to have it rebuilt from this log",
                                                 highest, end.offset));
    doubt_end_ = count == 0 ? from.offset : highest + 1;
    // Sessions are what the log up to the checkpoint makes; the rest of their rows is written again.
    TRY(const bool is_taken_back, writer_.session_store().delete_beyond(from));
    writer_.restart();
    TRY_STATUS(rejected_store_.delete_beyond(from));
    if (!is_taken_back && from > log_.begin()) {
        logging::warn("loader.sessions_lost", {{"next", "they are made again from the log's beginning"}});
        {
            const std::lock_guard lock(mutex_);
            state_.loaded = log_.begin();
            state_.is_caught_up = false;
        }
        // Still in doubt: the next turn reconciles from there, and so does the next start.
        return write_checkpoint(log_.begin());
    }
    in_doubt_ = false;
    if (doubt_end_ > from.offset)
        logging::info("loader.reconcile", {{"from", from.offset}, {"to", doubt_end_}, {"rows_present", count}});
    return {};
}

Status Loader::restore_rejected() {
    TRY(const std::string identity, store::rejected_identity(store_));
    if (identity == rejected_identity_) {
        is_rejected_in_doubt_ = false;
        return {};
    }
    const log::Position from = state().loaded;
    // Where the checkpoint does not say which tables it was written with, parts that were damaged are what tells.
    const bool is_whole = rejected_identity_.empty() && identity.ends_with(":0");
    if (!is_whole && from > log_.begin()) {
        logging::warn("loader.rejected_lost", {{"next", "they are read again from the log"}, {"to", from.offset}});
        TRY_STATUS(refill_rejected(from));
        logging::info("loader.rejected_restored", {{"to", from.offset}});
    }
    rejected_identity_ = identity;
    is_rejected_in_doubt_ = false;
    // Only now: after a death before it the next start does it all again.
    return write_checkpoint(from);
}

Status Loader::refill_rejected(log::Position end) {
    // Of counts, which are of whole batches, nobody can say which are missing. What is older than the log stays.
    TRY_STATUS(rejected_store_.delete_beyond(log_.begin()));
    TRY(const auto reader, log_.reader(log_.begin()));
    std::vector<log::StoredEntry> entries;
    while (reader->position() < end) {
        if (stop_requested(false))
            return Error(Code::kUnavailable, "stopped while the rejected events were read again from the log");
        entries.clear();
        const log::Position before = reader->position();
        const std::uint64_t left = end.offset - before.offset;
        if (const Status read =
                reader->read(entries, std::min<std::uint64_t>(options_.rows_max, left), options_.bytes_max);
            !read && (read.error().code != Code::kCorrupt || reader->position() == before))
            return read;
        // Offsets may have gaps, so that fewer entries than there are offsets reach beyond the end.
        while (!entries.empty() && entries.back().position >= end) entries.pop_back();
        const log::Position next = std::min(reader->position(), end);
        TRY_STATUS(rejected_store_.insert(entries, {next.partition, next.offset - 1}));
    }
    return {};
}

Status Loader::load(const std::vector<log::StoredEntry>& entries, log::Position next) {
    if (entries.empty()) return {};
    const std::int64_t started = clock_.steady_ns();
    const std::uint64_t first = entries.front().position.offset;
    std::vector<std::uint64_t> present;
    if (first < doubt_end_) {
        TRY(present, present_offsets(next.partition, first, next.offset - 1));
    }
    const log::Position last{next.partition, next.offset - 1};
    TRY_STATUS(writer_.write(entries, present, state().loaded, last));
    TRY_STATUS(rejected_store_.insert(entries, last));
    writer_.let_go();
    counters().sessions.set(static_cast<double>(writer_.sessions_held()));
    counters().insert.observe_ns(clock_.steady_ns() - started);
    return {};
}

Result<std::vector<std::uint64_t>> Loader::present_offsets(std::uint16_t partition, std::uint64_t first,
                                                           std::uint64_t last) {
    const std::vector<std::pair<std::string, std::string>> range = {
        {"partition", number(partition)}, {"first", number(first)}, {"last", number(last)}};
    TRY(const store::Answer doubled,
        store_.query({.sql = std::string(sql::text("loader-doubled-rows.sql")), .parameters = range}));
    if (const auto rows = std::get<std::uint64_t>(doubled.rows.at(0).at(0)); rows > 0) {
        logging::warn("loader.doubled", {{"first", first}, {"last", last}, {"rows", rows}});
        counters().replaced.add(rows);
        TRY_STATUS(store_.execute(
            {.sql = std::string(sql::text("loader-delete-doubled.sql")), .parameters = range, .timeout_ms = 300'000}));
    }
    TRY(const store::Answer present,
        store_.query(
            {.sql = std::string(sql::text("loader-present-offsets.sql")), .parameters = range, .timeout_ms = 120'000}));
    std::vector<std::uint64_t> offsets;
    offsets.reserve(present.rows.size());
    for (const auto& row : present.rows) offsets.push_back(std::get<std::uint64_t>(row.at(0)));
    std::sort(offsets.begin(), offsets.end());
    counters().skipped.add(offsets.size());
    return offsets;
}

Status Loader::write_checkpoint(log::Position position, std::int64_t as_of_ms) {
    if (failpoint("loader.checkpoint") == Fault::kError) return Error(Code::kIo, "failpoint loader.checkpoint");
    return progress_->write({.position = position,
                             .store_identity = store_identity_,
                             .rejected_identity = rejected_identity_,
                             .as_of_ms = as_of_ms});
}

}  // namespace footfall::process
