// Every case of uap-core's own tests against the rules that are installed: tests/uap-core/ holds those of the same
// version.
#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include <string>

#include "enrich/user_agent.h"

namespace footfall::enrich {
namespace {

constexpr std::string_view kFolder = FOOTFALL_SOURCE_DIR "/tests/uap-core/";

const UserAgentRules& rules() {
    static const UserAgentRules loaded = [] {
        auto result = UserAgentRules::load(FOOTFALL_NODE_MODULES "/uap-core/regexes.yaml");
        FOOTFALL_CHECK(result.has_value() && "uap-core is not installed: run scripts/install");
        return std::move(*result);
    }();
    return loaded;
}

std::string text_of(const YAML::Node& node) { return node && !node.IsNull() ? node.as<std::string>() : std::string(); }

/// uap-core's own word for what no rule knows.
std::string or_other(const std::string& family) { return family.empty() ? "Other" : family; }

/// Calls `check(user agent, family, case)` for each case of a file and returns their number.
template <class Check>
std::size_t for_each_case(std::string_view file, Check check) {
    std::size_t count = 0;
    for (const YAML::Node& one : YAML::LoadFile(std::string(kFolder).append(file))["test_cases"]) {
        const std::string user_agent = text_of(one["user_agent_string"]);
        SCOPED_TRACE(user_agent);
        check(user_agent, text_of(one["family"]), one);
        ++count;
    }
    return count;
}

TEST(UapCoreTest, EveryBrowserOfItsTestsIsRead) {
    const std::size_t cases =
        for_each_case("test_ua.yaml", [](const std::string& text, const std::string& family, const YAML::Node& one) {
            const UserAgent read = rules().parse(text);
            EXPECT_EQ(or_other(read.browser), family);
            EXPECT_EQ(read.browser_version, text_of(one["major"]));
        });
    EXPECT_EQ(cases, 1'430u);
}

TEST(UapCoreTest, EverySystemOfItsTestsIsRead) {
    const std::size_t cases =
        for_each_case("test_os.yaml", [](const std::string& text, const std::string& family, const YAML::Node& one) {
            const UserAgent read = rules().parse(text);
            EXPECT_EQ(or_other(read.os), family);
            const std::string major = text_of(one["major"]);
            // Some systems are known by their minor number too; see os_version().
            if (read.os_version != major) {
                EXPECT_EQ(read.os_version, major + "." + text_of(one["minor"]));
            }
        });
    EXPECT_EQ(cases, 462u);
}

TEST(UapCoreTest, EverySpiderOfItsTestsIsASpider) {
    const std::size_t cases = for_each_case("test_device_spiders.yaml",
                                            [](const std::string& text, const std::string& family, const YAML::Node&) {
                                                EXPECT_EQ(family, "Spider");
                                                EXPECT_TRUE(rules().parse(text).is_spider);
                                            });
    EXPECT_EQ(cases, 70u);
}

}  // namespace
}  // namespace footfall::enrich
