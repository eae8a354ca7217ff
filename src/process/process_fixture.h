#pragma once

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/clock.h"
#include "base/testing/test_folder.h"
#include "event/event.h"
#include "log/disk/disk_log.h"
#include "process/event_block.h"
#include "process/sessions/fold.h"
#include "process/sessions/session_store.h"
#include "store/client.h"
#include "store/testing/running_store.h"

namespace footfall::process {

inline constexpr std::int64_t kNow = 1'795'500'000'000;  // 2026-11-24T06:00:00Z
inline constexpr std::int64_t kDay = 86'400'000;

/// Waits for what another thread does; false when it does not come.
inline bool eventually(const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!condition()) {
        if (std::chrono::steady_clock::now() > deadline) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    return true;
}

/// An event that the store takes, numbered.
inline event::Event numbered(std::uint64_t number, std::int64_t timestamp = kNow) {
    event::Event event;
    event.website_id = "site";
    event.event_id.bytes[6] = 0x40;
    for (std::size_t i = 0; i < 8; ++i) event.event_id.bytes[15 - i] = static_cast<unsigned char>(number >> (8 * i));
    event.event_type = "pageview";
    event.timestamp = timestamp;
    event.received_at = kNow;
    event.visitor_id = number;
    event.page = "/";
    return event;
}

/// The one real store of this program's tests: it takes a second to start, so it is started by the first test that asks
/// for it and ends with the program. A death test's process uses that of the process that started it.
class StoreForAll final : public testing::Environment {
public:
    static store::Client& client() {
        Parts& all = parts();
        if (!all.client && !is_borrowed()) {
            all.store = std::make_unique<store::RunningStore>(
                "process", [](store::embedded::SupervisorOptions& options) { options.backoff_first_ms = 1; });
            ::setenv(kVariable, ("unix:" + all.store->directory() + "/store.sock").c_str(), 1);
        }
        if (!all.client)
            all.client = std::make_unique<store::Client>(store::Endpoint{.address = std::getenv(kVariable)});
        return *all.client;
    }
    static store::embedded::Supervisor& supervisor() { return parts().store->supervisor(); }
    static bool is_borrowed() { return parts().store == nullptr && std::getenv(kVariable) != nullptr; }

    void TearDown() override {
        parts().client.reset();
        parts().store.reset();
        ::unsetenv(kVariable);
    }

private:
    static constexpr const char* kVariable = "FOOTFALL_TEST_STORE";
    struct Parts {
        std::unique_ptr<store::RunningStore> store;
        std::unique_ptr<store::Client> client;
    };
    static Parts& parts() {
        static Parts instance;
        return instance;
    }
};
inline testing::Environment* const kStoreForAll = testing::AddGlobalTestEnvironment(new StoreForAll);

/// The tests of what reads the log: a disk log in a folder of the test's own, and one real store for all of them, whose
/// table is empty at the start of each.
class ProcessTest : public testing::Test {
protected:
    void SetUp() override {
        ASSERT_NO_FATAL_FAILURE(open_log());
        if (is_death_child()) return;
        execute("SYSTEM START MERGES footfall.events");
        // The events of tests are of a day long ago.
        static const bool ids_stay = [] {
            for (const char* column : {"event_id", "pageview_id"})
                execute(std::string("ALTER TABLE footfall.events MODIFY COLUMN ") + column + " REMOVE TTL");
            return true;
        }();
        ASSERT_TRUE(ids_stay);
        for (const char* table : {"events", "sessions", "session_alias", "rejected", "rejected_counts"})
            execute("TRUNCATE TABLE footfall." + std::string(table));
    }
    static bool is_death_child() { return StoreForAll::is_borrowed(); }
    static store::Client& store() { return StoreForAll::client(); }
    static store::embedded::Supervisor& supervisor() { return StoreForAll::supervisor(); }

    static void execute(const std::string& sql) {
        const Status done = store().execute({.sql = sql});
        EXPECT_TRUE(done) << sql << ": " << done.error().message;
    }
    /// Rows of an answer as text, its cells apart by a blank.
    static std::vector<std::string> ask(const std::string& sql) {
        const auto answer = store().query({.sql = sql});
        if (!answer) {
            ADD_FAILURE() << sql << ": " << answer.error().message;
            return {};
        }
        std::vector<std::string> out;
        for (const auto& row : answer->rows) {
            out.emplace_back();
            for (const store::Value& value : row) {
                if (!out.back().empty()) out.back() += ' ';
                if (const auto* text = std::get_if<std::string>(&value)) out.back() += *text;
                if (const auto* number = std::get_if<std::uint64_t>(&value)) out.back() += std::to_string(*number);
                if (const auto* number = std::get_if<std::int64_t>(&value)) out.back() += std::to_string(*number);
            }
        }
        return out;
    }
    /// Rows of events, sessions and aliases as text; of sessions what the signs leave.
    static std::vector<std::string> all_rows() {
        std::vector<std::string> rows =
            ask("SELECT formatRow('JSONEachRow', *) FROM footfall.events ORDER BY log_offset");
        for (const char* sql :
             {"SELECT formatRow('JSONEachRow', * EXCEPT (sign, version, log_partition, log_offset)) AS session "
              "FROM footfall.sessions GROUP BY session HAVING sum(sign) > 0 ORDER BY session",
              "SELECT concat(website_id, ' ', toString(old_key), ' ', toString(argMax(new_key, log_offset))) AS alias "
              "FROM footfall.session_alias GROUP BY website_id, old_key ORDER BY alias"})
            for (std::string& row : ask(sql)) rows.push_back(std::move(row));
        return rows;
    }
    /// The offsets of the table's rows, each as often as it is there.
    static std::vector<std::uint64_t> offsets() {
        std::vector<std::uint64_t> out;
        for (const std::string& row : ask("SELECT log_offset FROM footfall.events ORDER BY log_offset"))
            out.push_back(std::stoull(row));
        return out;
    }
    static std::vector<std::uint64_t> range(std::uint64_t first, std::uint64_t end) {
        std::vector<std::uint64_t> out;
        for (; first < end; ++first) out.push_back(first);
        return out;
    }

    void open_log() {
        log_.reset();
        auto opened = log::DiskLog::open({.directory = folder_ / "log",
                                          .segment_bytes_max = 64 * 1024,
                                          .free_bytes_min = 0,
                                          .free_inodes_min = 0,
                                          .reserve_bytes = 0},
                                         clock_);
        ASSERT_TRUE(opened) << opened.error().message;
        log_ = std::move(*opened);
    }
    /// Appends one group; the offset of its first entry.
    std::uint64_t append(const std::vector<event::Event>& events, const std::string& tally = {}) {
        std::vector<std::string> records(events.size());
        std::vector<log::Entry> group;
        for (std::size_t i = 0; i < events.size(); ++i) {
            event::write_record(events[i], records[i]);
            group.push_back({log::EntryKind::kEvent, records[i]});
        }
        if (!tally.empty()) group.push_back({log::EntryKind::kTally, tally});
        const auto first = log_->append(group);
        EXPECT_TRUE(first) << first.error().message;
        return first ? first->offset : 0;
    }
    std::uint64_t append_entry(log::EntryKind kind, const std::string& payload) {
        const log::Entry entry{kind, payload};
        const auto first = log_->append({&entry, 1});
        EXPECT_TRUE(first) << first.error().message;
        return first ? first->offset : 0;
    }
    /// Inserts events as the rows of these offsets, as the loader does; their sessions are those of these events alone.
    static void insert(const std::vector<std::pair<std::uint64_t, event::Event>>& rows, std::uint16_t partition = 0) {
        std::vector<std::string> records(rows.size());
        std::vector<log::StoredEntry> entries;
        for (std::size_t i = 0; i < rows.size(); ++i) {
            event::write_record(rows[i].second, records[i]);
            entries.push_back({{partition, rows[i].first}, log::EntryKind::kEvent, records[i]});
        }
        EventBlocks blocks;
        SessionFold fold;
        const Status built = blocks.build(entries, {}, [&fold](const event::Event& event, std::uint64_t offset) {
            return fold.apply(event, offset);
        });
        ASSERT_TRUE(built) << built.error().message;
        for (auto& [month, block] : blocks.blocks()) {
            const Status done = store().insert(EventBlocks::insert_statement(), block.bytes());
            ASSERT_TRUE(done) << done.error().message;
        }
    }

    /// Writes the sessions of these events, as the loader does.
    void insert_sessions(const std::vector<event::Event>& events, log::Position last = {0, 0}) {
        SessionFold fold;
        std::uint64_t offset = 0;
        for (const event::Event& event : events) fold.apply(event, offset++);
        SessionStore sessions(store(), nullptr);
        const Status done = sessions.insert(fold.take_changes(last.offset), fold.take_aliases(), {0, 0}, last);
        ASSERT_TRUE(done) << done.error().message;
    }

    TestFolder folder_;
    ManualClock clock_{kNow};
    std::unique_ptr<log::DiskLog> log_;
};

/// Events of each type with every field set, each to a value of its own, and the extremes of each kind. What they
/// borrow lives as long as this does.
class SampleEvents {
public:
    SampleEvents() {
        const char* types[] = {"pageview", "event", "identify", "ping", "vitals"};
        for (int i = 0; i < 5; ++i) full(types[i], i);
        longest();
        numbers();
        odd_texts();
        // Nothing but what must be there.
        event::Event& least = add("event");
        least = {};
        least.website_id = "s";
        least.event_type = "event";
        least.timestamp = least.received_at = 1;
        least.event_id.bytes[15] = 1;
        least.visitor_id = 1;
    }
    SampleEvents(const SampleEvents&) = delete;
    SampleEvents& operator=(const SampleEvents&) = delete;

    const std::vector<event::Event>& all() const { return events_; }

private:
    std::string_view keep(const std::string& text) { return arena_.copy(text); }

    event::Event& add(std::string_view type) {
        events_.push_back(numbered(events_.size() + 1));
        events_.back().event_type = type;
        return events_.back();
    }
    // A setter by the field's kind; the value differs from field to field and from round to round.
    void set_string(std::string_view& field, const std::string& name, int round) {
        field = keep(name + " " + std::to_string(round));
    }
    static void set_uuid(Uuid& field, const std::string& name, int round) {
        for (std::size_t i = 0; i < 16; ++i)
            field.bytes[i] = static_cast<unsigned char>(0x10 + 16 * static_cast<std::size_t>(round) + i + name.size());
    }
    static void set_time(std::int64_t& field, const std::string& name, int round) {
        field = kNow - 40 * kDay * round - static_cast<std::int64_t>(name.size()) - 1;
    }
    static void set_hash64(std::uint64_t& field, const std::string& name, int round) {
        field = 0x0123456789abcdefu * static_cast<unsigned>(round + 1) + name.size();
    }
    static void set_bool(bool& field, const std::string& name, int round) { field = (name.size() + round) % 2 == 0; }
    static void set_float(double& field, const std::string& name, int round) {
        field = 1.25 * (round + 1) + static_cast<double>(name.size());
    }
    static void set_decimal(std::int64_t& field, const std::string& name, int round) {
        field = static_cast<std::int64_t>(name.size()) * (round % 2 == 0 ? 12'345 : -12'340);
    }
    static void set_integer(std::uint32_t& field, const std::string& name, int round) {
        field = static_cast<std::uint32_t>(name.size()) + static_cast<std::uint32_t>(round);
    }
    void set_map(event::kind::map& field, const std::string& name, int round) {
        for (int i = 0; i <= round; ++i)
            field.emplace_back(keep(name + std::to_string(i)), keep("value " + std::to_string(round)));
    }
    static void set_ip(event::kind::ip& field, const std::string& name, int round) {
        field = event::parse_ip(round % 2 == 0 ? "2001:db8:12::" : "203.0.113.0").value();
        field[5] = static_cast<unsigned char>(round % 2 == 0 ? name.size() : 0);
    }

    void full(std::string_view type, int round) {
        event::Event& event = add(type);
#define FOOTFALL_FIELD(name, kind_name, column_type) set_##kind_name(event.name, #name, round);
#include "event/fields.inc"
#undef FOOTFALL_FIELD
        event.event_type = type;
    }
    void longest() {
        event::Event& event = add("event");
        // As long as the parser lets them be, and beyond the two bytes of a length.
        event.page = event.referrer = keep(std::string(2'000, 'p'));
        event.title = event.event_label = keep(std::string(500, 't'));
        event.website_id = keep(std::string(1'000, 'w'));
        event.user_id = keep(std::string(200, 'u'));
        event.event_name = keep(std::string(70'000, 'n'));
        for (int i = 0; i < 64; ++i)
            event.properties.emplace_back(keep(std::string(38, 'k') + std::to_string(10 + i)),
                                          keep(std::string(500, 'v')));
    }
    void numbers() {
        constexpr std::int64_t kLargest = 999'999'999'999'999'999;  // of Decimal(18, 4)
        const double values[] = {1.7976931348623157e308,
                                 -1.7976931348623157e308,
                                 5e-324,
                                 -2.2250738585072014e-308,
                                 0.1,
                                 -1.0 / 3,
                                 9007199254740993.0,
                                 -0.0};
        const double vitals[] = {
            3.4028234663852886e38, 1.401298464324817e-45, 0.1, 16'777'217, 86'400, 3'600'000, 100, 1.0 / 3};
        const std::int64_t revenues[] = {kLargest, -kLargest, 1, -1, 10'000, -123'400, 0, 999'999};
        const std::uint64_t visitors[] = {~0ull, 1, 1ull << 63, 0x00ff00ff00ff00ffu, 2, 3, 4, 5};
        for (std::size_t i = 0; i < 8; ++i) {
            event::Event& event = add("vitals");
            event.event_value = values[i];
            event.lcp = event.inp = event.cls = event.fcp = event.ttfb = vitals[i];
            event.time_on_page = event.scroll_depth = vitals[7 - i];
            event.revenue = revenues[i];
            event.visitor_id = visitors[i];
            for (auto& byte : event.pageview_id.bytes) byte = static_cast<unsigned char>(0xff >> i);
        }
        add("ping").timestamp = 1;
        add("ping").timestamp = 951'782'400'000 - 1;                // the last of 2000-02-28
        add("ping").timestamp = 1'709'251'199'999;                  // the last of 2024-02-29
        add("ping").ip = event::parse_ip("ffff::ffff").value();     // as IPv6 …
        add("ping").ip = event::parse_ip("255.255.255.0").value();  // … and mapped
        add("ping").ip = event::parse_ip("::1").value();
    }
    void odd_texts() {
        using namespace std::string_literals;
        const std::string texts[] = {"nul\0in the middle\0"s,
                                     "\0"s,
                                     "Gr\u00f6\u00dfe \u65e5\u672c \U0001f4b6 \u0301",
                                     "tab\tline\nreturn\rend",
                                     "'quoted' \"twice\" `back` \\slash\\",
                                     "'); DROP TABLE footfall.events; --",
                                     "{name:String} %s ${x} \\N NULL",
                                     "\x01\x02\x1f\x7f",
                                     " ",
                                     "=1+1"};
        for (const std::string& text : texts) {
            event::Event& event = add("event");
            event.page = event.title = event.user_id = event.event_name = event.campaign = event.city = keep(text);
            event.properties = {{keep(text), keep(text)}, {keep(text + "2"), ""}, {"", keep(text)}};
        }
    }

    event::Arena arena_;
    std::vector<event::Event> events_;
};

}  // namespace footfall::process
