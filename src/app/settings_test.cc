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

TEST(SettingsTest, WhatIsLeftToTheProgramIsZeroOrNoLessThanItsLeast) {
    const auto set = [](const char* value) { return load_settings("", {}, {{"store.memory_max", value}}); };
    const auto standard = load_settings("", {}, {});
    ASSERT_TRUE(standard) << standard.error().message;
    EXPECT_EQ(standard->store_memory_max, 0);
    ASSERT_TRUE(set("0"));
    EXPECT_EQ(set("300000000")->store_memory_max, 300'000'000);
    for (const char* const value : {"1", "299999999"}) {
        ASSERT_FALSE(set(value)) << value;
        EXPECT_NE(set(value).error().message.find("at least 300000000, or 0"), std::string::npos)
            << set(value).error().message;
    }
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

TEST(SettingsTest, EveryVariableOfThePrefixThatIsNoSettingIsAnError) {
    const std::pair<const char*, const char*> misspelt[] = {
        {"FOOTFALL_QUREY_TIMEOUT_MS", "query.timeout_ms"},
        {"FOOTFALL_DTA_DIR", "data.dir"},
        {"FOOTFALL_HTPP_LISTEN", "http.listen"},
        {"FOOTFALL_INJEST_QUEUE_BYTES_MAX", "ingest.queue_bytes_max"},
        {"FOOTFALL_FOO_BAR", ""},
        {"FOOTFALL_FOO", ""},
        {"FOOTFALL_", ""},
        {"FOOTFALL_PORT_", ""},
        {"FOOTFALL_PORT", ""}};
    for (const auto& [variable, near] : misspelt) {
        const auto settings = load_settings("", {{variable, "8080"}}, {});
        ASSERT_FALSE(settings) << variable;
        EXPECT_EQ(settings.error().code, Code::kInvalidArgument);
        EXPECT_EQ(settings.error().did_you_mean, near);
        EXPECT_NE(settings.error().message.find(variable), std::string::npos) << settings.error().message;
    }
    // The project's own variables, and those that an orchestrator makes of a service's name.
    for (const char* variable :
         {"FOOTFALL_BINARY", "FOOTFALL_HTTP_BENCH", "FOOTFALL_NO_APT", "FOOTFALL_TEST_KEEP", "FOOTFALL_PORT_8080_TCP",
          "FOOTFALL_PORT_8080_TCP_PORT", "FOOTFALL_SERVICE_HOST", "FOOTFALL_SERVICE_PORT", "FOOTFALL_SERVICE_PORT_HTTP",
          "FOOTFALL_STORE_SERVICE_HOST", "QUREY_TIMEOUT_MS"})
        EXPECT_TRUE(load_settings("", {{variable, "x"}}, {})) << variable;
    EXPECT_TRUE(load_settings("", {{"FOOTFALL_PORT", "tcp://10.0.0.7:8080"}}, {}));
}

TEST(SettingsTest, ASectionThatIsNoneOfOursIsAnErrorAlsoWhereItIsEmpty) {
    EXPECT_FALSE(load_settings(toml("[htp]\n"), {}, {}));
    EXPECT_TRUE(load_settings(toml("[http]\n"), {}, {}));
}

TEST(SettingsTest, TheQueryTimeoutIsTakenWithAUnitToo) {
    const auto timeout = [](const Result<Settings>& settings) {
        EXPECT_TRUE(settings) << settings.error().message;
        return settings ? settings->query_timeout_ms : 0;
    };
    EXPECT_EQ(timeout(load_settings(toml("[query]\ntimeout = \"2m\"\n"), {}, {})), 120'000);
    EXPECT_EQ(timeout(load_settings("", {{"FOOTFALL_QUERY_TIMEOUT", "1h"}}, {})), 3'600'000);
    EXPECT_EQ(timeout(load_settings("", {}, {{"query.timeout", "500ms"}})), 500);
    // Later places win whichever name they use.
    EXPECT_EQ(timeout(load_settings(toml("[query]\ntimeout_ms = 700\n"), {{"FOOTFALL_QUERY_TIMEOUT", "3s"}}, {})),
              3'000);
    EXPECT_EQ(timeout(load_settings("", {{"FOOTFALL_QUERY_TIMEOUT", "3s"}}, {{"query.timeout_ms", "900"}})), 900);
    EXPECT_EQ(load_settings("", {}, {{"query.timeout", "3s"}, {"query.timeout_ms", "900"}}).error().field,
              "query.timeout_ms")
        << "twice in one place";
    for (const char* wrong :
         {"", "30", "s", "3 s", "1.5s", "-3s", "3d", "99ms", "61m", "99999999999999999999ms", "9223372036854775807h"})
        EXPECT_EQ(load_settings("", {}, {{"query.timeout", wrong}}).error().field, "query.timeout") << wrong;
    EXPECT_EQ(load_settings(toml("[query]\ntimeout = 30\n"), {}, {}).error().field, "query.timeout");
    EXPECT_EQ(load_settings("", {{"FOOTFALL_QUERY_TIMOUT", "3s"}}, {}).error().did_you_mean, "query.timeout");
    EXPECT_TRUE(is_setting("query.timeout"));
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
