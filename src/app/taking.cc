#include "app/taking.h"

#include <utility>

#include "app/machine.h"
#include "base/logging.h"

namespace footfall::app {
namespace {

/// A file of enrichment is loaded when it is the same at two looks.
constexpr std::int64_t kLookEveryMs = 5'000;

}  // namespace

Result<std::unique_ptr<Taking>> Taking::open(const Settings& settings) {
    std::unique_ptr<Taking> out(new Taking(settings));
    TRY(const enrich::BotOptions bots, bot_options(settings));
    TRY(out->tables_, enrich::Tables::load(data_files(settings), bots));
    out->watch_ = std::make_unique<enrich::TablesWatch>(data_files(settings), bots, out->tables_);
    return out;
}

Status Taking::listen(Front& front, const catalog::Catalog& catalog, enrich::Identity& identity,
                      ingest::Committer& committer, Clock& clock) {
    TRY(auto trusted, front.trusted());
    const std::lock_guard lock(mutex_);
    endpoint_ = std::make_unique<ingest::Endpoint>(
        catalog, tables_, identity, committer, clock,
        ingest::EndpointOptions{.trusted_proxies = std::move(trusted),
                                .loops = front.loops(),
                                .address_events_per_second = settings_.ingest_address_events_per_second,
                                .site_events_per_second = settings_.ingest_site_events_per_second});
    endpoint_->add_to(front.router());
    return {};
}

std::shared_ptr<const enrich::Tables> Taking::tables() const {
    const std::lock_guard lock(mutex_);
    return tables_;
}

void Taking::tend(std::int64_t now_ms) {
    if (is_reload_wanted_.exchange(false)) look(enrich::TablesWatch::When::kNow);
    // Also where the clock was set back.
    if (now_ms < look_at_ms_ && look_at_ms_ - now_ms <= kLookEveryMs) return;
    look_at_ms_ = now_ms + kLookEveryMs;
    look(enrich::TablesWatch::When::kSettled);
}

void Taking::look(enrich::TablesWatch::When when) {
    const auto looked = watch_->look(when);
    if (!looked) {
        logging::warn("enrich.not_reloaded", {{"error", looked.error().message}});
        return;
    }
    if (*looked == nullptr) return;
    const std::lock_guard lock(mutex_);
    tables_ = *looked;
    if (endpoint_) endpoint_->use(tables_);
    for (const enrich::StepStatus& step : tables_->status())
        logging::info("enrich.reloaded", {{"step", step.step}, {"data", step.data}});
}

std::vector<ingest::MinuteCounts::Minute> Taking::minutes(std::int64_t now_ms) const {
    return endpoint_ ? endpoint_->minutes().read(now_ms) : std::vector<ingest::MinuteCounts::Minute>();
}

}  // namespace footfall::app
