#include "ingest/ingest.h"

#include <algorithm>
#include <map>

#include "base/bytes.h"
#include "base/failpoint.h"
#include "base/json.h"
#include "base/logging.h"
#include "base/metrics.h"
#include "http/encoding.h"

namespace footfall::ingest {
namespace {

constexpr std::string_view kEventsPath = "/api/v1/events";
constexpr std::string_view kPixelPath = "/api/v1/pixel.gif";
using namespace std::string_view_literals;

constexpr std::size_t kBodyBytesMax = 1024 * 1024;

struct Metrics {
    metrics::Counter& accepted = metrics::counter("footfall_events_accepted_total", "New events that are durable.");
    metrics::Counter& duplicates =
        metrics::counter("footfall_events_duplicate_total", "Acknowledged repetitions of an event_id.");
    metrics::Counter& cut = metrics::counter("footfall_values_cut_total", "Values that were too long and were cut.");
    metrics::Counter& samples =
        metrics::counter("footfall_rejected_samples_total", "Rejected events that were kept to be looked at.");
    metrics::Counter& samples_dropped = metrics::counter(
        "footfall_rejected_samples_dropped_total", "Rejected events beyond what is kept of a minute: only counted.");
    metrics::Counter& shed =
        metrics::counter("footfall_requests_shed_total", "Requests to the event endpoint that were refused with 503.");
    metrics::Counter& over_quota = metrics::counter(
        "footfall_requests_over_quota_total",
        "Requests to the event endpoint that were refused with 429, by whose quota was used up.", "quota=\"address\"");
    metrics::Counter& over_site_quota = metrics::counter(
        "footfall_requests_over_quota_total",
        "Requests to the event endpoint that were refused with 429, by whose quota was used up.", "quota=\"site\"");
    metrics::Histogram& request =
        metrics::histogram("footfall_ingest_request_seconds", "From the first byte of a request to its answer.");
    metrics::Histogram& prepare =
        metrics::histogram("footfall_ingest_prepare_seconds", "Decoding, parsing, enriching and serialising one body.");

    metrics::Counter& rejected(std::string_view reason) {
        return metrics::counter("footfall_events_rejected_total", "Events that were refused, by reason.",
                                "reason=\"" + std::string(reason) + "\"");
    }
};
Metrics& counters() {
    static Metrics instance;
    return instance;
}

http::Response refuse(const Error& error) {
    http::Response response = http::error_response(error);
    if (error.code == Code::kOverloaded || error.code == Code::kUnavailable) {
        counters().shed.add();
        // Spread over 1 to 4 s, so that clients do not come back all at once.
        unsigned char random = 0;
        random_bytes(&random, 1);
        response.headers.emplace_back("Retry-After", std::to_string(1 + random % 4));
    }
    return response;
}

http::Response refuse_over_quota(const Error& error, std::int64_t wait_ms) {
    http::Response response = http::error_response(error);
    // Rounded up: who comes back then is let through.
    response.headers.emplace_back("Retry-After", std::to_string((wait_ms + 999) / 1'000));
    return response;
}

Rate with_burst(std::int64_t events_per_second) {
    constexpr double kBurstSeconds = 20;
    const auto rate = static_cast<double>(events_per_second);
    return {.events_per_second = rate, .burst = kBurstSeconds * rate};
}

Error address_over_quota() {
    return Error(Code::kLimited, "this address sends more events than ingest.address_events_per_second; send later");
}

http::Response another_method() {
    http::Response response = http::error_response(Error(Code::kInvalidArgument, "events are sent with POST"));
    response.status = 405;
    response.headers.emplace_back("Allow", "POST, OPTIONS");
    return response;
}

http::Response preflight() {
    http::Response response;
    response.status = 204;
    response.headers.emplace_back("Access-Control-Allow-Methods", "POST, OPTIONS");
    response.headers.emplace_back("Access-Control-Allow-Headers", "Content-Type, Content-Encoding, Authorization");
    response.headers.emplace_back("Access-Control-Max-Age", "86400");
    return response;
}

Error overloaded() {
    return Error(Code::kOverloaded, "too many events wait for the disk; send this request again later");
}

Error too_many_requests() {
    return Error(Code::kOverloaded, "more requests come than can be taken; send this one again later");
}

/// The collect or admin key of the request; nullptr without one. Holds the snapshot that the key belongs to.
Result<const catalog::Key*> sender_key(const http::Request& request, const catalog::Snapshot& snapshot) {
    const std::string_view authorization = request.header("authorization");
    if (authorization.empty()) return nullptr;
    const auto secret = http::bearer_token(authorization);
    if (!secret) return Error(Code::kUnauthenticated, "the Authorization header must be 'Bearer KEY'", "Authorization");
    const catalog::Key* key = snapshot.key(*secret);
    if (key == nullptr) return Error(Code::kUnauthenticated, "unknown or revoked key", "Authorization");
    if (key->scope == catalog::Scope::kRead)
        return Error(Code::kForbidden, "a read key may not send events; make one with --scope collect",
                     "Authorization");
    return key;
}

/// Borrowed from the request. They are not asked for (Accept-CH): what a browser says unasked, and what the site asks
/// for itself, is taken.
enrich::ClientHints hints_of(const http::Request& request) {
    return {.brands = request.header("sec-ch-ua"),
            .full_brands = request.header("sec-ch-ua-full-version-list"),
            .mobile = request.header("sec-ch-ua-mobile"),
            .platform = request.header("sec-ch-ua-platform"),
            .platform_version = request.header("sec-ch-ua-platform-version"),
            .model = request.header("sec-ch-ua-model")};
}

/// Whether the request says, as that of every browser of the last years, what it was made for.
bool has_fetch_metadata(const http::Request& request) {
    return !request.header("sec-fetch-mode").empty() || !request.header("sec-fetch-site").empty();
}

struct Answer {
    std::uint64_t received = 0;
    std::string rejected;  // ready JSON array
    std::string problem;   // the first of them, for those who get no JSON
};

// One transparent pixel.
constexpr std::string_view kPixel =
    "GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff\x21\xf9\x04\x01\0\0\0\0\x2c\0\0\0\0\x01\0\x01\0\0\x02\x02\x44\x01\0\x3b"sv;

http::Response in_form(Form form, http::Response response, const std::string& problem) {
    if (form == Form::kReport) return response;
    response.content_type = "image/gif";
    response.body.clear();
    response.static_body = kPixel;
    response.headers.emplace_back("Cache-Control", "no-store");
    // The image says nothing, and somebody has to find out why nothing is counted.
    if (!problem.empty()) response.headers.emplace_back("Footfall-Rejected", problem);
    return response;
}

/// A page with further parameters in its query, before its own: of two of one name the first counts.
std::string with_parameters(std::string_view page, std::string_view parameters) {
    if (page.empty() || parameters.empty()) return std::string(page);
    const std::size_t fragment = std::min(page.find('#'), page.size());
    const std::size_t question = std::min(page.substr(0, fragment).find('?'), fragment);
    std::string out(page.substr(0, question));
    out.append("?").append(parameters);
    if (question < fragment) out.append("&").append(page.substr(question + 1));
    else out += page.substr(fragment);
    return out;
}

/// The pageview of a request for the pixel, as the JSON that a script would send. Parameters that are not its own are
/// the page's, as those of a campaign. kInvalidArgument where a value's escapes are broken.
Result<std::string> pixel_event(const http::Request& request) {
    constexpr std::string_view kPage = "page";
    constexpr std::string_view kConsent = "consent";
    std::map<std::string_view, std::string> values = {{"tracking_id", {}}, {"event_id", {}}, {"session_id", {}},
                                                      {"user_id", {}},     {kPage, {}},      {"title", {}},
                                                      {"referrer", {}},    {kConsent, {}}};
    std::string campaign;
    for (std::string_view rest = request.query; !rest.empty();) {
        const std::string_view pair = rest.substr(0, rest.find('&'));
        rest.remove_prefix(std::min(pair.size() + 1, rest.size()));
        const std::size_t equals = std::min(pair.find('='), pair.size());
        const auto own = values.find(pair.substr(0, equals));
        if (own == values.end()) {
            if (!campaign.empty()) campaign += '&';
            campaign += pair;
        } else if (own->second.empty()) {
            auto value = http::percent_decode(pair.substr(std::min(equals + 1, pair.size())), true);
            if (!value)
                return Error(Code::kInvalidArgument,
                             "the value of '" + std::string(own->first) + "' is escaped wrongly",
                             std::string(own->first));
            own->second = std::move(*value);
        }
    }
    std::string out;
    json::Writer writer(out);
    const auto member = [&](std::string_view name, const std::string& value) {
        if (!value.empty()) writer.member(name, value);
    };
    writer.begin_object();
    writer.member("type", "pageview");
    for (const char* name : {"tracking_id", "event_id", "session_id", "user_id"}) member(name, values[name]);
    writer.key("data");
    writer.begin_object();
    member(kPage, with_parameters(values[kPage], campaign));
    for (const char* name : {"title", "referrer"}) member(name, values[name]);
    writer.end_object();
    writer.key("context");
    writer.begin_object();
    if (values[kPage].empty()) member("url", with_parameters(request.header("referer"), campaign));
    member(kConsent, values[kConsent]);
    writer.end_object();
    writer.end_object();
    return out;
}

http::Response answer(const Answer& a, std::uint64_t duplicates) {
    http::Response response;
    json::Writer writer(response.body);
    writer.begin_object();
    writer.member("status", "ok");
    writer.member("received", a.received);
    writer.key("rejected");
    writer.raw(a.rejected);
    writer.member("duplicates", duplicates);
    writer.end_object();
    return response;
}

/// The JSON that was sent otherwise than as the body itself: in the query string, or encoded.
Result<std::optional<std::string>> made_body(const http::Request& request, Form form) {
    std::optional<std::string> made;
    const std::string_view encoding = request.header("content-encoding");
    if (form == Form::kImage) {
        TRY(made, pixel_event(request));
    } else if (!encoding.empty()) {
        TRY(made, http::decode_body(encoding, request.body, kBodyBytesMax, http::kAnyRatio));
    }
    if (made) made->reserve(made->size() + 64);  // simdjson reads past the end
    return made;
}

void describe(const std::vector<event::Rejection>& rejections, Answer& answer) {
    json::Writer writer(answer.rejected);
    writer.begin_array();
    for (const event::Rejection& rejection : rejections) {
        writer.begin_object();
        writer.member("index", rejection.index);
        writer.member("field", rejection.field);
        writer.member("reason", rejection.reason);
        writer.end_object();
    }
    writer.end_array();
    if (rejections.empty()) return;
    const event::Rejection& first = rejections.front();
    answer.problem.append(first.field).append(" ").append(first.reason);
}

}  // namespace

void MinuteCounts::add(std::int64_t now_ms, std::uint64_t accepted, std::uint64_t duplicates, std::uint64_t rejected) {
    const std::int64_t minute = now_ms / 60'000;
    const std::lock_guard lock(mutex_);
    Minute& slot = ring_[static_cast<std::size_t>(minute) % kMinutes];
    if (slot.minute != minute) slot = {.minute = minute};
    slot.accepted += accepted;
    slot.duplicates += duplicates;
    slot.rejected += rejected;
}

std::vector<MinuteCounts::Minute> MinuteCounts::read(std::int64_t now_ms) const {
    const std::int64_t current = now_ms / 60'000;
    std::vector<Minute> out;
    const std::lock_guard lock(mutex_);
    for (std::int64_t minute = current - static_cast<std::int64_t>(kMinutes) + 1; minute <= current; ++minute) {
        const Minute& slot = ring_[static_cast<std::size_t>(minute) % kMinutes];
        out.push_back(slot.minute == minute ? slot : Minute{.minute = minute});
    }
    return out;
}

void count_taken(std::uint64_t accepted, std::uint64_t duplicates) {
    counters().accepted.add(accepted);
    counters().duplicates.add(duplicates);
}

Totals totals() {
    Totals out{.accepted = counters().accepted.value(), .duplicates = counters().duplicates.value(), .rejected = {}};
    for (const std::string_view reason : event::reason::kAll)
        if (const std::uint64_t count = counters().rejected(reason).value(); count > 0)
            out.rejected.emplace_back(reason, count);
    return out;
}

Endpoint::Endpoint(const catalog::Catalog& catalog, std::shared_ptr<const enrich::Tables> tables,
                   enrich::Identity& identity, Committer& committer, Clock& clock, EndpointOptions options)
    : catalog_(catalog),
      tables_(std::move(tables)),
      identity_(identity),
      committer_(committer),
      clock_(clock),
      options_(std::move(options)),
      shedder_(clock, options_.shedder),
      address_quota_(clock),
      site_quota_(clock, 1u << 12) {
    for (unsigned i = 0; i < options_.loops; ++i)
        loops_.push_back(std::make_unique<Intake>(tables_, identity_, clock_, distinct_cap_));
}

Endpoint::~Endpoint() = default;

void Endpoint::use(std::shared_ptr<const enrich::Tables> tables) {
    const std::lock_guard lock(tables_mutex_);
    tables_ = std::move(tables);
    tables_number_.fetch_add(1, std::memory_order_release);
}

void Endpoint::take_up_tables(Intake& loop) const {
    if (loop.tables_number() == tables_number_.load(std::memory_order_acquire)) return;
    const std::lock_guard lock(tables_mutex_);
    loop.use(tables_, tables_number_.load(std::memory_order_relaxed));
}

void Endpoint::add_to(http::Router& router) {
    router.add_all(
        std::string(kEventsPath), [this](http::Exchange& exchange) { handle(exchange); },
        [this](const http::Request& request) { return check(request); });
    router.add(http::Method::kGet, std::string(kPixelPath),
               [this](http::Exchange& exchange) { handle_pixel(exchange); });
}

bool Endpoint::has_path(std::string_view path) { return path == kEventsPath || path == kPixelPath; }

const http::Headers& Endpoint::headers() {
    static const http::Headers of_every_answer = {
        // Events are taken from any origin and without credentials; which site they may name is judged by event.
        {"Access-Control-Allow-Origin", "*"},
        // Of a 429 or 503, for a script that waits as long as it is told.
        {"Access-Control-Expose-Headers", "Retry-After"},
        // sendBeacon asks without CORS, and would be told that it failed.
        {"Cross-Origin-Resource-Policy", "cross-origin"},
    };
    return of_every_answer;
}

bool Endpoint::sheds(const http::Request& request) const {
    return shedder_.sheds(request.queued_ns + committer_.backlog_ns());
}

std::optional<Rate> Endpoint::rate_of(const event::kind::ip& address, bool has_key) const {
    if (options_.address_events_per_second == 0 || has_key || is_loopback(address)) return std::nullopt;
    return with_burst(options_.address_events_per_second);
}

Status Endpoint::take_of_quotas(const event::kind::ip& address, bool has_key, const event::Batch& batch,
                                const catalog::Snapshot& snapshot, std::int64_t& wait_ms) {
    const std::optional<Rate> of_address = rate_of(address, has_key);
    if (of_address) {
        wait_ms = address_quota_.take(sender_of(address), *of_address, batch.count);
        if (wait_ms > 0) {
            counters().over_quota.add();
            return address_over_quota();
        }
    }
    if (options_.site_events_per_second == 0) return {};
    std::map<std::string_view, std::uint64_t> by_site;
    for (const event::Incoming& in : batch.events)
        if (snapshot.site(in.event.website_id) != nullptr) ++by_site[in.event.website_id];
    const Rate of_site = with_burst(options_.site_events_per_second);
    for (auto site = by_site.begin(); site != by_site.end(); ++site) {
        wait_ms = site_quota_.take(site->first, of_site, site->second);
        if (wait_ms == 0) continue;
        for (auto before = by_site.begin(); before != site; ++before)
            site_quota_.give_back(before->first, of_site, before->second);
        if (of_address) address_quota_.give_back(sender_of(address), *of_address, batch.count);
        counters().over_site_quota.add();
        return Error(Code::kLimited, "site " + std::string(site->first) +
                                         " gets more events than ingest.site_events_per_second; send later");
    }
    return {};
}

std::optional<http::Response> Endpoint::check(const http::Request& request) const {
    if (request.method == http::Method::kOptions) return std::nullopt;
    if (request.method != http::Method::kPost) return another_method();
    if (committer_.is_full()) return refuse(overloaded());
    if (sheds(request)) return refuse(too_many_requests());
    if (!http::is_known_encoding(request.header("content-encoding")))
        return refuse(
            Error(Code::kUnsupported, "unknown Content-Encoding; use gzip, zstd, br or none", "Content-Encoding"));
    if (!request.header("authorization").empty()) {
        const auto snapshot = catalog_.snapshot();
        if (const auto key = sender_key(request, *snapshot); !key) return refuse(key.error());
    } else if (options_.address_events_per_second > 0) {
        // Who goes on sending beyond the quota costs no more than the head of the request.
        const event::kind::ip address = client_address(request, options_.trusted_proxies);
        if (const auto rate = rate_of(address, false)) {
            if (const std::int64_t wait_ms = address_quota_.wait_ms(sender_of(address), *rate); wait_ms > 0) {
                counters().over_quota.add();
                return refuse_over_quota(address_over_quota(), wait_ms);
            }
        }
    }
    return std::nullopt;
}

void Endpoint::handle(http::Exchange& exchange) {
    switch (exchange.request().method) {
        case http::Method::kPost: return take(exchange, Form::kReport);
        case http::Method::kOptions: return exchange.respond(preflight());
        default: return exchange.respond(another_method());
    }
}

void Endpoint::handle_pixel(http::Exchange& exchange) {
    // Who asks for the head alone shows nothing to anybody.
    if (exchange.request().method == http::Method::kHead) return exchange.respond(in_form(Form::kImage, {}, {}));
    // It has no body, so nobody has judged its head.
    if (sheds(exchange.request())) {
        const Error error = too_many_requests();
        return exchange.respond(in_form(Form::kImage, refuse(error), error.message));
    }
    take(exchange, Form::kImage);
}

void Endpoint::take(http::Exchange& exchange, Form form) {
    const http::Request& request = exchange.request();
    Intake& loop = *loops_[exchange.loop_index()];
    const std::int64_t started = clock_.steady_ns();
    const std::int64_t now_ms = clock_.wall_ms();
    const auto snapshot = catalog_.snapshot();

    const auto turn_down = [&exchange, form](const Error& error) {
        exchange.respond(in_form(form, refuse(error), error.message));
    };
    const auto key = sender_key(request, *snapshot);
    if (!key) return turn_down(key.error());
    const bool has_key = *key != nullptr;
    if (const Status status = identity_.prepare(now_ms); !status) return turn_down(status.error());

    auto made = made_body(request, form);
    if (!made) return turn_down(made.error());
    const std::string_view body = *made ? std::string_view(**made) : request.body;
    const Sender sender{
        .key_site_id = has_key ? std::string_view((*key)->site_id) : std::string_view(),
        .address = client_address(request, options_.trusted_proxies),
        .user_agent = request.header("user-agent"),
        .accept_language = request.header("accept-language"),
        .hints = hints_of(request),
        .lacks_browser_headers = !has_key && request.header("accept-language").empty() && !has_fetch_metadata(request),
        .opts_out = !has_key && (request.header("sec-gpc") == "1" || request.header("dnt") == "1"),
        .sent_ms = now_ms,
        .receive_ms = now_ms};
    take_up_tables(loop);
    if (const Status parsed = loop.parse(body, sender); !parsed) return turn_down(parsed.error());
    const event::Batch& batch = loop.batch();
    std::int64_t wait_ms = 0;
    if (const Status taken = take_of_quotas(sender.address, has_key, batch, *snapshot, wait_ms); !taken)
        return exchange.respond(in_form(form, refuse_over_quota(taken.error(), wait_ms), taken.error().message));
    (void)failpoint("ingest.prepare");
    std::unique_ptr<Submission> submission = loop.make_submission(body.size(), sender, *snapshot);
    counters().cut.add(batch.values_cut);

    Answer reply;
    reply.received = submission->items.size();
    describe(batch.rejections, reply);
    for (const event::Rejection& rejection : batch.rejections) {
        const std::string_view site_id = Intake::counted_site(rejection, *snapshot);
        ++submission->tallies[loop.tally_of(site_id, *submission)].rejected[rejection.reason];
        counters().rejected(rejection.reason).add();
    }
    keep_samples(body, sender, batch.rejections, *snapshot, *submission);
    counters().prepare.observe_ns(clock_.steady_ns() - started);
    if (batch.count == 0) return exchange.respond(in_form(form, answer(reply, 0), reply.problem));

    const std::uint64_t rejected = batch.rejections.size();
    submission->finished = [this, &exchange, form, reply = std::move(reply), rejected,
                            now_ms](Result<std::uint64_t> duplicates) {
        if (!duplicates) {
            const Error error =
                duplicates.error().code == Code::kOverloaded
                    ? duplicates.error()
                    : Error(Code::kUnavailable, "the event log has stopped; send this request again later");
            return exchange.complete(in_form(form, refuse(error), error.message));
        }
        count_taken(reply.received - *duplicates, *duplicates);
        minutes_.add(now_ms, reply.received - *duplicates, *duplicates, rejected);
        counters().request.observe_ns(clock_.steady_ns() - exchange.started_ns());
        exchange.complete(in_form(form, answer(reply, *duplicates), reply.problem));
    };
    if (!committer_.submit(std::move(submission))) turn_down(overloaded());
}

void Endpoint::keep_samples(std::string_view body, const Sender& sender, std::span<const event::Rejection> rejections,
                            const catalog::Snapshot& snapshot, Submission& submission) {
    event::EventTexts texts(body);
    std::uint64_t dropped = 0;
    for (const event::Rejection& rejection : rejections) {
        const std::string_view site_id = Intake::counted_site(rejection, snapshot);
        // Who asks not to be counted is not kept as a sample either.
        if (rejection.reason == kOptedOut || rejection.reason == kNoConsent) continue;
        if (!samples_.take(site_id, rejection.reason, sender.receive_ms)) {
            ++dropped;
            continue;
        }
        submission.samples.push_back(write_rejected({.website_id = site_id,
                                                     .received_at = sender.receive_ms,
                                                     .rejection = &rejection,
                                                     .text = texts.at(rejection.index),
                                                     .user_agent = sender.user_agent,
                                                     .key_site_id = sender.key_site_id}));
        samples_.spend(site_id, submission.samples.back().size());
    }
    counters().samples.add(submission.samples.size());
    counters().samples_dropped.add(dropped);
}

}  // namespace footfall::ingest
