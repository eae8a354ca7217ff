// The forms of an answer's rows. Its JSON, whole, stands in query_engine_test.cc.
#include "query/answer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "query/vocabulary.h"

namespace footfall::query {
namespace {

class AnswerRowsTest : public testing::Test {
protected:
    std::string write(Format format) {
        store::Answer answer;
        const std::size_t total = plan_.has_total ? 1 : 0;
        answer.columns.resize(plan_.dimensions.size() + plan_.metrics.size() + total);
        answer.rows = rows_;
        const auto written = write_rows(plan_, *Zone::load("Europe/Berlin"), answer, format);
        return written ? *written : written.error().message;
    }

    static Dimension of_type(ValueType type) {
        Dimension dimension;
        dimension.type = type;
        return dimension;
    }
    const Dimension time_ = of_type(ValueType::kTime);
    const Dimension text_ = of_type(ValueType::kString);
    const Metric metric_;
    Plan plan_;
    std::vector<std::vector<store::Value>> rows_;
};

TEST_F(AnswerRowsTest, AreTheColumnsOfTheRequestWithoutTheTotal) {
    plan_.dimensions = {{.name = "hour", .dimension = &time_, .key = {}},
                        {.name = "property:a,\"b\"", .dimension = &text_, .key = "a"}};
    plan_.metrics = {{.name = "visitors", .metric = &metric_}, {.name = "bounce_rate", .metric = &metric_}};
    plan_.has_total = true;
    const std::int64_t noon = 1'795'604'400;  // seconds
    rows_ = {{store::Value(), std::string("total"), std::uint64_t{99}, 0.5},
             {noon, std::string("plain text"), std::uint64_t{18'446'744'073'709'551'615u}, 1.0 / 3},
             {noon, std::string("a,b"), std::int64_t{-1}, store::Value()},
             {noon, std::string("\"said\"\r\nso"), std::uint64_t{0}, true},
             {noon, std::string("=1+1"), std::uint64_t{0}, 1e21},
             {noon, std::string(), std::uint64_t{0}, 2.0}};
    EXPECT_EQ(write(Format::kCsv),
              "hour,\"property:a,\"\"b\"\"\",visitors,bounce_rate\r\n"
              "2026-11-25T12:00:00+01:00,plain text,18446744073709551615,0.3333333333333333\r\n"
              "2026-11-25T12:00:00+01:00,\"a,b\",-1,\r\n"
              "2026-11-25T12:00:00+01:00,\"\"\"said\"\"\r\nso\",0,true\r\n"
              "2026-11-25T12:00:00+01:00,\"'=1+1\",0,1e+21\r\n"
              "2026-11-25T12:00:00+01:00,,0,2\r\n");
    rows_.resize(4);
    const std::string start = R"({"hour":"2026-11-25T12:00:00+01:00","property:a,\"b\"":)";
    EXPECT_EQ(write(Format::kNdjson),
              start + R"("plain text","visitors":18446744073709551615,"bounce_rate":0.3333333333333333})" + "\n" +  //
                  start + R"("a,b","visitors":-1,"bounce_rate":null})" + "\n" +                                     //
                  start + R"("\"said\"\r\nso","visitors":0,"bounce_rate":true})" + "\n");
    rows_.clear();
    EXPECT_EQ(write(Format::kCsv), "hour,\"property:a,\"\"b\"\"\",visitors,bounce_rate\r\n");
    EXPECT_EQ(write(Format::kNdjson), "");
}

TEST_F(AnswerRowsTest, S9TextThatASpreadsheetWouldCalculateIsPrefixedAndQuotedInCsvAlone) {
    const Dimension date = of_type(ValueType::kDate);
    plan_.dimensions = {{.name = "date", .dimension = &date, .key = {}},
                        {.name = "title", .dimension = &text_, .key = {}}};
    plan_.metrics = {{.name = "revenue", .metric = &metric_}};
    struct Case {
        std::string text, csv;
    };
    const Case cases[] = {
        {"=1+1", "\"'=1+1\""},
        {"+1", "\"'+1\""},
        {"-1", "\"'-1\""},
        {"@SUM(A1)", "\"'@SUM(A1)\""},
        {"\t=1", "\"'\t=1\""},
        {"\r=1", "\"'\r=1\""},
        {std::string("\0=1", 3), "\"'" + std::string("\0=1", 3) + "\""},
        {"=HYPERLINK(\"https://evil.example/\",\"a\")", "\"'=HYPERLINK(\"\"https://evil.example/\"\",\"\"a\"\")\""},
        {"1=1", "1=1"},
        {" =1", " =1"},
        {"'=1", "'=1"},
        {"a-b", "a-b"},
        {"", ""},
    };
    for (const Case& c : cases) {
        // A decimal comes from the store as text and is a number all the same.
        rows_ = {{std::string("2026-11-25"), c.text, std::string("-12.34")}};
        EXPECT_EQ(write(Format::kCsv), "date,title,revenue\r\n2026-11-25," + c.csv + ",-12.34\r\n");
        EXPECT_EQ(write(Format::kNdjson).find("'=") != std::string::npos, c.text.starts_with("'=")) << c.text;
    }
    const std::vector<store::Value> negatives = {std::int64_t{-5}, -0.5};
    for (const store::Value& number : negatives) {
        rows_ = {{std::string("2026-11-25"), std::string("a"), number}};
        EXPECT_THAT(write(Format::kCsv), testing::HasSubstr("a,-"));
    }
}

TEST_F(AnswerRowsTest, WithoutDimensionsAreTheOneRowEvenWhereItIsNull) {
    plan_.metrics = {{.name = "bounce_rate", .metric = &metric_}};
    rows_ = {{store::Value()}};
    EXPECT_EQ(write(Format::kCsv), "bounce_rate\r\n\"\"\r\n");
    EXPECT_EQ(write(Format::kNdjson), "{\"bounce_rate\":null}\n");
}

}  // namespace
}  // namespace footfall::query
