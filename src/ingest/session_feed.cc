#include "ingest/session_feed.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <utility>

#include "base/bytes.h"
#include "base/logging.h"

namespace footfall::ingest {
namespace {

using enrich::SessionNews;
using store::redis::Command;
using store::redis::Reply;

constexpr std::int64_t kMinuteMs = 60'000;
constexpr std::int64_t kHourMs = 60 * kMinuteMs;
constexpr std::int64_t kDayMs = 24 * kHourMs;
/// The first 30 minutes of a day ask for the 30 minutes before.
constexpr std::int64_t kOpenMs = 35 * kMinuteMs;
/// Yesterday's ids, and what they lead to, are given for 30 minutes.
constexpr std::int64_t kAliasesBeyondDayMs = kHourMs;

constexpr const char* kOpenStream = "session:open";
constexpr const char* kAliasesStream = "session:aliases:";
constexpr const char* kVersion = "1";
constexpr std::size_t kRecord = 17;
constexpr std::size_t kAliasRecord = 33;
/// In one entry, so that none is larger than 33 KB.
constexpr std::size_t kEntryNews = 1'000;
/// In one call.
constexpr std::size_t kCallNews = 32'768;
/// Entries of each stream in one call: 4 MB.
constexpr std::size_t kHeardEntries = 128;
/// How long a call waits for news. Stopping takes as long.
constexpr int kHearMs = 200;
/// After an error; the client itself fails at once while Redis is away.
constexpr std::int64_t kAgainMs = 50;
/// A Redis that took over from another may have lost its last entries, and its clock may be behind: what it adds has
/// smaller ids then than what was heard last.
constexpr std::int64_t kHeardAgainMs = kMinuteMs;

std::int64_t day_of(std::int64_t ms) { return ms / kDayMs; }

void put_record(std::string& out, const SessionNews& news) {
    put(out, static_cast<std::uint8_t>(news.kind));
    put(out, news.visitor_id);
    put(out, news.seen_ms);
    if (news.kind != SessionNews::Kind::kAlias) return;
    put(out, news.known_id);
    put(out, news.identified_ms);
}

/// Takes one from the front; none where the rest is none.
std::optional<SessionNews> take_record(std::string_view& in) {
    if (in.size() < kRecord) return std::nullopt;
    const auto kind = static_cast<unsigned char>(in[0]);
    if (kind < static_cast<unsigned char>(SessionNews::Kind::kOpen) ||
        kind > static_cast<unsigned char>(SessionNews::Kind::kAlias))
        return std::nullopt;
    SessionNews news{.kind = static_cast<SessionNews::Kind>(kind),
                     .visitor_id = get<std::uint64_t>(in.data() + 1),
                     .seen_ms = get<std::int64_t>(in.data() + 9)};
    const bool is_alias = news.kind == SessionNews::Kind::kAlias;
    if (is_alias) {
        if (in.size() < kAliasRecord) return std::nullopt;
        news.known_id = get<std::uint64_t>(in.data() + 17);
        news.identified_ms = get<std::int64_t>(in.data() + 25);
    }
    in.remove_prefix(is_alias ? kAliasRecord : kRecord);
    return news;
}

/// The day whose aliases it belongs to; of other news it means nothing.
std::int64_t aliases_day_of(const SessionNews& news) {
    return day_of(news.kind == SessionNews::Kind::kAlias ? news.identified_ms : news.seen_ms);
}

}  // namespace

SessionFeed::SessionFeed(enrich::Identity& identity, SessionFeedOptions options, Clock& clock)
    : identity_(identity),
      options_(std::move(options)),
      clock_(clock),
      lost_(metrics::counter(
          "footfall_session_info_lost_total",
          "Cluster form: news of visitors' sessions that other collectors will not hear: too many waited for "
          "Redis, or were told today.")),
      teller_(options_.endpoint, clock),
      hearer_(options_.endpoint, clock) {
    identity_.share({.tell = [this](const SessionNews& news) { enqueue(news); }, .hears = [this] { return hears(); }});
}

void SessionFeed::start(int wait_ms) {
    const std::int64_t deadline_ns = clock_.steady_ns() + wait_ms * std::int64_t{1'000'000};
    while (hear(0) && !hears() && clock_.steady_ns() < deadline_ns) {}
    // What could not be told waits on; that Redis is away the hearer says.
    telling_.start("session-tell", 0,
                   [this] { return tell_waiting() ? std::int64_t{options_.tell_every_ms} : kAgainMs; });
    hearing_.start("session-hear", 0, [this] { return hear(kHearMs) ? 0 : kAgainMs; });
}

void SessionFeed::stop() {
    hearing_.stop();
    telling_.stop();
    if (const Status told = tell_waiting(); !told)
        logging::warn("session_info.not_told", {{"error", told.error().message}});
}

bool SessionFeed::take_of_day(const SessionNews& news) {
    const bool is_open = news.kind == SessionNews::Kind::kOpen;
    // Two days of aliases and the last midnight, which a session's end says nothing of.
    std::int64_t day = aliases_day_of(news);
    if (is_open) day = news.seen_ms == enrich::kSessionEnded ? told_[2].day : day_of(news.seen_ms + kDayMs / 2);
    Told& told = told_[is_open ? 2 : static_cast<std::size_t>(day) % 2];
    if (told.day != day) told = {.day = day, .news = 0};
    if (told.news >= (is_open ? options_.open_a_midnight : options_.aliases_a_day)) return false;
    ++told.news;
    return true;
}

void SessionFeed::enqueue(const SessionNews& news) {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() + untold_count_ >= options_.queue_max || !take_of_day(news)) return lost_.add();
    waiting_.push_back(news);
}

std::vector<Command> SessionFeed::commands_of(std::span<const SessionNews> news) const {
    struct Part {
        std::vector<std::string> trim;
        std::int64_t lasts_ms = 0;
        std::size_t records = 0;
        std::vector<std::string> entries;
    };
    const std::int64_t now_ms = clock_.wall_ms();
    std::map<std::string, Part> parts;
    for (const SessionNews& one : news) {
        const bool is_open = one.kind == SessionNews::Kind::kOpen;
        const std::int64_t day = aliases_day_of(one);
        Part& part =
            parts[options_.prefix + (is_open ? std::string(kOpenStream) : kAliasesStream + std::to_string(day))];
        if (is_open) part.trim = {"MINID", "=", std::to_string(std::max<std::int64_t>(0, now_ms - kOpenMs))};
        part.lasts_ms = is_open ? kOpenMs : (day + 1) * kDayMs + kAliasesBeyondDayMs - now_ms;
        if (part.records++ % kEntryNews == 0) part.entries.emplace_back();
        put_record(part.entries.back(), one);
    }
    std::vector<Command> commands;
    for (auto& [stream, part] : parts) {
        if (part.lasts_ms <= 0) continue;  // told so late that nobody can ask any more
        for (std::string& entry : part.entries) {
            Command add{"XADD", stream};
            add.insert(add.end(), part.trim.begin(), part.trim.end());
            add.insert(add.end(), {"*", kVersion, std::move(entry)});
            commands.push_back(std::move(add));
        }
        commands.push_back({"PEXPIRE", stream, std::to_string(part.lasts_ms)});
    }
    return commands;
}

Status SessionFeed::tell_waiting() {
    for (;;) {
        if (told_to_ == untold_.size()) {
            const std::lock_guard lock(mutex_);
            untold_.clear();
            told_to_ = 0;
            untold_.swap(waiting_);
            untold_count_ = untold_.size();
        }
        if (untold_.empty()) return {};
        const std::span<const SessionNews> next =
            std::span(untold_).subspan(told_to_, std::min(kCallNews, untold_.size() - told_to_));
        const std::vector<Command> commands = commands_of(next);
        if (!commands.empty()) {
            // After an error some of it may have been told. Twice is as good as once.
            TRY(const auto replies, teller_.run_all(commands, options_.timeout_ms));
            for (const Reply& reply : replies)
                if (!reply.error.empty()) return Error(Code::kUnavailable, "Redis: " + reply.error);
        }
        told_to_ += next.size();
    }
}

void SessionFeed::choose_streams() {
    const std::int64_t today = day_of(clock_.wall_ms());
    // Aliases of yesterday first, so that each visitor's news is in its order.
    const std::array<std::string, kStreams> now = {options_.prefix + kAliasesStream + std::to_string(today - 1),
                                                   options_.prefix + kAliasesStream + std::to_string(today),
                                                   options_.prefix + kOpenStream};
    if (cursors_[0].stream == now[0]) return;
    std::array<Cursor, kStreams> chosen;
    for (std::size_t i = 0; i < kStreams; ++i) {
        chosen[i].stream = now[i];
        for (const Cursor& before : cursors_)
            if (before.stream == now[i]) chosen[i].after = before.after;
    }
    cursors_ = std::move(chosen);
}

void SessionFeed::went_deaf(const Error& error) {
    hears_.store(false, std::memory_order_relaxed);
    if (is_deaf_) return;
    is_deaf_ = true;
    logging::warn("session_info.away", {{"error", error.message}});
    for (Cursor& cursor : cursors_) {
        std::int64_t ms = 0;
        std::from_chars(cursor.after.data(), cursor.after.data() + cursor.after.size(), ms);
        cursor.after = std::to_string(std::max<std::int64_t>(0, ms - kHeardAgainMs));
    }
}

Status SessionFeed::hear(int wait_ms) {
    const Result<bool> all = hear_some(wait_ms);
    if (!all) {
        went_deaf(all.error());
        return all.error();
    }
    if (*all && is_deaf_) logging::info("session_info.back");
    if (*all) is_deaf_ = false;
    hears_.store(*all, std::memory_order_relaxed);
    return {};
}

Result<bool> SessionFeed::hear_some(int wait_ms) {
    choose_streams();
    Command read{"XREAD", "COUNT", std::to_string(kHeardEntries)};
    if (wait_ms > 0) read.insert(read.end(), {"BLOCK", std::to_string(wait_ms)});
    read.emplace_back("STREAMS");
    for (const Cursor& cursor : cursors_) read.push_back(cursor.stream);
    for (const Cursor& cursor : cursors_) read.push_back(cursor.after);
    TRY(const Reply reply, hearer_.run(read, wait_ms + options_.timeout_ms));
    for (const Reply& stream : reply.elements) {
        if (stream.elements.size() != 2) return Error(Code::kInternal, "Redis: an answer to XREAD of another form");
        const auto cursor = std::ranges::find(cursors_, stream.elements[0].text.value_or(""), &Cursor::stream);
        if (cursor == cursors_.end()) return Error(Code::kInternal, "Redis: a stream that was not asked for");
        const std::vector<Reply>& entries = stream.elements[1].elements;
        for (const Reply& entry : entries) {
            if (entry.elements.size() != 2 || !entry.elements[0].text)
                return Error(Code::kInternal, "Redis: an entry of another form");
            const std::vector<Reply>& fields = entry.elements[1].elements;
            if (fields.size() == 2 && fields[0].text == kVersion) take_in(fields[1].text.value_or(""));
            cursor->after = *entry.elements[0].text;
        }
        // The next may speak of what the rest of this one says first.
        if (entries.size() >= kHeardEntries) return false;
    }
    return true;
}

void SessionFeed::take_in(std::string_view records) {
    while (!records.empty()) {
        const auto news = take_record(records);
        if (!news) return logging::warn("session_info.unreadable", {{"bytes", records.size()}});
        identity_.take_in(*news);
    }
}

}  // namespace footfall::ingest
