#include "api/annotation_routes.h"

#include <string_view>
#include <utility>

#include "api/bodies.h"
#include "api/change.h"
#include "base/clock.h"

namespace footfall::api {
namespace {

using http::Method;

constexpr std::string_view kAnnotations = "/api/v1/sites/{id}/annotations";
constexpr std::string_view kAnnotation = "/api/v1/sites/{id}/annotations/{annotation}";

/// A day of the query string; empty where it is not there.
Result<std::string> day_of(std::string_view query, std::string_view name) {
    const auto text = http::query_value(query, name);
    if (!text) return std::string();
    TRY_STATUS(catalog::check_annotation_day(*text, name));
    return *text;
}

Result<catalog::Annotation> annotation_of(std::string_view body) {
    TRY(const Fields fields, Fields::parse(body, kAnnotationBody));
    catalog::Annotation annotation;
    annotation.day = fields.get("date");
    annotation.time = fields.get("time");
    annotation.note = fields.get("text");
    return annotation;
}

}  // namespace

void write_annotation(json::Writer& writer, const catalog::Annotation& annotation, Authors authors) {
    const auto text_or_null = [&writer](std::string_view name, const std::string& text, bool is_shown) {
        writer.key(name);
        if (is_shown && !text.empty()) writer.string(text);
        else writer.null();
    };
    writer.begin_object();
    writer.member("id", annotation.id);
    writer.member("date", annotation.day);
    text_or_null("time", annotation.time, true);
    writer.member("text", annotation.note);
    text_or_null("created_by", annotation.created_by, authors == Authors::kShown);
    writer.member("created_at", iso_text(annotation.created_ms));
    writer.end_object();
}

void AnnotationRoutes::add_to(http::Router& router, const Gate& gate) {
    gate.add(router, Method::kGet, kAnnotations,
             [this](http::Exchange& exchange, const Caller& caller) { list(exchange, caller); });
    gate.add(router, Method::kPost, kAnnotations, [this](http::Exchange& exchange, const Caller& caller) {
        save(exchange, caller, path_text(exchange, kAnnotations, "{id}"), {});
    });
    gate.add(router, Method::kPut, kAnnotation, [this](http::Exchange& exchange, const Caller& caller) {
        save(exchange, caller, path_text(exchange, kAnnotation, "{id}"),
             path_text(exchange, kAnnotation, "{annotation}"));
    });
    gate.add(router, Method::kDelete, kAnnotation,
             [this](http::Exchange& exchange, const Caller&) { remove(exchange); });
}

void AnnotationRoutes::list(http::Exchange& exchange, const Caller& caller) {
    const auto snapshot = catalog_.snapshot();
    const auto site = caller.readable_site(path_text(exchange, kAnnotations, "{id}"), *snapshot);
    if (!site) return exchange.respond(refusal(site.error()));
    const auto first = day_of(exchange.request().query, "from");
    if (!first) return exchange.respond(refusal(first.error()));
    const auto last = day_of(exchange.request().query, "to");
    if (!last) return exchange.respond(refusal(last.error()));
    const Authors authors = caller.user ? Authors::kShown : Authors::kHidden;
    answer_from(pool_, exchange,
                [this, id = (*site)->id, first = *first, last = *last, authors]() -> Result<http::Response> {
                    TRY(const auto annotations, catalog_.annotations().of_site(id, first, last));
                    http::Response response;
                    json::Writer writer(response.body);
                    writer.begin_object();
                    writer.key("annotations");
                    writer.begin_array();
                    for (const catalog::Annotation& annotation : annotations)
                        write_annotation(writer, annotation, authors);
                    writer.end_array();
                    writer.end_object();
                    return response;
                });
}

void AnnotationRoutes::save(http::Exchange& exchange, const Caller& caller, std::string site_id, std::string id) {
    const auto snapshot = catalog_.snapshot();
    if (const auto site = caller.readable_site(site_id, *snapshot); !site)
        return exchange.respond(refusal(site.error()));
    auto annotation = annotation_of(exchange.request().body);
    if (!annotation) return exchange.respond(refusal(annotation.error()));
    annotation->id = std::move(id);
    annotation->site_id = std::move(site_id);
    if (caller.user) annotation->created_by = caller.user->email;
    answer_from(pool_, exchange, [this, annotation = std::move(*annotation)]() -> Result<http::Response> {
        const bool is_new = annotation.id.empty();
        TRY(const auto saved,
            is_new ? catalog_.annotations().add(annotation) : catalog_.annotations().change(annotation));
        http::Response response;
        response.status = is_new ? 201 : 200;
        json::Writer writer(response.body);
        write_annotation(writer, saved, Authors::kShown);
        return response;
    });
}

void AnnotationRoutes::remove(http::Exchange& exchange) {
    answer_from(pool_, exchange,
                [this, site_id = path_text(exchange, kAnnotation, "{id}"),
                 id = path_text(exchange, kAnnotation, "{annotation}")]() -> Result<http::Response> {
                    return removed_or(catalog_.annotations().remove(site_id, id));
                });
}

}  // namespace footfall::api
