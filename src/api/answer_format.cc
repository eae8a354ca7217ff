#include "api/answer_format.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <tuple>
#include <vector>

#include "http/parser.h"

namespace footfall::api {
namespace {

using query::Format;

struct Known {
    Format format;
    std::string_view name;
    std::string_view content_type;
    std::array<std::string_view, 2> media_types;  ///< by which Accept may ask for it
};
constexpr std::array<Known, 7> kKnown = {{
    {Format::kJson, "json", "application/json", {"application/json", "application/json"}},
    {Format::kCsv, "csv", "text/csv; charset=utf-8; header=present", {"text/csv", "text/csv"}},
    {Format::kNdjson, "ndjson", "application/x-ndjson", {"application/x-ndjson", "application/ndjson"}},
    {Format::kArrow,
     "arrow",
     "application/vnd.apache.arrow.file",
     {"application/vnd.apache.arrow.file", "application/vnd.apache.arrow.file"}},
    {Format::kArrowStream,
     "arrowstream",
     "application/vnd.apache.arrow.stream",
     {"application/vnd.apache.arrow.stream", "application/vnd.apache.arrow.stream"}},
    {Format::kParquet,
     "parquet",
     "application/vnd.apache.parquet",
     {"application/vnd.apache.parquet", "application/x-parquet"}},
    {Format::kEvents, "events", "text/event-stream", {"text/event-stream", "text/event-stream"}},
}};

const Known& known(Format format) {
    return *std::find_if(kKnown.begin(), kKnown.end(), [format](const Known& k) { return k.format == format; });
}

std::string names_of(std::span<const Format> offered) {
    std::string names;
    for (const Format format : offered) {
        if (!names.empty()) names += ", ";
        names += known(format).name;
    }
    return names;
}

std::string_view take_until(std::string_view& text, char separator) {
    const std::size_t end = std::min(text.find(separator), text.size());
    std::string_view part = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    while (!part.empty() && (part.front() == ' ' || part.front() == '\t')) part.remove_prefix(1);
    while (!part.empty() && (part.back() == ' ' || part.back() == '\t')) part.remove_suffix(1);
    return part;
}

/// One of the ranges of Accept: "text/csv", "text/*" or "*/*", with its weight.
struct MediaRange {
    std::string_view type;
    double weight = 1;
};

std::vector<MediaRange> ranges_of(const http::Request& request) {
    std::vector<MediaRange> ranges;
    for (std::string_view list : request.header_values("accept")) {
        while (!list.empty()) {
            std::string_view parameters = take_until(list, ',');
            MediaRange range{.type = take_until(parameters, ';')};
            while (!parameters.empty()) {
                std::string_view value = take_until(parameters, ';');
                if (!http::equal_ignoring_case(take_until(value, '='), "q")) continue;
                if (std::from_chars(value.data(), value.data() + value.size(), range.weight).ec != std::errc())
                    range.weight = 0;
            }
            if (!range.type.empty()) ranges.push_back(range);
        }
    }
    return ranges;
}

/// 3 for the type itself, 2 for all of its kind, 1 for all, 0 where the range does not name it.
int closeness(std::string_view range, std::string_view type) {
    if (http::equal_ignoring_case(range, type)) return 3;
    if (range == "*/*") return 1;
    const std::size_t kind = type.find('/') + 1;
    return range.ends_with("/*") && http::equal_ignoring_case(range.substr(0, range.size() - 1), type.substr(0, kind))
               ? 2
               : 0;
}

/// How much a format is wanted: the weight of the range that names it most closely, then how closely, then how early.
/// The weight is 0 where it is not taken.
std::tuple<double, int, std::ptrdiff_t> wish_for(Format format, std::span<const MediaRange> ranges) {
    int closest = 0;
    std::tuple<double, int, std::ptrdiff_t> wish;
    for (std::size_t i = 0; i < ranges.size(); ++i) {
        for (const std::string_view type : known(format).media_types) {
            const int close = closeness(ranges[i].type, type);
            if (close <= closest) continue;
            closest = close;
            wish = {ranges[i].weight, close, -static_cast<std::ptrdiff_t>(i)};
        }
    }
    return wish;
}

}  // namespace

Result<Format> answer_format(const http::Request& request, std::span<const Format> offered) {
    if (const auto name = http::query_value(request.query, "format")) {
        for (const Format format : offered)
            if (known(format).name == *name) return format;
        Error error(Code::kInvalidArgument, "there is no format '" + *name + "' here; one of " + names_of(offered),
                    "format");
        error.name = "unsupported_format";
        return error;
    }
    const std::vector<MediaRange> ranges = ranges_of(request);
    if (ranges.empty()) return offered.front();
    Format best = offered.front();
    for (const Format format : offered)
        if (wish_for(format, ranges) > wish_for(best, ranges)) best = format;
    if (std::get<0>(wish_for(best, ranges)) > 0) return best;
    Error error(Code::kInvalidArgument, "Accept takes none of the formats that there are: " + names_of(offered),
                "Accept");
    error.name = http::kNotAcceptable;
    return error;
}

std::string_view format_name(Format format) { return known(format).name; }

std::string_view content_type(Format format) { return known(format).content_type; }

}  // namespace footfall::api
