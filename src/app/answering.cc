#include "app/answering.h"

#include <algorithm>
#include <utility>

#include "api/api.h"
#include "api/openapi.h"
#include "app/version.h"
#include "base/bytes.h"
#include "process/rejected.h"
#include "query/progress.h"

namespace footfall::app {
namespace {

/// Addresses of IPv6 count by their /64, which is what one subscriber gets.
api::Client client_of(const http::Request& request, std::span<const ingest::Network> trusted) {
    const event::kind::ip ip = ingest::client_address(request, trusted);
    const bool is_v4 = std::all_of(ip.begin(), ip.begin() + 10, [](unsigned char byte) { return byte == 0; });
    return {.address = to_hex({reinterpret_cast<const char*>(ip.data()), is_v4 ? ip.size() : ip.size() / 2}),
            .scheme = ingest::is_https(request, trusted) ? api::Scheme::kHttps : api::Scheme::kHttp};
}

}  // namespace

Result<std::unique_ptr<Answering>> Answering::make(Parts parts, Front& front) {
    std::unique_ptr<Answering> out(new Answering(std::move(parts), front));
    Answering* const self = out.get();
    const Parts& with = self->parts_;
    const Settings& settings = with.settings;
    TRY(auto trusted, front.trusted());
    self->executor_ = std::make_unique<query::Executor>(
        with.clock,
        query::QueueLimits{.running_max = static_cast<std::size_t>(settings.query_concurrency_max),
                           .site_running_max = static_cast<std::size_t>(settings.query_site_concurrency_max),
                           .waiting_max = static_cast<std::size_t>(settings.query_waiting_max),
                           .site_waiting_max = static_cast<std::size_t>(settings.query_site_waiting_max)});
    self->query_endpoint_ = std::make_unique<api::QueryEndpoint>(
        with.catalog, with.query, *self->executor_, with.clock,
        // A batch alone does not make everybody else wait.
        api::QueryEndpoint::Options{
            .timeout_ms = settings.query_timeout_ms,
            .batch_concurrency = std::max<std::size_t>(1, static_cast<std::size_t>(settings.query_concurrency_max) / 2),
            .as_of = [self] { return iso_text(self->parts_.as_of_ms()); },
            .store_problem = with.store_problem,
            .remakes = with.remakes,
            .look_at_progress =
                [self](const auto& questions) { return query::look_at_progress(self->parts_.store, questions); }});
    self->gate_ = std::make_unique<api::Gate>(
        with.catalog, [trusted](const http::Request& request) { return client_of(request, trusted); });
    self->hashing_pool_ = std::make_unique<WorkerPool>("hashing", 2, 32, Priority::kLow);
    self->writing_pool_ = std::make_unique<WorkerPool>("accounts", 1, 64);
    self->account_routes_ = std::make_unique<api::AccountRoutes>(
        with.catalog, *self->gate_, *self->hashing_pool_, *self->writing_pool_, with.clock,
        api::AccountOptions{.version = std::string(version_number()),
                            .cookie_age_s = settings.session_absolute_hours * 3'600});
    self->goal_routes_ = std::make_unique<api::GoalRoutes>(with.catalog, *self->writing_pool_);
    self->segment_routes_ = std::make_unique<api::SegmentRoutes>(with.catalog, *self->writing_pool_);
    self->annotation_routes_ = std::make_unique<api::AnnotationRoutes>(with.catalog, *self->writing_pool_);
    self->rejected_routes_ = std::make_unique<api::RejectedRoutes>(
        with.catalog, *self->executor_, with.clock,
        api::RejectedRoutes::Options{.timeout_ms = settings.query_timeout_ms,
                                     .answer = [self](const auto& question) { return self->rejected_json(question); },
                                     .store_problem = with.store_problem});
    http::Router& router = front.router();
    self->query_endpoint_->add_to(router, *self->gate_);
    self->goal_routes_->add_to(router, *self->gate_);
    self->segment_routes_->add_to(router, *self->gate_);
    self->annotation_routes_->add_to(router, *self->gate_);
    self->account_routes_->add_to(router);
    self->rejected_routes_->add_to(router, *self->gate_);
    TRY_STATUS(api::add_openapi_route(router, version_number()));
    api::add_page_routes(router);
    return out;
}

void Answering::add_live(store::LiveStore& live) {
    live_routes_ = std::make_unique<api::LiveRoutes>(parts_.catalog, *gate_, live, parts_.clock);
    live_routes_->add_to(front_.router());
}

void Answering::stop() {
    executor_->stop();
    for (WorkerPool* pool : {hashing_pool_.get(), writing_pool_.get()}) pool->stop();
}

Result<std::string> Answering::rejected_json(const api::RejectedQuestion& question) const {
    process::RejectedPage page{.limit = question.limit};
    if (question.before > 0) page.before = question.before;
    TRY(const auto list, process::list_rejected(parts_.store,
                                                {.of = process::RejectedFilter::Of::kSite,
                                                 .site = question.site_id,
                                                 .reason = question.reason,
                                                 .since_ms = question.since_ms},
                                                page));
    return list.json();
}

}  // namespace footfall::app
