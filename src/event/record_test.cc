// The golden records, schema/golden/, are what readers in other languages test against too: events.jsonl as the writer
// writes them, unknown.jsonl the same with members that a later writer may add, refused.jsonl what is no record of this
// version, each with the name of the `wrong` member. After a change of the schema: UPDATE_GOLDEN=1 rewrites the first,
// and the diff is reviewed.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "base/file.h"
#include "event/event.h"
#include "event/parse.h"

namespace footfall::event {
namespace {

const std::string kFolder = FOOTFALL_SOURCE_DIR "/schema/golden/";
const std::string kGolden = kFolder + "events.jsonl";

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
    event.bot_lists = "2026-11-27/1.60.0/0.18.0/2026-08-20/-";
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
    event.user_agent = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) \"quoted\"";
    event.sdk = "web/1.0.0";
    event.session_timeout = 120;
    return event;
}

/// What one visitor's browser sends, as it is stored.
Event visit_event(std::string_view type) {
    Event event;
    event.website_id = "shop";
    event.event_id = *parse_uuid("019ac5e1-7a00-7c3e-9f10-5b2d1c0e4a01");
    event.event_type = type;
    event.timestamp = 1795700000000;
    event.received_at = 1795700000412;
    event.visitor_id = 0x3c5f9a0d21e47b68ULL;
    event.hostname = "shop.example";
    event.country = "FR";
    event.region = "Île-de-France";
    event.city = "Paris";
    event.language = "fr-FR";
    event.timezone = "Europe/Paris";
    event.device_type = "desktop";
    event.browser = "Firefox";
    event.browser_version = "140";
    event.os = "Linux";
    event.screen = "1920x1080";
    event.viewport = "1440x900";
    event.screen_class = "laptop";
    event.ip = *parse_ip("198.51.100.0");
    event.sdk = "web/1.0.0";
    if (type != "identify") event.page = "/produits/été";
    if (type == "pageview") {
        event.title = "Été – Boutique";
        event.referrer = "https://www.google.com/";
        event.source = "Google";
        event.medium = "organic";
        event.channel = "Organic Search";
    } else if (type == "event") {
        event.event_name = "purchase";
        event.properties = {{"coupon", ""}, {"plan", "année"}};
        event.revenue = 1'299'000;
        event.currency = "EUR";
    } else if (type == "identify") {
        event.user_id = "client-4711";
        event.properties = {{"plan", "pro"}};
    } else {
        event.pageview_id = event.event_id;
        event.event_id = *parse_uuid("019ac5e1-7a00-7c3e-9f10-5b2d1c0e4a02");
        if (type == "ping") {
            event.time_on_page = 42.5;
            event.scroll_depth = 100;
        } else {
            event.lcp = 1830.4;
            event.inp = 96;
            event.cls = 0.0125;
            event.fcp = 912.25;
            event.ttfb = 180;
        }
    }
    return event;
}

/// The ends of what the fields hold, and text at which readers fail.
Event largest_event() {
    static const std::string page = "/" + std::string(Limits::kUrl - 1, 'p');
    static const std::string value = [] {
        std::string text;
        while (text.size() + 4 <= Limits::kPropertyValue) text += "\U0001F469";
        return text;
    }();
    Event event;
    event.website_id = "s";
    event.event_id = *parse_uuid("ffffffff-ffff-ffff-ffff-ffffffffffff");
    event.event_type = "event";
    event.timestamp = 253402300799999;  // the last millisecond of the year 9999
    event.received_at = 253402300799999;
    event.visitor_id = ~0ULL;
    event.user_id = "\u202e\u2028\ufeff\U0010ffff";
    event.page = page;
    event.title = std::string_view("\0\x01\x1f\x7f\"\\/", 7);
    event.city = "e\u0301 \u05d0 \U0001F469\u200d\U0001F4BB";
    event.event_value = -1.7976931348623157e308;
    event.properties = {{"__proto__", value}};
    event.revenue = 999'999'999'999'999'999;
    event.time_on_page = 3.4028234663852886e38;
    event.cls = 1e-45;
    event.ip = *parse_ip("ffff:ffff:ffff::");
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
    return {full_event(),
            smallest,
            v6,
            visit_event("pageview"),
            visit_event("event"),
            visit_event("identify"),
            visit_event("ping"),
            visit_event("vitals"),
            largest_event()};
}

std::vector<std::string> lines_of(const std::string& path) {
    const std::string text = read_file(path).value();
    std::vector<std::string> lines;
    for (std::size_t at = 0, end = 0; (end = text.find('\n', at)) != std::string::npos; at = end + 1)
        lines.push_back(text.substr(at, end - at));
    return lines;
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
    const auto golden = lines_of(kGolden);
    for (const std::string& record : golden) {
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
    EXPECT_GE(golden.size(), 9u);
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

TEST(RecordTest, GoldenRecordsWithUnknownMembersAreReadAsIfTheyHadNone) {
    RecordReader reader;
    const auto golden = lines_of(kGolden);
    const auto unknown = lines_of(kFolder + "unknown.jsonl");
    EXPECT_GE(unknown.size(), 2u);
    for (const std::string& record : unknown) {
        const auto event = reader.read(record);
        ASSERT_TRUE(event) << record;
        std::string again;
        write_record(*event, again);
        EXPECT_NE(std::find(golden.begin(), golden.end(), again), golden.end()) << record;
    }
}

TEST(RecordTest, GoldenRecordsThatAreWrongAreRefusedByTheNameThatTheyGive) {
    RecordReader reader;
    const auto refused = lines_of(kFolder + "refused.jsonl");
    EXPECT_GE(refused.size(), 10u);
    for (const std::string& record : refused) {
        const auto event = reader.read(record);
        ASSERT_FALSE(event) << record;
        EXPECT_EQ(record.find("{\"wrong\":\"" + event.error().field + "\","), 0u) << event.error().field << record;
    }
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

TEST(AddressTest, IsWrittenAsItIsReadInItsShortForm) {
    for (const char* text :
         {"0.0.0.1", "255.255.255.255", "192.0.2.0", "10.20.30.40", "2001:db8::", "::1", "fe80::1:2"}) {
        const auto ip = parse_ip(text);
        ASSERT_TRUE(ip) << text;
        EXPECT_EQ(format_ip(*ip), text);
    }
    EXPECT_EQ(format_ip(parse_ip("::ffff:192.0.2.7").value()), "192.0.2.7");
    for (const char* text :
         {"", "1.2.3", "1.2.3.4.5", "256.0.0.1", "01.2.3.4", "1.2.3.4 ", "1:2:3", ":::", "::g", "1.2.3.4:80"})
        EXPECT_FALSE(parse_ip(text)) << text;
}

}  // namespace
}  // namespace footfall::event
