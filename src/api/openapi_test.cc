#include "api/openapi.h"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "base/file.h"

namespace footfall::api {
namespace {

std::string declared() {
    const auto text = read_file(std::string(FOOTFALL_SOURCE_DIR) + "/schema/api.json");
    EXPECT_TRUE(text.has_value());
    return text.value_or("");
}

std::string with(std::string_view part, std::string_view other) {
    std::string text = declared();
    const std::size_t at = text.find(part);
    EXPECT_NE(at, std::string::npos) << part;
    if (at != std::string::npos) text.replace(at, part.size(), other);
    return text;
}

std::string problem_of(const std::string& text) {
    const auto document = openapi_document("1.2.3", text);
    return document ? "" : document.error().message;
}

TEST(OpenApi, DeclarationsAndProgramNameTheSame) {
    const auto document = openapi_document("1.2.3");
    ASSERT_TRUE(document.has_value()) << document.error().message;
    EXPECT_NE(document->find(R"("version":"1.2.3")"), std::string::npos);
    EXPECT_EQ(document->find("\"$words\""), std::string::npos);
    EXPECT_EQ(document->find("\"$number\""), std::string::npos);
}

TEST(OpenApi, ARouteIsDescribedAndADescriptionHasARoute) {
    EXPECT_EQ(problem_of(with("\"GET /healthz\"", "\"GET /health\"")),
              "schema/api.json does not describe GET /healthz");
    EXPECT_EQ(problem_of(with("\"GET /healthz\"", "\"GET /other\": {}, \"GET /healthz\"")),
              "schema/api.json describes 'GET /other', which is no route");
}

TEST(OpenApi, AMemberOfABodyIsDescribedAndADescriptionHasAMember) {
    EXPECT_EQ(problem_of(with("\"window_seconds\":", "\"window\":")),
              "schema/api.json describes the member 'window' of 'funnel', which takes none of this name");
    EXPECT_EQ(problem_of(with("\"collapse\": {\"type\": \"boolean\", \"description\"",
                              "\"collapse\": {\"type\": \"boolean\", \"title\"")),
              "schema/api.json does not describe the member 'collapse' of 'paths'");
}

TEST(OpenApi, WordsAndLimitsAreThoseThatThereAre) {
    EXPECT_EQ(problem_of(with("\"$words\": \"compares\"", "\"$words\": \"comparisons\"")),
              "schema/api.json asks for the words 'comparisons', which there are not");
    EXPECT_EQ(problem_of(with("{\"$number\": \"batch_max\"}", "32")),
              "schema/api.json does not tell what {\"$number\": \"batch_max\"} gives");
    EXPECT_EQ(problem_of("[]"), "schema/api.json is no JSON object");
}

}  // namespace
}  // namespace footfall::api
