#include <gtest/gtest.h>

#include "http/http.h"

namespace footfall::http {
namespace {

TEST(PercentDecodeTest, DecodesWhatIsWholeAndRefusesWhatIsBroken) {
    const struct {
        const char* text;
        bool plus_is_space;
        const char* expected;  // nullptr: refused
    } cases[] = {
        {"", false, ""},         {"a%20b", false, "a b"}, {"a+b", false, "a+b"},
        {"a+b", true, "a b"},    {"%2B", true, "+"},      {"%e2%82%AC", false, "\xe2\x82\xac"},
        {"%", false, nullptr},   {"%2", false, nullptr},  {"%2g", false, nullptr},
        {"%g2", false, nullptr}, {"a%", true, nullptr},
    };
    for (const auto& [text, plus_is_space, expected] : cases) {
        const auto decoded = percent_decode(text, plus_is_space);
        EXPECT_EQ(decoded.has_value(), expected != nullptr) << text;
        if (expected != nullptr) {
            EXPECT_EQ(*decoded, expected) << text;
        }
    }
    EXPECT_EQ(percent_decode("a%00b", false)->size(), 3u);
}

TEST(QueryValueTest, TakesTheFirstOfItsName) {
    const std::string_view query = "a=1&b=x%26y&a=2&flag&%63=c&broken=%zz&e=";
    EXPECT_EQ(query_value(query, "a"), "1");
    EXPECT_EQ(query_value(query, "b"), "x&y");
    EXPECT_EQ(query_value(query, "c"), "c");
    EXPECT_EQ(query_value(query, "flag"), "");
    EXPECT_EQ(query_value(query, "e"), "");
    EXPECT_EQ(query_value(query, "broken"), std::nullopt);
    EXPECT_EQ(query_value(query, "missing"), std::nullopt);
    EXPECT_EQ(query_value("", "a"), std::nullopt);
}

TEST(BearerTokenTest, IsWhatStandsBehindTheScheme) {
    for (const char* text : {"Bearer key", "bearer key", "BEARER key", "Bearer   key"})
        EXPECT_EQ(bearer_token(text), "key") << text;
    for (const char* text : {"", "Bearer", "Bearer ", "Bearer  ", " Bearer key", "Basic key", "Bearerkey", "key"})
        EXPECT_EQ(bearer_token(text), std::nullopt) << text;
}

TEST(ErrorResponseTest, HasTheShapeOfTheContract) {
    Error error(Code::kInvalidArgument, "there is no metric \"visitor\"", "metrics[2]");
    error.name = "unknown_metric";
    error.did_you_mean = "visitors";
    const Response response = error_response(error);
    EXPECT_EQ(response.status, 400);
    EXPECT_EQ(response.content_type, "application/json");
    EXPECT_EQ(
        response.body,
        R"({"error":{"code":"unknown_metric","field":"metrics[2]","message":"there is no metric \"visitor\"","did_you_mean":"visitors"}})");
    EXPECT_EQ(error_response(Error(Code::kOverloaded, "busy")).body,
              R"({"error":{"code":"overloaded","message":"busy"}})");
    EXPECT_EQ(error_response(Error(Code::kOverloaded, "busy")).status, 503);
}

}  // namespace
}  // namespace footfall::http
