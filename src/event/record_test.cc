// The record's golden file, schema/golden/events.jsonl, is what readers in other languages test against too. After a
// change of the schema: UPDATE_GOLDEN=1 rewrites it, and the diff is reviewed.
#include <gtest/gtest.h>

#include <cstdlib>

#include "base/file.h"
#include "event/event.h"

namespace footfall::event {
namespace {

const std::string kGolden = FOOTFALL_SOURCE_DIR "/schema/golden/events.jsonl";

Event full_event() {
    Event event;
    event.website_id = "site-1";
    event.event_id = *parse_uuid("018f2e6a-0000-7123-8abc-0123456789ab");
    event.event_type = "pageview";
    event.timestamp = 1795500000000;
    event.received_at = 1795500000123;
    event.visitor_id = 0x00ff00ff00ff00ffULL;
    event.user_id = "user \"quoted\" \\ back\tslash";
    event.session_id = "s-1";
    event.page = "/pricing/größe/日本";
    event.title = "Pricing \xf0\x9f\x92\xb6\n<script>";
    event.hostname = "site.example";
    event.referrer = "https://news.example/";
    event.source = "news";
    event.medium = "email";
    event.campaign = "spring";
    event.term = "t";
    event.content = "c";
    event.channel = "Email";
    event.click_id = "gclid";
    event.country = "DE";
    event.region = "Bavaria";
    event.city = "München";
    event.language = "de-DE";
    event.timezone = "Europe/Berlin";
    event.device_type = "mobile";
    event.browser = "Firefox";
    event.browser_version = "140";
    event.os = "Android";
    event.os_version = "16";
    event.screen = "390x844";
    event.viewport = "390x700";
    event.screen_class = "mobile";
    event.is_bot = true;
    event.bot_reason = "ua:headless";
    event.event_name = "buy";
    event.event_category = "shop";
    event.event_action = "click";
    event.event_label = "blue";
    event.event_value = -1.5;
    event.non_interactive = true;
    event.properties = {{"plan", "pro"}, {"seats", "5"}};
    event.revenue = 199'900;
    event.currency = "EUR";
    event.pageview_id = *parse_uuid("018f2e6a-0000-7123-8abc-0123456789ac");
    event.time_on_page = 12.25;
    event.scroll_depth = 80;
    event.lcp = 1234.5;
    event.inp = 56;
    event.cls = 0.125;
    event.fcp = 800;
    event.ttfb = 90;
    event.ip = *parse_ip("203.0.113.0");
    event.sdk = "web/1.0.0";
    return event;
}

std::vector<Event> golden_events() {
    Event smallest;
    smallest.website_id = "s";
    smallest.event_id = *parse_uuid("018f2e6a-0000-7123-8abc-0123456789ad");
    smallest.event_type = "event";
    smallest.timestamp = 1;
    smallest.received_at = 1795500000000;
    smallest.visitor_id = ~0ULL;
    Event v6 = smallest;
    v6.ip = *parse_ip("2001:db8:1::");
    v6.revenue = -5;
    return {full_event(), smallest, v6};
}

TEST(RecordTest, GoldenFileHoldsExactlyWhatTheWriterWrites) {
    std::string written;
    for (const Event& event : golden_events()) {
        write_record(event, written);
        written += "\n";
    }
    if (std::getenv("UPDATE_GOLDEN") != nullptr) {
        ASSERT_TRUE(write_file_atomically(kGolden, written, 0644));
    }
    EXPECT_EQ(read_file(kGolden).value(), written);
}

TEST(RecordTest, EveryFieldOfTheGoldenRecordsReadsBack) {
    RecordReader reader;
    for (const Event& event : golden_events()) {
        std::string first;
        write_record(event, first);
        const auto read = reader.read(first);
        ASSERT_TRUE(read) << read.error().message << " " << read.error().field;
#define FOOTFALL_FIELD(name, kind_name, column_type) EXPECT_EQ(read->name, event.name) << #name;
#include "event/fields.inc"
#undef FOOTFALL_FIELD
    }
}

TEST(RecordTest, APartIsThatOfTheWholeRecord) {
    RecordReader whole_reader;
    RecordReader head_reader;
    const std::string golden = read_file(kGolden).value();
    std::size_t records = 0;
    for (std::size_t at = 0, end = 0; (end = golden.find('\n', at)) != std::string::npos; at = end + 1, ++records) {
        const std::string_view record = std::string_view(golden).substr(at, end - at);
        const Event whole = whole_reader.read(record).value();
        const Event head = head_reader.read(record, ReadTo::kUserId).value();
        EXPECT_EQ(head.website_id, whole.website_id) << record;
        EXPECT_EQ(head.event_id, whole.event_id) << record;
        EXPECT_EQ(head.event_type, whole.event_type) << record;
        EXPECT_EQ(head.timestamp, whole.timestamp) << record;
        EXPECT_EQ(head.received_at, whole.received_at) << record;
        EXPECT_EQ(head.visitor_id, whole.visitor_id) << record;
        EXPECT_EQ(head.user_id, whole.user_id) << record;
        EXPECT_EQ(head.page, "") << record;
        const Event most = head_reader.read(record, ReadTo::kEventName).value();
        EXPECT_EQ(most.user_id, whole.user_id) << record;
        EXPECT_EQ(most.country, whole.country) << record;
        EXPECT_EQ(most.is_bot, whole.is_bot) << record;
        EXPECT_EQ(most.event_name, whole.event_name) << record;
        EXPECT_EQ(most.event_category, "") << record;
        EXPECT_EQ(most.sdk, "") << record;
    }
    EXPECT_GE(records, 3u);
    for (const char* bad : {"", "[]", "{", R"({"v":2})", R"({"v":1,"website_id":5})", R"({"v":1,"event_id":"x"})",
                            R"({"v":1,"received_at":"1"})", R"({"v":1,"visitor_id":"g"})"})
        EXPECT_EQ(head_reader.read(bad, ReadTo::kUserId).error().code, Code::kCorrupt) << bad;
}

TEST(RecordTest, FullRecordLeavesNoFieldAtItsZeroValue) {
    // Otherwise a new field would be in no golden record, and the test above would prove nothing of it.
    const Event event = full_event();
    const Event zero;
#define FOOTFALL_FIELD(name, kind_name, column_type) EXPECT_NE(event.name, zero.name) << #name;
#include "event/fields.inc"
#undef FOOTFALL_FIELD
}

TEST(RecordTest, UnknownMembersAreIgnoredInAnyOrder) {
    RecordReader reader;
    const auto event = reader.read(R"({"v":1,"page":"/a","new_member":{"x":[1]},"website_id":"s","title":"t"})");
    ASSERT_TRUE(event);
    EXPECT_EQ(event->page, "/a");
    EXPECT_EQ(event->website_id, "s");
    EXPECT_EQ(event->title, "t");
}

TEST(RecordTest, HigherVersionAndWrongKindsAreRefusedByName) {
    RecordReader reader;
    EXPECT_EQ(reader.read(R"({"v":2,"page":"/a"})").error().field, "v");
    EXPECT_EQ(reader.read(R"({"v":1,"page":5})").error().field, "page");
    EXPECT_EQ(reader.read(R"({"v":1,"visitor_id":"xyz"})").error().field, "visitor_id");
    EXPECT_EQ(reader.read("[1]").error().code, Code::kCorrupt);
}

TEST(DecimalTest, ReadsExactlyAndRoundsTheFifthDecimal) {
    const std::pair<const char*, std::optional<std::int64_t>> cases[] = {
        {"0", 0},
        {"19.99", 199'900},
        {"-0.0001", -1},
        {"1.00005", 10'001},
        {"-1.00005", -10'001},
        {"1.00004", 10'000},
        {"99999999999999.9999", 999'999'999'999'999'999},
        {"99999999999999.99994", 999'999'999'999'999'999},
        {"100000000000000", std::nullopt},
        {"99999999999999.99995", std::nullopt},  // rounded it would have 15 digits, which no reader takes
        {"-99999999999999.99995", std::nullopt},
        {"", std::nullopt},
        {"1.", std::nullopt},
        {".5", std::nullopt},
        {"1e3", std::nullopt},
        {"1,5", std::nullopt},
        {"--1", std::nullopt},
        {"000000000000000001", 10'000},
    };
    for (const auto& [text, value] : cases) EXPECT_EQ(parse_decimal(text), value) << text;
    for (const std::int64_t value : {0L, 1L, -1L, 199'900L, 10'000L, 999'999'999'999'999'999L})
        EXPECT_EQ(parse_decimal(format_decimal(value)), value);
}

}  // namespace
}  // namespace footfall::event
