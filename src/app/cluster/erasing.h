#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "app/cluster/topic_logs.h"
#include "app/erasing.h"
#include "app/settings.h"
#include "base/result.h"
#include "catalog/catalog.h"
#include "erase/erase.h"
#include "process/audit.h"
#include "store/client.h"

namespace footfall::app::cluster {

/// Erasures and exports of the cluster form, with nothing but the engines (docs/adr/0034). Kafka rewrites no entry, so
/// an erasure is an order in the catalog by which whoever reads `events` or `rejected_events` passes over the subject's
/// entries, and the rows of the store go while every loader stands still. On return of erase() no reader gives the
/// entries any more, but for query nodes and live numbers that hear of it a moment later, and archives, which load
/// roles rewrite; Report::note says of both what is left. After a death at any point the next erase() of whomever ends
/// what was begun. kTimeout where roles do not get on, or do not stand still.
class ClusterErasing final : public Erasing {
public:
    /// What is passed outlives this.
    ClusterErasing(const Settings& settings, catalog::Catalog& catalog, store::Client& store)
        : settings_(settings), catalog_(catalog), store_(store) {}

    /// The pace means nothing here: no log is rewritten.
    Result<erase::Report> erase(const erase::Subject& subject, log::ErasurePace pace) override;
    Result<erase::Found> find(const erase::Subject& subject) const override;
    /// Of events those that Kafka has yet: ExportPage::note says where that is not all.
    Result<erase::ExportPage> export_page(const erase::ExportRequest& request, std::string_view from) const override;

private:
    /// Of what subjects are in, without what is erased.
    struct Logs {
        TopicLogs events;
        TopicLogs rejected;

        std::vector<const log::EventLog*> all() const;
        /// In the order of all().
        std::vector<log::Position> ends() const;
    };
    struct Looked {
        erase::Found found;
        std::vector<log::Position> rejected_ends;  ///< up to which samples were looked at
    };
    Result<Logs> open_logs() const;
    /// The same once all that was acknowledged before is in it, and its events in the store.
    Result<Logs> open_loaded() const;
    Result<Looked> look(erase::Subject subject) const;
    /// Adds whom the store shows to be the same person.
    Status follow(erase::Subject& subject) const;
    /// By the store, and by the logs from `begins` on, in the order of all(). Counts what the logs have.
    Result<erase::Found> find_in(const Logs& logs, erase::Subject subject, std::span<const std::uint64_t> begins) const;
    /// Stand still: every loader.
    Result<std::vector<process::TablesHeld>> hold_all() const;
    /// What is to go, found once more while loaders stand still: nothing that is loaded then is missed.
    Result<erase::Found> find_held(const Logs& logs, const Looked& before,
                                   std::span<const process::TablesHeld> held) const;
    /// `order` is one that was begun, or empty.
    Result<erase::Report> carry_out(erase::Subject subject, catalog::Erasure order);
    Result<std::string> what_is_left(const catalog::Erasure& order) const;

    const Settings& settings_;
    catalog::Catalog& catalog_;
    store::Client& store_;
    mutable std::mutex export_mutex_;
    mutable std::optional<Logs> export_logs_;  ///< of the export whose pages are asked for, one after the other
};

}  // namespace footfall::app::cluster
