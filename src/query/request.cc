#include <utility>

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

Result<Request> parse_request(std::string_view body) {
    Request request;
    FilterReader filters;
    TRY_STATUS(read_body(body, "a query", query_members(request, filters), request));
    if (request.metrics.empty()) return refuse("missing", "metrics", "name at least one metric");
    return request;
}

}  // namespace footfall::query
