// A log of which entries are erased that can't be rewritten, beside one that was.
#include "log/erased_log.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "log/disk/disk_log_fixture.h"

namespace footfall::log {
namespace {

using testing::ElementsAre;

/// What goes is each entry that has this letter; what stays of it is its length.
std::optional<std::string> left_of(const StoredEntry& entry, char letter) {
    if (entry.payload.find(letter) == std::string_view::npos) return std::nullopt;
    return "was " + std::to_string(entry.payload.size());
}

std::vector<std::string> read_all(LogReader& reader, std::size_t entries_at_once) {
    std::vector<std::string> out;
    for (;;) {
        std::vector<StoredEntry> entries;
        const Status read = reader.read(entries, entries_at_once, 1u << 20);
        EXPECT_TRUE(read) << read.error().message;
        if (!read || entries.empty()) return out;
        for (const StoredEntry& entry : entries)
            out.push_back(std::to_string(entry.position.offset) + " " + std::to_string(static_cast<int>(entry.kind)) +
                          " " + std::string(entry.payload));
    }
}

class ErasedLogTest : public testing::Test {
protected:
    static std::string own_directory() {
        return fresh_directory(std::string("erased_") + testing::UnitTest::GetInstance()->current_test_info()->name());
    }
    void erase(char letter, std::uint64_t end) { letters_.push_back({letter, end}); }
    std::vector<std::string> all(std::size_t entries_at_once = 100) {
        auto reader = erased_.reader({});
        EXPECT_TRUE(reader) << reader.error().message;
        return reader ? read_all(**reader, entries_at_once) : std::vector<std::string>();
    }
    bool refresh() {
        const auto is_other = erased_.refresh();
        EXPECT_TRUE(is_other) << is_other.error().message;
        return is_other.value_or(false);
    }
    Result<Erasures> erasures() const {
        if (is_away_) return Error(Code::kUnavailable, "nobody answers");
        Erasures out;
        for (const auto& [letter, end] : letters_) {
            out.version += letter + std::to_string(end);
            out.end = std::max(out.end, end);
        }
        out.begin = [letters = letters_] {
            return Replacement([letters](const StoredEntry& entry) -> std::optional<std::string> {
                for (const auto& [letter, end] : letters)
                    if (entry.position.offset < end)
                        if (auto left = left_of(entry, letter)) return left;
                return std::nullopt;
            });
        };
        return out;
    }

    ManualClock clock_{1'795'500'000'000};
    std::unique_ptr<DiskLog> log_ = open(small(own_directory()), clock_);
    std::vector<std::pair<char, std::uint64_t>> letters_;
    bool is_away_ = false;
    ErasedLog erased_{*log_, [this](std::uint16_t partition) {
                          EXPECT_EQ(partition, 0);
                          return erasures();
                      }};
};

TEST_F(ErasedLogTest, GivesWhatARewrittenLogGives) {
    const auto rewritten = open(small(fresh_directory("erased_rewritten")), clock_);
    for (const auto& log : {log_.get(), rewritten.get()})
        for (const char* payload : {"abc", "de", "ac", "x", "a"})
            ASSERT_TRUE(append(*log, {payload, std::string(payload) + "/2"}));
    erase('a', 8);
    ASSERT_TRUE(refresh());
    ASSERT_TRUE(rewritten->erase(
        {.begin = 0, .end = 8}, [](const StoredEntry& entry) { return left_of(entry, 'a'); }, ErasurePace::kAtOnce));

    auto reader = rewritten->reader({});
    ASSERT_TRUE(reader);
    const std::vector<std::string> expected = read_all(**reader, 100);
    EXPECT_THAT(expected, ElementsAre("0 3 was 3", "1 3 was 5", "2 1 de", "3 1 de/2", "4 3 was 2", "5 3 was 4", "6 1 x",
                                      "7 1 x/2", "8 1 a", "9 1 a/2"))
        << "else the comparison shows nothing";
    for (const std::size_t at_once : {1u, 3u, 100u}) EXPECT_EQ(all(at_once), expected);
    // From a place amid it, and from behind it.
    EXPECT_THAT(read_all(**erased_.reader({0, 5}), 100),
                ElementsAre("5 3 was 4", "6 1 x", "7 1 x/2", "8 1 a", "9 1 a/2"));
    EXPECT_THAT(read_all(**erased_.reader({0, 8}), 100), ElementsAre("8 1 a", "9 1 a/2"));
}

TEST_F(ErasedLogTest, NothingIsErasedBeforeItIsAskedAndReadersKeepToWhatTheyWereMadeWith) {
    ASSERT_TRUE(append(*log_, {"a", "b"}));
    EXPECT_FALSE(refresh()) << "there is nothing yet";
    erase('a', 2);
    EXPECT_THAT(all(), ElementsAre("0 1 a", "1 1 b"));
    auto of_before = erased_.reader({});
    ASSERT_TRUE(of_before);
    EXPECT_TRUE(refresh());
    EXPECT_FALSE(refresh()) << "it is the same";
    EXPECT_THAT(all(), ElementsAre("0 3 was 1", "1 1 b"));
    EXPECT_THAT(read_all(**of_before, 100), ElementsAre("0 1 a", "1 1 b"));

    erase('b', 2);
    is_away_ = true;
    EXPECT_EQ(erased_.refresh().error().code, Code::kUnavailable);
    EXPECT_THAT(all(), ElementsAre("0 3 was 1", "1 1 b")) << "as before";
    is_away_ = false;
    EXPECT_TRUE(refresh());
    EXPECT_THAT(all(), ElementsAre("0 3 was 1", "1 3 was 1"));
    letters_.clear();
    EXPECT_TRUE(refresh());
    EXPECT_THAT(all(), ElementsAre("0 1 a", "1 1 b"));
}

TEST_F(ErasedLogTest, AReaderWaitsForWhatItsLogGets) {
    erase('a', std::numeric_limits<std::uint64_t>::max());
    ASSERT_TRUE(refresh());
    auto reader = erased_.reader({});
    ASSERT_TRUE(reader);
    EXPECT_FALSE((*reader)->wait(erased_, 1));
    ASSERT_TRUE(append(*log_, {"a"}));
    EXPECT_TRUE((*reader)->wait(erased_, 10'000));
    EXPECT_THAT(read_all(**reader, 100), ElementsAre("0 3 was 1"));
    EXPECT_FALSE((*reader)->wait(erased_, 1));
}

}  // namespace
}  // namespace footfall::log
