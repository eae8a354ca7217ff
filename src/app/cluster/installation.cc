#include "app/cluster/installation.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "app/cluster/audit.h"
#include "app/cluster/engines.h"
#include "app/cluster/erasing.h"
#include "app/cluster/erasures.h"
#include "app/cluster/store_watch.h"
#include "app/machine.h"
#include "app/offline.h"
#include "base/clock.h"
#include "log/kafka/topics.h"
#include "process/rejected.h"
#include "store/migrations.h"

namespace footfall::app::cluster {
namespace {

/// What the cluster form does not do yet is said as it is.
Error not_here(std::string_view what) {
    return {Code::kUnsupported,
            fmt::format("{} is not there in the cluster form yet; see docs/operations/cluster.md", what)};
}

/// The engines behind an installation, as commands see it.
class ClusterInstallation final : public Installation {
public:
    ClusterInstallation(const Settings& settings, std::unique_ptr<catalog::Catalog> catalog,
                        std::unique_ptr<store::Client> store)
        : settings_(settings),
          catalog_(std::move(catalog)),
          store_(std::move(store)),
          erasing_(settings_, *catalog_, *store_) {}

    catalog::Catalog& catalog() override { return *catalog_; }
    std::string address() const override { return settings_.http_listen; }

    Result<process::AuditReport> audit(const std::string& site_id) override {
        std::vector<std::string> known;
        for (const auto& [id, site] : catalog_->snapshot()->sites) known.push_back(id);
        if (!site_id.empty() && std::find(known.begin(), known.end(), site_id) == known.end())
            return Error(Code::kNotFound, "there is no site '" + site_id + "'; see 'footfall site list'", "--site");
        return cluster::audit(settings_, *catalog_, *store_, site_id, known);
    }
    Result<process::RejectedList> rejected(const process::RejectedFilter& filter,
                                           const process::RejectedPage& page) override {
        return process::list_rejected(*store_, filter, page);
    }
    Result<ingest::ReplayReport> replay_rejected(const process::RejectedFilter&, ingest::ReplayMode) override {
        return not_here("replaying rejected events");
    }
    Result<process::RescoreReport> preview_rescore(const process::RescoreFilter&) override {
        return not_here("judging stored events again");
    }
    Result<Erasing*> erasing() override { return &erasing_; }
    Result<Rescoring*> rescoring() override { return not_here("judging stored events again"); }
    Result<Rebuilding*> rebuilding() override { return not_here("a rebuild"); }
    Result<std::vector<enrich::ListInfo>> lists() override { return installed_lists(settings_); }

    std::vector<Finding> doctor() override {
        std::vector<Finding> findings = check_machine(settings_);
        findings.push_back({"catalog", true, "PostgreSQL answers", ""});
        const Status ping = store_->ping(2'000);
        findings.push_back({"store", ping.has_value(), ping ? settings_.store_url + " answers" : ping.error().message,
                            ping ? "" : "look at ClickHouse there, and at store.url"});
        findings.push_back(check_topics());
        findings.push_back(check_redis());
        findings.push_back(check_erasures());
        return findings;
    }

private:
    Finding check_topics() const {
        const auto options = topics_options(settings_);
        if (!options) return {"kafka", false, options.error().message, "mend kafka.properties"};
        const auto missing = log::kafka::missing_topics(*options);
        if (!missing) return {"kafka", false, missing.error().message, "look at Kafka there, and at kafka.brokers"};
        if (!missing->empty())
            return {"kafka", false, fmt::format("there is no topic {}", fmt::join(*missing, ", ")),
                    "run 'footfall prepare'"};
        return {"kafka", true, settings_.kafka_brokers + " answers, and has all topics", ""};
    }
    Finding check_erasures() const {
        const auto orders = catalog_->erasures();
        if (!orders) return {"erasures", false, orders.error().message, "look at PostgreSQL there"};
        std::size_t archives = 0;
        for (const catalog::Erasure& order : *orders) {
            if (order.done_ms == 0)
                return {"erasures", false, "one was begun and is not complete",
                        "run 'footfall erase' again, of whomever: it completes this one first"};
            archives += archives_left(settings_, order);
        }
        if (archives > 0)
            return {"erasures", true, fmt::format("{} archives of partitions are being rewritten", archives), ""};
        return {"erasures", true, fmt::format("all are complete; of {} Kafka may have entries yet", orders->size()),
                ""};
    }
    Finding check_redis() const {
        const auto endpoint = redis_endpoint(settings_);
        if (!endpoint) return {"redis", false, endpoint.error().message, "mend redis.address"};
        store::redis::Client client(*endpoint);
        const auto pong = client.run({"PING"}, 1'000);
        if (pong) return {"redis", true, settings_.redis_address + " answers", ""};
        return {"redis", false, pong.error().message,
                "live numbers come back with it by themselves; events and questions go on without it"};
    }

    const Settings& settings_;
    const std::unique_ptr<catalog::Catalog> catalog_;
    const std::unique_ptr<store::Client> store_;
    ClusterErasing erasing_;
};

/// Rows are told apart by partition and offset. In a topic that is made anew these begin again, and what comes would be
/// taken for what is there.
Status keep_offsets(const Settings& settings, const log::kafka::TopicsOptions& options, store::Client& store) {
    const std::string events = prefixed(settings, "events");
    TRY(const std::vector<std::string> missing, log::kafka::missing_topics(options));
    if (std::find(missing.begin(), missing.end(), events) == missing.end()) return {};
    TRY(const std::uint64_t loaded, loaded_entries(store));
    if (loaded == 0) return {};
    return Error(Code::kConflict,
                 fmt::format("the topic '{}' is gone and the store has {} entries of it, so it is not made anew here: "
                             "give Kafka the topic back, or set store.database to a name that is not there yet, which "
                             "gets what comes from now on; see docs/operations/cluster.md",
                             events, loaded));
}

Result<std::unique_ptr<ClusterInstallation>> open_installation(const Settings& settings) {
    TRY(auto catalog, catalog::Catalog::open(settings.catalog_url, system_clock()));
    TRY(auto store, open_store(settings));
    return std::make_unique<ClusterInstallation>(settings, std::move(catalog), std::move(store));
}

}  // namespace

bool is_cluster(const Settings& settings) { return !settings.catalog_url.empty(); }

Result<CommandResult> run_in_cluster(const Settings& settings, std::span<const std::string> argv,
                                     const std::string& input) {
    TRY(const auto installation, open_installation(settings));
    return run_command(*installation, argv, input);
}

Result<CommandResult> run_pages_in_cluster(const Settings& settings, std::span<const std::string> argv,
                                           const std::function<bool(std::string_view)>& print) {
    TRY(const auto installation, open_installation(settings));
    return *print_pages(
        argv,
        [&](const auto& page) { return std::optional(Result<CommandResult>(run_command(*installation, page, ""))); },
        print);
}

Result<std::string> prepare(const Settings& settings) {
    if (!is_cluster(settings))
        return Error(Code::kInvalidArgument,
                     "prepare is for the cluster form, which needs catalog.url; 'footfall serve' needs no preparing",
                     "catalog.url");
    TRY([[maybe_unused]] const auto catalog, catalog::Catalog::open(settings.catalog_url, system_clock()));
    std::string out = "catalog: its tables are those of this release\n";
    TRY(const auto store, open_store(settings));
    TRY_STATUS(store::migrate(*store));
    out += "store: its tables are those of this release\n";
    TRY(const auto options, topics_options(settings));
    TRY_STATUS(keep_offsets(settings, options, *store));
    TRY(const log::kafka::TopicsReport report, log::kafka::make_topics(options));
    for (const std::string& done : report.done) out += "kafka: " + done + "\n";
    for (const std::string& differs : report.differs) out += "kafka: left as it is: " + differs + "\n";
    if (report.done.empty()) out += "kafka: all topics are there\n";
    return out;
}

}  // namespace footfall::app::cluster
