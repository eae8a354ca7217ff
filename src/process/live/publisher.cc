#include "process/live/publisher.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "base/logging.h"
#include "base/metrics.h"
#include "base/worker_pool.h"

namespace footfall::process {
namespace {

using Hold = store::redis::LiveWriter::Hold;

constexpr std::int64_t kMs = 1'000'000;  // in nanoseconds
constexpr std::int64_t kRetryMs = 250;
/// How long another one has the partition is looked at.
constexpr std::int64_t kLookMs = 1'000;
constexpr std::int64_t kEverythingNs = 60'000 * kMs;
/// Of one round trip. Redis writes such a batch in some milliseconds, in which it does nothing else.
constexpr std::size_t kBatchSites = 256;
constexpr std::size_t kBatchBytes = 1u << 20;
constexpr std::size_t kBytesPerMs = 16'000;

struct Metrics {
    metrics::Histogram& write = metrics::histogram("footfall_live_publish_seconds",
                                                   "Making a batch of sites' live numbers and writing it into Redis.");
    metrics::Counter& sites =
        metrics::counter("footfall_live_published_total", "Live numbers of a site written into Redis.");
    metrics::Counter& bytes =
        metrics::counter("footfall_live_published_bytes_total", "Bytes of live numbers written into Redis.");
    metrics::Counter& errors =
        metrics::counter("footfall_live_publish_errors_total", "Writings of live numbers into Redis that failed.");
    metrics::Counter& taken_up =
        metrics::counter("footfall_live_taken_up_total",
                         "Times that a partition's live numbers were taken up: all of them are published then.");
};
Metrics& counters() {
    static Metrics instance;
    return instance;
}

}  // namespace

LivePublisher::LivePublisher(LiveProcessor& live, store::redis::Client& client, LivePublisherOptions options,
                             Clock& clock)
    : live_(live), clock_(clock), options_(std::move(options)), writer_(client, options_.writer) {}

LivePublisher::~LivePublisher() { stop(); }

void LivePublisher::start() {
    thread_ = std::thread([this] { run(); });
}

void LivePublisher::stop() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    stopped_.notify_all();
    if (thread_.joinable()) thread_.join();
}

std::string LivePublisher::problem() const {
    const std::lock_guard lock(mutex_);
    return problem_;
}

bool LivePublisher::tell(std::string problem) {
    const std::lock_guard lock(mutex_);
    std::swap(problem_, problem);
    return problem_ != problem;
}

bool LivePublisher::wait(std::int64_t ms) {
    std::unique_lock lock(mutex_);
    return !stopped_.wait_for(lock, std::chrono::milliseconds(ms), [this] { return stopping_; });
}

void LivePublisher::run() {
    name_thread("live-publish");
    std::int64_t pause_ms = 0;
    while (wait(pause_ms)) {
        const auto done = round();
        pause_ms = done.value_or(kRetryMs);
        if (done) continue;
        counters().errors.add();
        if (tell(done.error().message))
            logging::warn("live.not_published",
                          {{"partition", options_.writer.partition}, {"error", done.error().message}});
    }
}

Result<std::int64_t> LivePublisher::round() {
    const std::int64_t now_ns = clock_.steady_ns();
    if (!writer_.holds()) made_ = 0;
    const bool is_full = made_ == 0 || now_ns - everything_ns_ >= kEverythingNs;
    auto changes = live_.changes(is_full ? 0 : made_, version_);
    if (!changes) return withdraw(changes.error());
    if (!writer_.holds()) {
        TRY(const Hold hold, writer_.take_up());
        if (hold == Hold::kLost) {
            if (tell("another process publishes this partition"))
                logging::warn("live.taken_over", {{"partition", options_.writer.partition}});
            return kLookMs;
        }
        counters().taken_up.add();
    }
    const std::unordered_set<std::string> known(changes->sites.begin(), changes->sites.end());
    std::vector<std::string> sites = std::move(changes->sites);
    const bool is_all = is_full || changes->made != made_;
    if (is_all) {
        // Of what was told before and is not known any more, being forgotten or erased, there are zeros to tell.
        for (const std::string& site : published_)
            if (!known.contains(site)) sites.push_back(site);
    }
    published_.insert(known.begin(), known.end());
    round_bytes_ = 0;
    TRY(const bool is_published, publish(changes->made, sites));
    if (!is_published) return kRetryMs;
    const bool is_news = made_ == 0 || !sites.empty();
    if (made_ == 0) {
        logging::info("live.published", {{"partition", options_.writer.partition}, {"sites", sites.size()}});
    }
    if (is_all) {
        published_ = known;
        everything_ns_ = now_ns;
    }
    made_ = changes->made;
    version_ = changes->version;
    state_ = {.offset = changes->offset, .as_of_ms = changes->as_of_ms};
    if (is_news || is_report_due()) {
        TRY(const bool is_reported, report());
        if (!is_reported) return kRetryMs;
    }
    tell({});
    return std::max<std::int64_t>(options_.interval_ms, static_cast<std::int64_t>(round_bytes_ / kBytesPerMs));
}

Result<std::int64_t> LivePublisher::withdraw(const Error& why) {
    tell(why.message);  // the processor has logged it
    if (made_ != 0) {
        made_ = 0;
        TRY_STATUS(writer_.withdraw());
    }
    return options_.interval_ms;
}

Result<bool> LivePublisher::publish(std::uint64_t made, const std::vector<std::string>& sites) {
    std::vector<store::redis::LiveWriter::SitePart> batch;
    std::size_t batch_bytes = 0;
    std::int64_t began_ns = clock_.steady_ns();
    for (std::size_t i = 0; i < sites.size(); ++i) {
        const auto part = live_.part(made, sites[i], options_.limits);
        if (!part) return false;  // made anew meanwhile: the next round says what is now
        batch.push_back({.website_id = sites[i], .text = store::live_part_text(*part)});
        batch_bytes += batch.back().text.size();
        if (i + 1 < sites.size() && batch.size() < kBatchSites && batch_bytes < kBatchBytes) continue;
        TRY(const Hold hold, writer_.write(batch));
        if (hold == Hold::kLost || !wait(0)) return false;
        counters().write.observe_ns(clock_.steady_ns() - std::exchange(began_ns, clock_.steady_ns()));
        counters().sites.add(batch.size());
        counters().bytes.add(batch_bytes);
        round_bytes_ += std::exchange(batch_bytes, 0);
        batch.clear();
        // A round of very many sites takes a while, in which what the last one told still holds.
        if (made_ == 0 || !is_report_due()) continue;
        TRY(const bool is_reported, report());
        if (!is_reported) return false;
    }
    return true;
}

bool LivePublisher::is_report_due() const { return clock_.steady_ns() - reported_ns_ >= options_.report_ms * kMs; }

Result<bool> LivePublisher::report() {
    TRY(const Hold hold, writer_.report(state_));
    reported_ns_ = clock_.steady_ns();
    return hold == Hold::kHeld;
}

}  // namespace footfall::process
