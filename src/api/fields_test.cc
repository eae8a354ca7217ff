#include "api/fields.h"

#include <gtest/gtest.h>

namespace footfall::api {
namespace {

Result<Fields> parse(std::string body) {
    body.reserve(body.size() + 64);  // a request's body has simdjson's padding
    constexpr BodyField kKnown[] = {{"email"}, {"password"}};
    return Fields::parse(body, kKnown);
}

TEST(FieldsTest, ReadsTheMembersThatAreThere) {
    const auto fields = parse(R"({"password":"p\u00e4ss","email":""})");
    ASSERT_TRUE(fields) << fields.error().message;
    EXPECT_EQ(fields->get("password"), "päss");
    EXPECT_TRUE(fields->has("email"));
    constexpr BodyField kBoth[] = {{"email", FieldNeed::kRequired}, {"password", FieldNeed::kRequired}};
    const auto both = [&](std::string body) {
        body.reserve(body.size() + 64);
        return Fields::parse(body, kBoth);
    };
    EXPECT_TRUE(both(R"({"password":"a","email":""})"));
    EXPECT_EQ(both(R"({"email":"a"})").error().field, "password");
    EXPECT_EQ(both(R"({"email":"a"})").error().name, "missing");
    EXPECT_FALSE(parse("{}")->has("email"));
}

TEST(FieldsTest, WhatIsNotExactlyThatIsRefusedByField) {
    const struct {
        const char* body;
        const char* field;
    } cases[] = {
        {"", ""},
        {"[]", ""},
        {"\"x\"", ""},
        {"{\"email\":\"a\"", ""},
        {"{\"email\":\"a\"} {}", ""},
        {"{\"email\":\"\xff\"}", ""},
        {R"({"email":null})", "email"},
        {R"({"email":1})", "email"},
        {R"({"email":["a"]})", "email"},
        {R"({"email":"a","email":"b"})", "email"},
        {R"({"email":"a","role":"owner"})", "role"},
    };
    for (const auto& c : cases) {
        const auto fields = parse(c.body);
        ASSERT_FALSE(fields) << c.body;
        EXPECT_EQ(fields.error().code, Code::kInvalidArgument) << c.body;
        EXPECT_EQ(fields.error().field, c.field) << c.body;
    }
    EXPECT_EQ(parse(R"({"pasword":"x"})").error().did_you_mean, "password");
}

TEST(FieldsTest, NumbersAreWholeAndJsonIsKeptAsItIs) {
    const auto read = [](std::string body) {
        body.reserve(body.size() + 64);
        constexpr BodyField kKnown[] = {{"name"},
                                        {"minutes", FieldNeed::kOptional, FieldKind::kNumber},
                                        {"filters", FieldNeed::kOptional, FieldKind::kJson}};
        return Fields::parse(body, kKnown);
    };
    const auto fields = read(R"({"minutes": 90, "filters": [ ["page", "is", "/ä"] ], "name": "x"})");
    ASSERT_TRUE(fields) << fields.error().message;
    EXPECT_EQ(fields->number("minutes"), 90);
    EXPECT_EQ(fields->get("filters"), R"([["page","is","/ä"]])");
    EXPECT_EQ(fields->text("name"), "x");
    EXPECT_TRUE(fields->has("minutes"));
    EXPECT_FALSE(read("{}")->number("minutes"));
    EXPECT_FALSE(read("{}")->text("name"));
    EXPECT_EQ(read(R"({"minutes": -1000000000000})")->number("minutes"), INT32_MIN);
    for (const char* body :
         {R"({"minutes": "90"})", R"({"minutes": 1.5})", R"({"minutes": null})", R"({"minutes": 1, "minutes": 1})"})
        EXPECT_EQ(read(body).error().field, "minutes") << body;
    EXPECT_EQ(read(R"({"filters": 1, "filters": 1})").error().field, "filters");
}

TEST(FieldsTest, ANullIsNoneWhereItMayBe) {
    std::string body = R"({"text": "x", "time": null})";
    body.reserve(body.size() + 64);
    constexpr BodyField kTime[] = {{"text"}, {"time", FieldNeed::kOptional, FieldKind::kTextOrNull}};
    constexpr BodyField kText[] = {{"text", FieldNeed::kOptional, FieldKind::kTextOrNull}, {"time"}};
    const auto fields = Fields::parse(body, kTime);
    ASSERT_TRUE(fields) << fields.error().message;
    EXPECT_FALSE(fields->has("time"));
    EXPECT_EQ(Fields::parse(body, kText).error().field, "time");
}

}  // namespace
}  // namespace footfall::api
