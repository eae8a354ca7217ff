// Records become rows of the real table, and what is read back is what was recorded.
#include "process/event_block.h"

#include <ctime>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/bytes.h"
#include "process/process_fixture.h"

namespace footfall::process {
namespace {

using testing::ElementsAre;

// What the column must hold, and the expression that reads it: by the kind, written apart from the code under test.
// Texts are compared as their bytes in hex, since an answer of the store is JSON.
std::string hex(std::string_view text) {
    std::string out = to_hex(text);
    for (char& c : out) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    return out;
}
struct Cell {
    std::string sql;
    store::Value value;
};
Cell cell_string(const std::string& name, std::string_view, std::string_view value) {
    return {"hex(" + name + ")", hex(value)};
}
Cell cell_uuid(const std::string& name, std::string_view, const Uuid& value) { return {name, value.text()}; }
Cell cell_time(const std::string& name, std::string_view, std::int64_t value) {
    const auto seconds = static_cast<std::time_t>(value / 1000);
    std::tm fields{};
    ::gmtime_r(&seconds, &fields);
    char text[40];
    const std::size_t size = std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S.", &fields);
    const std::string thousandths = std::to_string(1000 + value % 1000).substr(1);
    return {name, std::string(text, size) + thousandths};
}
Cell cell_hash64(const std::string& name, std::string_view, std::uint64_t value) { return {name, value}; }
Cell cell_integer(const std::string& name, std::string_view, std::uint32_t value) {
    return {name, std::uint64_t{value}};
}
Cell cell_bool(const std::string& name, std::string_view, bool value) { return {name, value}; }
Cell cell_float(const std::string& name, std::string_view column_type, double value) {
    if (column_type == "Float32") return {"toFloat64(" + name + ")", double{static_cast<float>(value)}};
    // Minus zero is written as nothing, which is zero.
    return {name, value == 0 ? 0.0 : value};
}
Cell cell_decimal(const std::string& name, std::string_view, std::int64_t value) {
    const std::string digits = std::to_string(std::abs(value) + 100'000'000'000'000'000'0);
    std::string whole = digits.substr(1, digits.size() - 5);
    whole.erase(0, std::min(whole.find_first_not_of('0'), whole.size() - 1));
    return {"toDecimalString(" + name + ", 4)",
            (value < 0 ? "-" : "") + whole + "." + digits.substr(digits.size() - 4)};
}
Cell cell_map(const std::string& name, std::string_view, const event::kind::map& value) {
    std::string text;
    for (const auto& [key, one] : value) text += hex(key) + "=" + hex(one) + ",";
    return {"arrayStringConcat(arrayMap((k, v) -> concat(hex(k), '=', hex(v), ','), mapKeys(" + name + "), mapValues(" +
                name + ")))",
            text};
}
Cell cell_ip(const std::string& name, std::string_view, const event::kind::ip& value) {
    return {"hex(" + name + ")", hex({reinterpret_cast<const char*>(value.data()), value.size()})};
}

struct Field {
    std::string name;
    Cell (*cell)(const event::Event&);
};
const Field kFields[] = {
#define FOOTFALL_FIELD(name, kind_name, column_type) \
    {#name, [](const event::Event& event) { return cell_##kind_name(#name, column_type, event.name); }},
#include "event/fields.inc"
#undef FOOTFALL_FIELD
};

class EventBlockTest : public ProcessTest {
protected:
    static std::vector<log::StoredEntry> entries_of(const std::vector<event::Event>& events,
                                                    std::vector<std::string>& records, std::uint64_t first = 0) {
        std::vector<log::StoredEntry> entries;
        records.resize(events.size());
        for (std::size_t i = 0; i < events.size(); ++i) {
            records[i].clear();
            event::write_record(events[i], records[i]);
            entries.push_back({{0, first + i}, log::EntryKind::kEvent, records[i]});
        }
        return entries;
    }
    static std::vector<int> months(EventBlocks& blocks) {
        std::vector<int> out;
        for (auto& [month, block] : blocks.blocks())
            if (block.rows() > 0) out.push_back(month);
        return out;
    }
};

TEST_F(EventBlockTest, EveryFieldOfEveryTypeComesBackFromTheEngineAsItWasRecorded) {
    const SampleEvents samples;
    constexpr std::uint64_t kFirst = 18'000'000'000'000'000'000u;
    std::vector<std::pair<std::uint64_t, event::Event>> rows;
    for (const event::Event& event : samples.all()) rows.emplace_back(kFirst + rows.size(), event);
    ASSERT_NO_FATAL_FAILURE(insert(rows, 65'535));
    std::string sql = "SELECT log_partition, log_offset";
    for (const Field& field : kFields) sql += ", " + field.cell(event::Event()).sql;
    const auto answer = store().query({.sql = sql + " FROM footfall.events ORDER BY log_offset"});
    ASSERT_TRUE(answer) << answer.error().message;
    ASSERT_EQ(answer->rows.size(), rows.size());
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const auto& row = answer->rows[i];
        EXPECT_EQ(row[0], store::Value(std::uint64_t{65'535}));
        EXPECT_EQ(row[1], store::Value(rows[i].first));
        for (std::size_t f = 0; f < std::size(kFields); ++f) {
            store::Value expected = kFields[f].cell(rows[i].second).value;
            store::Value got = row[2 + f];
            // A whole number of a Float64 may come as an integer; the column's type has been asserted by the insert.
            if (std::holds_alternative<double>(expected)) {
                if (const auto* whole = std::get_if<std::uint64_t>(&got)) got = static_cast<double>(*whole);
                if (const auto* whole = std::get_if<std::int64_t>(&got)) got = static_cast<double>(*whole);
            }
            EXPECT_EQ(got, expected) << kFields[f].name << " of sample " << i;
        }
    }
}

TEST_F(EventBlockTest, EachInstantGoesToTheBlockOfTheEnginesPartition) {
    std::vector<std::int64_t> instants = {1, 4'102'444'800'000 - 1, 4'102'444'800'000};  // 2100, no leap year
    for (const std::int64_t first_of_month : {5'097'600'000,                             // 1970-03-01
                                              951'868'800'000,       // 2000-03-01, behind a leap day
                                              1'709'251'200'000,     // 2024-03-01
                                              1'740'787'200'000,     // 2025-03-01
                                              1'767'225'600'000,     // 2026-01-01
                                              1'798'761'600'000,     // 2027-01-01
                                              4'107'542'400'000}) {  // 2100-03-01
        instants.push_back(first_of_month - kDay);
        instants.push_back(first_of_month - 1);
        instants.push_back(first_of_month);
    }
    EventBlocks blocks;
    for (const std::int64_t instant : instants) {
        std::vector<std::string> records;
        ASSERT_TRUE(blocks.build(entries_of({numbered(1, instant)}, records)));
        const auto expected =
            ask("SELECT toYYYYMM(fromUnixTimestamp64Milli(toInt64(" + std::to_string(instant) + "), 'UTC'))");
        EXPECT_THAT(months(blocks), ElementsAre(std::stoi(expected.at(0)))) << instant;
    }
}

TEST_F(EventBlockTest, ABlockOfAMonthIsOnePart) {
    std::vector<std::pair<std::uint64_t, event::Event>> rows;
    for (std::uint64_t i = 0; i < 90; ++i)
        rows.emplace_back(i, numbered(i, kNow - static_cast<std::int64_t>(i % 3) * 31 * kDay));
    execute("SYSTEM STOP MERGES footfall.events");
    ASSERT_NO_FATAL_FAILURE(insert(rows));
    EXPECT_THAT(ask("SELECT _partition_id, count() FROM footfall.events GROUP BY _part, _partition_id ORDER BY 1"),
                ElementsAre("202609 30", "202610 30", "202611 30"));
}

TEST_F(EventBlockTest, OffsetsThatAreThereAndEntriesThatAreNoEventsAreLeftOut) {
    std::vector<event::Event> events;
    for (std::uint64_t i = 0; i < 10; ++i) events.push_back(numbered(i, i < 5 ? kNow : kNow - 31 * kDay));
    for (std::size_t i = 0; i < 10; ++i) events[i].received_at = kNow + static_cast<std::int64_t>(i);
    std::vector<std::string> records;
    auto entries = entries_of(events, records, 100);
    entries[3].kind = log::EntryKind::kTally;
    entries[3].payload = R"({"website_id":"a","duplicates":1,"rejected":{}})";
    entries[4].kind = log::EntryKind::kErased;
    EventBlocks blocks;
    const std::vector<std::uint64_t> without = {100, 102, 109};
    ASSERT_TRUE(blocks.build(entries, without));
    EXPECT_EQ(blocks.rows(), 5u);
    EXPECT_EQ(blocks.newest_received_ms(), kNow + 8) << "of the rows that are in it";
    for (auto& [month, block] : blocks.blocks())
        ASSERT_TRUE(store().insert(EventBlocks::insert_statement(), block.bytes()));
    EXPECT_EQ(offsets(), (std::vector<std::uint64_t>{101, 105, 106, 107, 108}));
}

TEST_F(EventBlockTest, BuffersAreUsedAgainWithoutAnythingOfTheLastBatch) {
    EventBlocks blocks;
    std::vector<std::string> records;
    std::vector<event::Event> first;
    for (std::uint64_t i = 0; i < 100; ++i)
        first.push_back(numbered(i, kNow - static_cast<std::int64_t>(i) * 31 * kDay));
    ASSERT_TRUE(blocks.build(entries_of(first, records)));
    EXPECT_EQ(blocks.rows(), 100u);
    ASSERT_TRUE(blocks.build(entries_of({numbered(7)}, records)));
    EXPECT_EQ(blocks.rows(), 1u);
    EXPECT_THAT(months(blocks), ElementsAre(202611));
    EXPECT_EQ(std::string(blocks.blocks().at(202611).bytes()), std::string(blocks.blocks().at(202611).bytes()));
    ASSERT_TRUE(blocks.build({}));
    EXPECT_LE(blocks.blocks().size(), 1u) << "months that do not occur are let go";
    EXPECT_EQ(blocks.rows(), 0u);
    EXPECT_EQ(blocks.newest_received_ms(), 0);
}

TEST_F(EventBlockTest, ARecordThatIsNoneOfOursIsLeftOutAndOneOfAHigherVersionWaitsForANewerProgram) {
    EventBlocks blocks;
    std::vector<std::string> records;
    auto entries = entries_of({numbered(1), numbered(2), numbered(3)}, records);
    for (const char* broken : {"{", "[]", R"({"v":1,"timestamp":"x"})"}) {
        entries[1].payload = broken;
        ASSERT_TRUE(blocks.build(entries)) << broken;
        EXPECT_EQ(blocks.rows(), 2u) << broken;
    }
    entries[1].payload = R"({"v":2,"website_id":"a"})";
    const Status built = blocks.build(entries);
    ASSERT_FALSE(built);
    EXPECT_EQ(built.error().code, Code::kCorrupt);
    entries[1].payload = records[1];
    ASSERT_TRUE(blocks.build(entries));
    EXPECT_EQ(blocks.rows(), 3u);
}

}  // namespace
}  // namespace footfall::process
