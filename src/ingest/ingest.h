#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "base/clock.h"
#include "catalog/catalog.h"
#include "enrich/enrich.h"
#include "event/parse.h"
#include "http/http.h"
#include "http/router.h"
#include "ingest/client_address.h"
#include "ingest/committer.h"
#include "ingest/distinct_cap.h"
#include "ingest/intake.h"
#include "ingest/quota.h"
#include "ingest/rejected.h"
#include "ingest/shedder.h"

namespace footfall::ingest {

/// Events of the last minutes by what became of them, for the status page. Since the start of the process. Thread-safe.
class MinuteCounts {
public:
    static constexpr std::size_t kMinutes = 30;
    struct Minute {
        std::int64_t minute = 0;  ///< minutes since 1970
        std::uint64_t accepted = 0;
        std::uint64_t duplicates = 0;
        std::uint64_t rejected = 0;
    };
    void add(std::int64_t now_ms, std::uint64_t accepted, std::uint64_t duplicates, std::uint64_t rejected);
    /// The last 30 minutes, oldest first, the current one last.
    std::vector<Minute> read(std::int64_t now_ms) const;

private:
    mutable std::mutex mutex_;
    std::array<Minute, kMinutes> ring_{};
};

/// Events since the start of the process, by what became of them.
struct Totals {
    std::uint64_t accepted = 0;
    std::uint64_t duplicates = 0;
    std::vector<std::pair<std::string, std::uint64_t>> rejected;  ///< by reason, those that occurred
};
Totals totals();
/// Counts events that were made durable otherwise than by the endpoint.
void count_taken(std::uint64_t accepted, std::uint64_t duplicates);

struct EndpointOptions {
    std::vector<Network> trusted_proxies;
    unsigned loops = 1;
    /// Quotas, each with a burst of 20 s; 0: none. Of one address (an IPv6 /64), without a key and not of loopback; of
    /// one site from everywhere.
    std::int64_t address_events_per_second = 0;
    std::int64_t site_events_per_second = 0;
    ShedderOptions shedder{};
};

/// What a sender is answered: a report, or what an <img> expects whatever became of its event.
enum class Form : std::uint8_t { kReport, kImage };

/// POST /api/v1/events: decode → parse → validate → enrich → commit → answer. Everything up to the commit runs on the
/// connection's loop without locks but the catalog's snapshot; the answer is given when the committer says that all is
/// durable.
///
/// Cost of an event in a body of 20, by stage: parse 0.7 µs, enrich 1 µs, record 0.6 µs; bench/ingest measures the
/// whole.
class Endpoint {
public:
    Endpoint(const catalog::Catalog& catalog, std::shared_ptr<const enrich::Tables> tables, enrich::Identity& identity,
             Committer& committer, Clock& clock, EndpointOptions options);
    ~Endpoint();

    /// Adds its routes.
    void add_to(http::Router& router);
    /// Whether they are of this path.
    static bool has_path(std::string_view path);
    /// For http::ServerOptions::headers_of: what every answer to a sender carries, the server's own early ones
    /// included. A page that may not read a refusal takes it for a failed network, and sends the same again for ever.
    static const http::Headers& headers();
    /// For http::HeaderCheck: an early answer where the body need not be read (another method, overload, wrong
    /// encoding, unknown key).
    std::optional<http::Response> check(const http::Request& request) const;
    /// Answers POST and OPTIONS. On the exchange's loop thread.
    void handle(http::Exchange& exchange);
    /// GET /api/v1/pixel.gif: a pageview out of the query string, on the same way, and always the image as its answer.
    /// HEAD counts nothing. On the exchange's loop thread.
    void handle_pixel(http::Exchange& exchange);

    const MinuteCounts& minutes() const { return minutes_; }

    /// Enrichment by these from the next request of each loop on: no request sees some of the old and some of the new.
    /// A loop without requests keeps the former in memory until its next one. Thread-safe.
    void use(std::shared_ptr<const enrich::Tables> tables);

private:
    void take(http::Exchange& exchange, Form form);
    void take_up_tables(Intake& loop) const;
    /// As many as the budget has room for.
    void keep_samples(std::string_view body, const Sender& sender, std::span<const event::Rejection> rejections,
                      const catalog::Snapshot& snapshot, Submission& submission);
    /// Whether a request is refused as more come than can be done.
    bool sheds(const http::Request& request) const;
    /// The quota of the sender's address where one applies to it.
    std::optional<Rate> rate_of(const event::kind::ip& address, bool has_key) const;
    /// What quotas say of so many events of an address and of sites: kLimited, with the time to wait in `wait_ms`, and
    /// then nothing was taken of them.
    Status take_of_quotas(const event::kind::ip& address, bool has_key, const event::Batch& batch,
                          const catalog::Snapshot& snapshot, std::int64_t& wait_ms);

    const catalog::Catalog& catalog_;
    mutable std::mutex tables_mutex_;
    std::shared_ptr<const enrich::Tables> tables_;
    std::atomic<std::uint64_t> tables_number_{0};  ///< changes with `tables_`, so that requests need no lock
    enrich::Identity& identity_;
    Committer& committer_;
    Clock& clock_;
    const EndpointOptions options_;
    mutable Shedder shedder_;
    Quota address_quota_;
    Quota site_quota_;
    DistinctCap distinct_cap_;
    MinuteCounts minutes_;
    SampleBudget samples_;
    std::vector<std::unique_ptr<Intake>> loops_;
};

}  // namespace footfall::ingest
