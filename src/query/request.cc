#include <utility>

#include <fmt/format.h>

#include "base/json_reader.h"
#include "query/passes/passes.h"
#include "query/request_reader.h"

namespace footfall::query {

Result<std::vector<Filter>> parse_filters(std::string_view json, const std::string& field) {
    json::Reader reader;
    const auto document = reader.read(json, json::Reader::Padding::kAbsent);
    if (!document) return refuse("invalid_json", field, document.error().message);
    return FilterReader().read(*document, field);
}

namespace {

Error wrong_limit() {
    return refuse(
        "out_of_range", "limit",
        fmt::format("'limit' must be an integer from 1 to {}, or to {} as CSV or NDJSON", kRowsMax, kStreamedRowsMax));
}

bool comes_by_rows(Format format) { return format == Format::kCsv || format == Format::kNdjson; }

}  // namespace

bool is_streamed(Format format, std::int64_t limit) { return comes_by_rows(format) && limit > kRowsMax; }

Result<Request> parse_request(std::string_view body, Format format) {
    Request request;
    FilterReader filters;
    if (Status read = read_body(body, "a query", query_members(request, filters), request); !read)
        return read.error().field == "limit" ? wrong_limit() : std::move(read.error());
    if (request.limit > kRowsMax && !comes_by_rows(format)) return wrong_limit();
    if (request.metrics.empty()) return refuse("missing", "metrics", "name at least one metric");
    return request;
}

}  // namespace footfall::query
