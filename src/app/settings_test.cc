#include "app/settings.h"

#include <gtest/gtest.h>

#include "app/args.h"
#include "base/file.h"

namespace footfall::app {
namespace {

std::string toml(const std::string& content) {
    const std::string path = testing::TempDir() + "footfall_settings_test.toml";
    EXPECT_TRUE(write_file_atomically(path, content));
    return path;
}

TEST(SettingsTest, LaterPlacesWin) {
    const std::string path = toml("[http]\nlisten = \"1.1.1.1:1\"\nloops = 2\n[query]\ntimeout_ms = 500\n");
    const auto settings =
        load_settings(path, {{"FOOTFALL_HTTP_LISTEN", "2.2.2.2:2"}, {"FOOTFALL_HTTP_LOOPS", "3"}, {"PATH", "x"}},
                      {{"http.loops", "4"}});
    ASSERT_TRUE(settings) << settings.error().message;
    EXPECT_EQ(settings->query_timeout_ms, 500);
    EXPECT_EQ(settings->http_listen, "2.2.2.2:2");
    EXPECT_EQ(settings->http_loops, 4);
    EXPECT_EQ(settings->data_dir, "data");
}

TEST(SettingsTest, UnknownKeysAreErrorsThatNameTheNearest) {
    const auto in_file = load_settings(toml("[http]\nlisen = \"x\"\n"), {}, {});
    ASSERT_FALSE(in_file);
    EXPECT_EQ(in_file.error().did_you_mean, "http.listen");
    const auto in_environment = load_settings("", {{"FOOTFALL_HTTP_LISTN", "x"}}, {});
    ASSERT_FALSE(in_environment);
    EXPECT_EQ(in_environment.error().did_you_mean, "http.listen");
    EXPECT_TRUE(load_settings("", {{"FOOTFALL_FAILPOINTS", "x=y"}}, {}));
    EXPECT_FALSE(load_settings(toml("listen = 1\n"), {}, {}));
    EXPECT_FALSE(load_settings("", {}, {{"nothing.here", "1"}}));
}

TEST(SettingsTest, AVariableThatIsNearlyASettingIsNamedAndOthersAreSomebodyElses) {
    using Names = std::map<std::string, std::string>;
    const Names misspelt = {{"FOOTFALL_QUREY_TIMEOUT_MS", "5"},
                            {"FOOTFALL_DTA_DIR", "/srv"},
                            {"FOOTFALL_HTPP_LISTEN", "x"},
                            {"FOOTFALL_INJEST_QUEUE_BYTES_MAX", "x"}};
    ASSERT_TRUE(load_settings("", misspelt, {}));
    EXPECT_EQ(misspelt_variables(misspelt), (Names{{"FOOTFALL_QUREY_TIMEOUT_MS", "query.timeout_ms"},
                                                   {"FOOTFALL_DTA_DIR", "data.dir"},
                                                   {"FOOTFALL_HTPP_LISTEN", "http.listen"},
                                                   {"FOOTFALL_INJEST_QUEUE_BYTES_MAX", "ingest.queue_bytes_max"}}));
    // Settings themselves, the project's own variables, and those that an orchestrator makes of a service's name.
    Names others = {{"FOOTFALL_QUERY_TIMEOUT_MS", "500"}, {"QUREY_TIMEOUT_MS", "5"}};
    for (const char* name : {"BINARY",
                             "BUILD",
                             "CHROMIUM",
                             "CI",
                             "FAILPOINTS",
                             "LIBCHDB",
                             "LOADGEN",
                             "NO_APT",
                             "SEED",
                             "TEST_FOLDER",
                             "TEST_KEEP",
                             "TEST_SECRET",
                             "TEST_STORE",
                             "PORT",
                             "PORT_8080_TCP",
                             "PORT_8080_TCP_ADDR",
                             "PORT_8080_TCP_PROTO",
                             "SERVICE_HOST",
                             "SERVICE_PORT",
                             "VERSION"})
        others.emplace(std::string("FOOTFALL_") + name, "x");
    EXPECT_EQ(misspelt_variables(others), Names());
}

TEST(SettingsTest, WrongValuesAreErrorsByField) {
    EXPECT_EQ(load_settings(toml("[http]\nloops = \"two\"\n"), {}, {}).error().field, "http.loops");
    EXPECT_EQ(load_settings("", {}, {{"http.loops", "-1"}}).error().field, "http.loops");
    EXPECT_EQ(load_settings("", {}, {{"http.loops", "1x"}}).error().field, "http.loops");
    EXPECT_EQ(load_settings("", {}, {{"logging.level", "loud"}}).error().field, "logging.level");
    EXPECT_FALSE(load_settings(toml("[http\n"), {}, {}));
    EXPECT_FALSE(load_settings(testing::TempDir() + "no_such_file.toml", {}, {}));
}

TEST(SettingsTest, ReferencePageIsTrue) {
    const std::string path = FOOTFALL_SOURCE_DIR "/docs/configuration.md";
    if (std::getenv("UPDATE_GOLDEN") != nullptr) {
        ASSERT_TRUE(write_file_atomically(path, settings_reference(), 0644));
    }
    EXPECT_EQ(read_file(path).value(), settings_reference());
}

TEST(ArgsTest, ReadsFlagsSettingsAndPositionals) {
    const Flag flags[] = {{"--site", "ID", "", true}, {"--force", "", ""}};
    const auto args = parse_args(
        std::vector<std::string>{"add", "--site=a", "--data", "d", "--http.loops", "2", "--force", "--", "--x"}, flags);
    ASSERT_TRUE(args) << args.error().message;
    EXPECT_EQ(args->positional, (std::vector<std::string>{"add", "--x"}));
    EXPECT_EQ(args->get("--site"), "a");
    EXPECT_TRUE(args->has("--force"));
    EXPECT_EQ(args->settings.at("data.dir"), "d");
    EXPECT_EQ(args->settings.at("http.loops"), "2");
    EXPECT_EQ(parse_args(std::vector<std::string>{"--sit", "a"}, flags).error().message,
              "unknown flag '--sit'; did you mean --site?");
    EXPECT_EQ(parse_args(std::vector<std::string>{"--force"}, flags).error().field, "--site");
    EXPECT_FALSE(parse_args(std::vector<std::string>{"--site"}, flags));
    EXPECT_TRUE(parse_args(std::vector<std::string>{"--help"}, flags));
}

}  // namespace
}  // namespace footfall::app
