#include "api/segment_routes.h"

#include <string_view>
#include <utility>

#include <simdjson.h>

#include "api/bodies.h"
#include "api/change.h"
#include "base/json_reader.h"
#include "query/segment.h"
#include "query/site_info.h"

namespace footfall::api {
namespace {

using http::Method;

constexpr std::string_view kSegments = "/api/v1/sites/{id}/segments";
constexpr std::string_view kSegment = "/api/v1/sites/{id}/segments/{segment}";

/// Without the blanks of who wrote it by hand.
Result<std::string> minified(std::string_view filters) {
    json::Reader reader;
    TRY(const simdjson::dom::element value, reader.read(filters, json::Reader::Padding::kAbsent));
    return std::string(simdjson::minify(value));
}

}  // namespace

Result<catalog::Segment> save_checked_segment(catalog::Catalog& catalog, catalog::Segment segment) {
    const auto snapshot = catalog.snapshot();
    if (const catalog::Site* const site = snapshot->site(segment.site_id)) {
        TRY_STATUS(query::check_segment(segment.filters, query::site_info(*snapshot, *site)));
        TRY(segment.filters, minified(segment.filters));
    }  // otherwise the catalog refuses it
    return segment.id.empty() ? catalog.add_segment(std::move(segment)) : catalog.change_segment(std::move(segment));
}

void write_segment(json::Writer& writer, const catalog::Segment& segment) {
    writer.begin_object();
    writer.member("id", segment.id);
    writer.member("name", segment.name);
    writer.key("filters");
    writer.raw(segment.filters);
    writer.end_object();
}

void SegmentRoutes::add_to(http::Router& router, const Gate& gate) {
    gate.add(router, Method::kGet, kSegments,
             [this](http::Exchange& exchange, const Caller& caller) { list(exchange, caller); });
    gate.add(router, Method::kPost, kSegments, [this](http::Exchange& exchange, const Caller& caller) {
        save(exchange, caller, path_text(exchange, kSegments, "{id}"), {});
    });
    gate.add(router, Method::kPut, kSegment, [this](http::Exchange& exchange, const Caller& caller) {
        save(exchange, caller, path_text(exchange, kSegment, "{id}"), path_text(exchange, kSegment, "{segment}"));
    });
    gate.add(router, Method::kDelete, kSegment, [this](http::Exchange& exchange, const Caller&) { remove(exchange); });
}

void SegmentRoutes::list(http::Exchange& exchange, const Caller& caller) const {
    const auto snapshot = catalog_.snapshot();
    const auto site = caller.readable_site(path_text(exchange, kSegments, "{id}"), *snapshot);
    if (!site) return exchange.respond(refusal(site.error()));
    http::Response response;
    json::Writer writer(response.body);
    writer.begin_object();
    writer.key("segments");
    writer.begin_array();
    for (const catalog::Segment& segment : snapshot->segments_of((*site)->id)) write_segment(writer, segment);
    writer.end_array();
    writer.end_object();
    exchange.respond(std::move(response));
}

void SegmentRoutes::save(http::Exchange& exchange, const Caller& caller, std::string site_id, std::string id) {
    const auto snapshot = catalog_.snapshot();
    if (const auto site = caller.readable_site(site_id, *snapshot); !site)
        return exchange.respond(refusal(site.error()));
    const auto fields = Fields::parse(exchange.request().body, kSegmentBody);
    if (!fields) return exchange.respond(refusal(fields.error()));
    catalog::Segment segment{.id = std::move(id),
                             .site_id = std::move(site_id),
                             .name = fields->get("name"),
                             .filters = fields->get("filters")};
    answer_from(pool_, exchange, [this, segment = std::move(segment)]() -> Result<http::Response> {
        TRY(const auto saved, save_checked_segment(catalog_, segment));
        http::Response response;
        response.status = segment.id.empty() ? 201 : 200;
        json::Writer writer(response.body);
        write_segment(writer, saved);
        return response;
    });
}

void SegmentRoutes::remove(http::Exchange& exchange) {
    answer_from(
        pool_, exchange,
        [this, site_id = path_text(exchange, kSegment, "{id}"), id = path_text(exchange, kSegment, "{segment}")] {
            return removed_or(catalog_.remove_segment(site_id, id));
        });
}

}  // namespace footfall::api
