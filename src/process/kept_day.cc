#include "process/kept_day.h"

#include <optional>

#include <simdjson.h>

#include "base/bytes.h"
#include "base/json.h"

namespace footfall::process {

std::string write_kept_day(const KeptDay& day) {
    std::string out;
    json::Writer writer(out);
    writer.begin_object();
    writer.member("website_id", day.website_id);
    writer.member("timezone", day.timezone);
    writer.member("day", day.day);
    writer.member("part", day.part);
    writer.member("parts", day.parts);
    // Texts of the archive are UTF-8.
    writer.member("content", base64(day.content));
    writer.end_object();
    return out;
}

Result<KeptDay> read_kept_day(std::string_view payload) {
    const Error broken(Code::kCorrupt, "a kept day of the log is not one of ours");
    simdjson::dom::parser parser;
    simdjson::dom::object root;
    const simdjson::padded_string padded(payload);
    KeptDay day;
    std::string_view website_id;
    std::string_view timezone;
    std::string_view name;
    std::string_view content;
    if (parser.parse(padded).get(root) != simdjson::SUCCESS ||
        root["website_id"].get(website_id) != simdjson::SUCCESS ||
        root["timezone"].get(timezone) != simdjson::SUCCESS || root["day"].get(name) != simdjson::SUCCESS ||
        root["part"].get(day.part) != simdjson::SUCCESS || root["parts"].get(day.parts) != simdjson::SUCCESS ||
        root["content"].get(content) != simdjson::SUCCESS || day.part >= day.parts)
        return broken;
    std::optional<std::string> bytes = from_base64(content);
    if (!bytes) return broken;
    day.website_id = website_id;
    day.timezone = timezone;
    day.day = name;
    day.content = std::move(*bytes);
    return day;
}

}  // namespace footfall::process
