#include "api/answer_format.h"

#include <string>

#include <gtest/gtest.h>

namespace footfall::api {
namespace {

using query::Format;

constexpr Format kOffered[] = {Format::kJson, Format::kCsv, Format::kNdjson};

/// The media type that is answered, or the name of the error.
std::string chosen(std::string_view query, const std::vector<std::string_view>& accept) {
    http::Request request;
    request.query = query;
    for (const std::string_view value : accept) request.headers.emplace_back("Accept", value);
    const auto format = answer_format(request, kOffered);
    if (!format) return std::string(format.error().name);
    const std::string_view type = content_type(*format);
    return std::string(type.substr(0, type.find(';')));
}

TEST(AnswerFormatTest, IsThatOfTheParameterOrElseTheOneThatAcceptWantsMost) {
    const struct {
        std::string_view query;
        std::vector<std::string_view> accept;
        const char* expected;
    } cases[] = {
        {"", {}, "application/json"},
        {"", {""}, "application/json"},
        {"", {"*/*"}, "application/json"},
        {"", {"application/json, text/plain, */*"}, "application/json"},
        {"", {"text/html, application/xhtml+xml, */*;q=0.8"}, "application/json"},
        {"", {"text/csv"}, "text/csv"},
        {"", {"TEXT/CSV ; charset=utf-8"}, "text/csv"},
        {"", {"text/*"}, "text/csv"},
        {"", {"application/*"}, "application/json"},
        {"", {"*/*, text/csv"}, "text/csv"},
        {"", {"text/csv, application/json"}, "text/csv"},
        {"", {"application/json, text/csv"}, "application/json"},
        {"", {"application/json;q=0.5", "text/csv;q=0.9"}, "text/csv"},
        {"", {"text/csv;q=0.1, */*"}, "application/json"},
        {"", {"*/*, application/json; q=0"}, "text/csv"},
        {"", {"application/x-ndjson"}, "application/x-ndjson"},
        {"", {"application/ndjson"}, "application/x-ndjson"},
        {"", {"text/html"}, "not_acceptable"},
        {"", {"application/vnd.apache.parquet"}, "not_acceptable"},
        {"", {"text/csv;q=0"}, "not_acceptable"},
        {"", {"text/csv;q=x"}, "not_acceptable"},
        {"format=csv", {"application/json"}, "text/csv"},
        {"a=b&format=ndjson", {"text/html"}, "application/x-ndjson"},
        {"format=json", {"text/csv"}, "application/json"},
        {"format=arrow", {}, "unsupported_format"},
        {"format=parquet", {"text/csv"}, "unsupported_format"},
        {"format=CSV", {}, "unsupported_format"},
        {"format=", {}, "unsupported_format"},
    };
    for (const auto& [query, accept, expected] : cases)
        EXPECT_EQ(chosen(query, accept), expected) << query << " " << (accept.empty() ? "" : accept.front());
}

TEST(AnswerFormatTest, EventsAreNotTakenForAnythingElse) {
    constexpr query::Format kOfJson[] = {query::Format::kJson, query::Format::kEvents};
    const auto of = [&](std::string_view accept) {
        http::Request request;
        request.headers.emplace_back("Accept", accept);
        return answer_format(request, kOfJson).value();
    };
    EXPECT_EQ(of("*/*"), query::Format::kJson);
    EXPECT_EQ(of("application/json, text/event-stream;q=0.9"), query::Format::kJson);
    EXPECT_EQ(of("text/event-stream"), query::Format::kEvents);
    EXPECT_EQ(content_type(query::Format::kEvents), "text/event-stream");
}

TEST(AnswerFormatTest, AnErrorNamesWhatThereIs) {
    http::Request request;
    request.query = "format=parquet";
    const Error error = answer_format(request, kOffered).error();
    EXPECT_EQ(error.field, "format");
    EXPECT_NE(error.message.find("json, csv, ndjson"), std::string::npos) << error.message;
    request.query = "";
    request.headers.emplace_back("Accept", "text/html");
    EXPECT_EQ(http::error_response(answer_format(request, kOffered).error()).status, 406);
}

}  // namespace
}  // namespace footfall::api
