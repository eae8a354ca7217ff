#include "api/fields.h"

#include <gtest/gtest.h>

namespace footfall::api {
namespace {

Result<Fields> parse(std::string body) {
    body.reserve(body.size() + 64);  // a request's body has simdjson's padding
    return Fields::parse(body, {"email", "password"});
}

TEST(FieldsTest, ReadsTheMembersThatAreThere) {
    const auto fields = parse(R"({"password":"p\u00e4ss","email":""})");
    ASSERT_TRUE(fields) << fields.error().message;
    EXPECT_EQ(fields->get("password"), "päss");
    EXPECT_TRUE(fields->has("email"));
    EXPECT_TRUE(fields->require({"email", "password"}));
    EXPECT_EQ(parse(R"({"email":"a"})")->require({"email", "password"}).error().field, "password");
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
        return Fields::parse(body, {"name", "minutes", "filters"}, {.numbers = {"minutes"}, .json = {"filters"}});
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
    const auto fields = Fields::parse(body, {"text", "time"}, {.nullable = {"time"}});
    ASSERT_TRUE(fields) << fields.error().message;
    EXPECT_FALSE(fields->has("time"));
    EXPECT_EQ(Fields::parse(body, {"text", "time"}, {.nullable = {"text"}}).error().field, "time");
}

}  // namespace
}  // namespace footfall::api
