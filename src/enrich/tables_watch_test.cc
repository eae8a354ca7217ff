#include "enrich/tables_watch.h"

#include <gtest/gtest.h>

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <string>

#include "base/file.h"
#include "base/metrics.h"

namespace footfall::enrich {
namespace {

using When = TablesWatch::When;

class TablesWatchTest : public testing::Test {
protected:
    TablesWatchTest() {
        std::filesystem::remove_all(folder_);
        std::filesystem::create_directories(folder_);
        files_.networks = folder_ + "/networks.txt";
        files_.crawlers = folder_ + "/crawlers.json";
        write(files_.networks, "# version: 1\n203.0.113.0/24\n");
        write(files_.crawlers, R"([{"pattern": "SomeCrawler"}])");
        auto loaded = Tables::load(files_);
        FOOTFALL_CHECK(loaded.has_value());
        loaded_ = *loaded;
        watch_.emplace(files_, BotOptions{}, loaded_);
    }
    static void write(const std::string& path, std::string_view text) {
        FOOTFALL_CHECK(write_file_atomically(path, text).has_value());
    }
    static std::uint64_t reloads(std::string_view result) {
        return metrics::counter("footfall_enrich_reloads_total", "", "result=\"" + std::string(result) + "\"").value();
    }
    static std::string version_of(const Tables& tables, std::string_view name) {
        for (const ListInfo& list : tables.lists())
            if (list.name == name) return list.version;
        return {};
    }

    const std::string folder_ = testing::TempDir() + "/tables_watch_" + std::to_string(::getpid());
    DataFiles files_;
    std::shared_ptr<const Tables> loaded_;
    std::optional<TablesWatch> watch_;
};

TEST_F(TablesWatchTest, FilesThatAreTheSameAreNotLoadedAgain) {
    for (int i = 0; i < 3; ++i) {
        const auto looked = watch_->look(When::kSettled);
        ASSERT_TRUE(looked);
        EXPECT_EQ(*looked, nullptr);
    }
}

TEST_F(TablesWatchTest, AFileThatWasReplacedIsLoadedOnceItIsTheSameAtTwoLooks) {
    const std::uint64_t before = reloads("ok");
    write(files_.networks, "# version: 2\n198.51.100.0/24\n");
    auto looked = watch_->look(When::kSettled);
    ASSERT_TRUE(looked);
    EXPECT_EQ(*looked, nullptr) << "somebody may be writing it";
    looked = watch_->look(When::kSettled);
    ASSERT_TRUE(looked) << looked.error().message;
    ASSERT_NE(*looked, nullptr);
    EXPECT_EQ(version_of(**looked, "datacenter_networks"), "2");
    EXPECT_EQ(reloads("ok"), before + 1);
    looked = watch_->look(When::kSettled);
    ASSERT_TRUE(looked);
    EXPECT_EQ(*looked, nullptr);
}

TEST_F(TablesWatchTest, WhoAsksIsNotKeptWaiting) {
    write(files_.networks, "# version: 2\n198.51.100.0/24\n");
    const auto looked = watch_->look(When::kNow);
    ASSERT_TRUE(looked && *looked);
    EXPECT_EQ(version_of(**looked, "datacenter_networks"), "2");
}

TEST_F(TablesWatchTest, WhatIsBrokenOrGoneLeavesTheFormerInUseAndIsSaidOnce) {
    const std::uint64_t before = reloads("failed");
    write(files_.networks, "not a network\n");
    ASSERT_TRUE(watch_->look(When::kSettled));
    auto looked = watch_->look(When::kSettled);
    ASSERT_FALSE(looked);
    EXPECT_NE(looked.error().message.find(files_.networks), std::string::npos) << looked.error().message;
    looked = watch_->look(When::kSettled);
    ASSERT_TRUE(looked) << "it was said";
    EXPECT_EQ(*looked, nullptr);
    ASSERT_TRUE(remove_file(files_.networks));
    EXPECT_FALSE(watch_->look(When::kNow));
    EXPECT_EQ(reloads("failed"), before + 2);
    write(files_.networks, "# version: 3\n198.51.100.0/24\n");
    looked = watch_->look(When::kNow);
    ASSERT_TRUE(looked && *looked);
    EXPECT_EQ(version_of(**looked, "datacenter_networks"), "3");
}

TEST_F(TablesWatchTest, AFileThatIsFoundByItselfTakesNothingAwayWhenItBreaks) {
    DataFiles found{.directories = {folder_}};
    const std::string path = folder_ + "/crawler-user-agents/crawler-user-agents.json";
    ASSERT_TRUE(make_directories(folder_ + "/crawler-user-agents"));
    write(path, R"([{"pattern": "SomeCrawler"}])");
    auto loaded = Tables::load(found);
    ASSERT_TRUE(loaded);
    TablesWatch watch(found, {}, *loaded);
    write(path, "[{");
    EXPECT_FALSE(watch.look(When::kNow));
    ASSERT_TRUE(remove_file(path));
    EXPECT_FALSE(watch.look(When::kNow));
}

TEST_F(TablesWatchTest, AnEnricherJudgesByTheNewTablesFromTheNextEventOn) {
    constexpr std::int64_t kNow = 1'795'500'000'000;
    constexpr std::string_view kAgent = "Mozilla/5.0 SomeCrawler/1.0";
    Identity identity{[](std::int64_t) -> Result<Salt> { return Salt{}; }};
    ASSERT_TRUE(identity.prepare(kNow));
    ManualClock clock{kNow};
    Enricher enricher(loaded_, identity, clock);
    event::Arena arena;
    const auto reason = [&] {
        event::Event event;
        event.website_id = "site";
        event.event_type = "pageview";
        enricher.enrich(event, {.user_agent = kAgent, .receive_ms = kNow}, {}, arena);
        return std::string(event.bot_reason);
    };
    EXPECT_EQ(reason(), "ua:crawler-list");
    write(files_.crawlers, R"([{"pattern": "AnotherCrawler"}])");
    const auto looked = watch_->look(When::kNow);
    ASSERT_TRUE(looked && *looked);
    loaded_.reset();
    enricher.use(*looked);
    EXPECT_EQ(reason(), "") << "nothing of the former is remembered";
}

TEST_F(TablesWatchTest, ListsSayWhereTheyAreFrom) {
    const auto& lists = loaded_->lists();
    for (const char* name :
         {"bots.json", "sources.json", "referrer_spam.txt", "datacenter_networks", "crawler-user-agents"}) {
        const auto list =
            std::find_if(lists.begin(), lists.end(), [&](const ListInfo& one) { return one.name == name; });
        ASSERT_NE(list, lists.end()) << name;
        EXPECT_FALSE(list->version.empty()) << name;
        EXPECT_GT(list->entries, 0u) << name;
    }
}

}  // namespace
}  // namespace footfall::enrich
