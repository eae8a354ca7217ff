#pragma once

#include <functional>
#include <memory>
#include <string>

#include "api/account_routes.h"
#include "api/annotation_routes.h"
#include "api/gate.h"
#include "api/goal_routes.h"
#include "api/live_routes.h"
#include "api/query_endpoint.h"
#include "api/rejected_routes.h"
#include "api/segment_routes.h"
#include "app/front.h"
#include "app/settings.h"
#include "base/clock.h"
#include "base/result.h"
#include "base/worker_pool.h"
#include "catalog/catalog.h"
#include "query/executor.h"
#include "query/query.h"
#include "store/client.h"
#include "store/live.h"

namespace footfall::app {

/// The API of who looks: questions, live numbers, accounts, what a site has besides events, and the page.
class Answering {
public:
    struct Parts {
        const Settings& settings;
        catalog::Catalog& catalog;
        query::Service& query;
        store::Client& store;
        Clock& clock;
        std::function<std::int64_t()> as_of_ms;      ///< every event acknowledged before is in the store
        std::function<std::string()> store_problem;  ///< as api::QueryEndpoint's
        std::function<std::uint64_t()> remakes;      ///< likewise
    };
    static Result<std::unique_ptr<Answering>> make(Parts parts, Front& front);

    /// The live numbers, from now on.
    void add_live(store::LiveStore& live);
    /// Before what gives them ends.
    void end_live() { live_routes_.reset(); }
    /// Interrupts what runs and ends the threads.
    void stop();

private:
    Answering(Parts parts, Front& front) : parts_(std::move(parts)), front_(front) {}
    Result<std::string> rejected_json(const api::RejectedQuestion& question) const;

    const Parts parts_;
    Front& front_;
    std::unique_ptr<query::Executor> executor_;
    std::unique_ptr<api::Gate> gate_;
    std::unique_ptr<api::QueryEndpoint> query_endpoint_;
    std::unique_ptr<WorkerPool> hashing_pool_;  ///< gives way to ingestion
    std::unique_ptr<WorkerPool> writing_pool_;  ///< changes of the catalog by the API
    std::unique_ptr<api::AccountRoutes> account_routes_;
    std::unique_ptr<api::GoalRoutes> goal_routes_;
    std::unique_ptr<api::SegmentRoutes> segment_routes_;
    std::unique_ptr<api::AnnotationRoutes> annotation_routes_;
    std::unique_ptr<api::RejectedRoutes> rejected_routes_;
    std::unique_ptr<api::LiveRoutes> live_routes_;
};

}  // namespace footfall::app
