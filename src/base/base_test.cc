#include <gtest/gtest.h>

#include <filesystem>

#include "base/bytes.h"
#include "base/file.h"
#include "base/json.h"
#include "base/metrics.h"
#include "base/sha256.h"
#include "base/uuid.h"

namespace footfall {
namespace {

TEST(BytesTest, Crc32cGivesThePublishedCheckValue) {
    EXPECT_EQ(crc32c("123456789"), 0xE3069283u);
    EXPECT_EQ(crc32c(""), 0u);
    // In two steps it is the same as in one: the log sums header and payload apart.
    EXPECT_EQ(crc32c("6789", crc32c("12345")), 0xE3069283u);
}

TEST(BytesTest, VarintReadsBackAndRefusesWhatIsCutShort) {
    for (const std::uint64_t value : {0ull, 127ull, 128ull, 300ull, ~0ull}) {
        std::string text;
        put_varint(text, value);
        std::string_view in = text;
        EXPECT_EQ(take_varint(in), value);
        EXPECT_TRUE(in.empty());
        std::string_view cut = std::string_view(text).substr(0, text.size() - 1);
        EXPECT_FALSE(take_varint(cut).has_value());
    }
}

TEST(BytesTest, Sha256GivesThePublishedValue) {
    const auto digest = sha256("abc");
    EXPECT_EQ(to_hex({reinterpret_cast<const char*>(digest.data()), digest.size()}),
              "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(BytesTest, Sha256OfPartsIsThatOfTheWhole) {
    Sha256 parts;
    parts.update("a");
    parts.update("");
    parts.update("bc");
    const auto whole = sha256("abc");
    EXPECT_EQ(parts.finish_hex(), to_hex({reinterpret_cast<const char*>(whole.data()), whole.size()}));
}

TEST(BytesTest, Sha1AndBase64GiveThePublishedValues) {
    // RFC 3174 section 7.3, RFC 4648 section 10.
    const auto digest = sha1("abc");
    EXPECT_EQ(to_hex({reinterpret_cast<const char*>(digest.data()), digest.size()}),
              "a9993e364706816aba3e25717850c26c9cd0d89d");
    const char* const words[] = {"", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"};
    for (std::size_t i = 0; i < std::size(words); ++i)
        EXPECT_EQ(base64(std::string_view("foobar").substr(0, i)), words[i]);
    for (std::size_t i = 0; i < std::size(words); ++i)
        EXPECT_EQ(from_base64(words[i]), std::string("foobar").substr(0, i));
    EXPECT_EQ(from_base64("+/8="), "\xfb\xff");
    for (const char* const other : {"Zg", "Zg=", "Z===", "====", "Zh==", "Zm9v====", "Zg==Zg==", "Zm-v", "Zm9v\n"})
        EXPECT_EQ(from_base64(other), std::nullopt) << other;
    EXPECT_EQ(base64("\xfb\xff"), "+/8=");
    EXPECT_EQ(base64url("\xfb\xff"), "-_8");
}

TEST(UuidTest, ReadsBothCasesAndCarriesItsTime) {
    const auto uuid = parse_uuid("018F2E6A-0000-7123-8abc-0123456789ab");
    ASSERT_TRUE(uuid.has_value());
    EXPECT_EQ(uuid->text(), "018f2e6a-0000-7123-8abc-0123456789ab");
    EXPECT_EQ(uuid->time_ms(), 0x018f2e6a0000);
    for (const char* wrong :
         {"", "018f2e6a", "018f2e6a-0000-7123-8abc-0123456789ag", "018f2e6a00000-7123-8abc-0123456789ab"})
        EXPECT_FALSE(parse_uuid(wrong).has_value()) << wrong;
    const Uuid made = make_uuid_v7(1795500000000);
    EXPECT_EQ(made.time_ms(), 1795500000000);
    EXPECT_EQ(made.version(), 7);
}

TEST(JsonTest, EscapesWhatCouldBreakALineOrAString) {
    std::string out;
    json::append_string(out, "a\"b\\c\n\x1b[31m\x7f");
    EXPECT_EQ(out, "\"a\\\"b\\\\c\\n\\u001b[31m\\u007f\"");
}

TEST(JsonTest, PlacesCommasInNestedValues) {
    std::string out;
    json::Writer writer(out);
    writer.begin_object();
    writer.member("a", 1);
    writer.key("b");
    writer.begin_array();
    writer.number(1.5);
    writer.null();
    writer.begin_object();
    writer.end_object();
    writer.end_array();
    writer.member("c", true);
    writer.end_object();
    EXPECT_EQ(out, R"({"a":1,"b":[1.5,null,{}],"c":true})");
}

TEST(FileTest, AtomicWriteReplacesAndReadsBack) {
    const std::string dir = testing::TempDir() + "footfall_file_test";
    std::filesystem::remove_all(dir);
    ASSERT_TRUE(make_directories(dir + "/a/b"));
    const std::string path = dir + "/a/b/file";
    ASSERT_TRUE(write_file_atomically(path, "one"));
    ASSERT_TRUE(write_file_atomically(path, "two"));
    EXPECT_EQ(read_file(path).value(), "two");
    EXPECT_EQ(list_directory(dir + "/a/b").value(), std::vector<std::string>{"file"});
    EXPECT_EQ(read_file(dir + "/missing").error().code, Code::kIo);
}

TEST(FileTest, SecondHolderOfALockIsTurnedAwayWithTheFirstOnesProcessId) {
    const std::string path = testing::TempDir() + "footfall_lock_test";
    auto first = LockFile::acquire(path, 0);
    ASSERT_TRUE(first) << first.error().message;
    const auto second = LockFile::acquire(path, 0);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, Code::kConflict);
    EXPECT_NE(second.error().message.find(std::to_string(getpid())), std::string::npos);
}

TEST(MetricsTest, HistogramPutsEachDurationBelowTheEdgeThatNamesIt) {
    auto& histogram = metrics::histogram("test_seconds", "test");
    for (int i = 0; i < 99; ++i) histogram.observe_ns(3'000);  // 3 µs: bucket up to 4 µs
    histogram.observe_ns(1'500'000);                           // 1.5 ms: bucket up to 2.048 ms
    EXPECT_DOUBLE_EQ(histogram.quantile(0.5), 4e-6);
    EXPECT_DOUBLE_EQ(histogram.quantile(1.0), 2048e-6);
    EXPECT_NE(metrics::render().find("test_seconds_count 100"), std::string::npos);
}

}  // namespace
}  // namespace footfall
