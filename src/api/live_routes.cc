#include "api/live_routes.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include "api/bodies.h"
#include "base/bytes.h"
#include "base/json.h"
#include "base/metrics.h"
#include "base/worker_pool.h"

namespace footfall::api {
namespace {

constexpr std::int64_t kMillisecond = 1'000'000;
/// How often the sites that are followed are looked at.
constexpr std::int64_t kTickMs = 100;
constexpr std::int64_t kTellNs = 250 * kMillisecond;
/// Without an event the numbers change too: minutes pass, visitors leave.
constexpr std::int64_t kReadNs = 1'000 * kMillisecond;
constexpr std::int64_t kHeartbeatNs = 10'000 * kMillisecond;
constexpr std::int64_t kJudgeNs = 500 * kMillisecond;
/// Of one list's names: a site whose pages have hostile names does not make its messages huge.
constexpr std::size_t kListBytesMax = 16 * 1024;

void write_list(json::Writer& writer, std::string_view name, const std::vector<store::LiveEntry>& entries) {
    writer.key(name);
    writer.begin_array();
    std::size_t bytes = 0;
    for (const store::LiveEntry& entry : entries) {
        bytes += entry.name.size();
        if (bytes > kListBytesMax) break;
        writer.begin_object();
        writer.member("name", entry.name);
        writer.member("visitors", entry.visitors);
        writer.end_object();
    }
    writer.end_array();
}

/// The message but for its type and its time.
std::string numbers_json(const store::LiveNumbers& numbers) {
    std::string out;
    json::Writer writer(out);
    writer.begin_object();
    writer.member("active_visitors", numbers.active_visitors);
    writer.key("minutes");
    writer.begin_array();
    for (const store::LiveMinute& minute : numbers.minutes) {
        writer.begin_object();
        writer.member("minute", iso_text(minute.start_ms));
        writer.member("pageviews", minute.pageviews);
        writer.member("events", minute.events);
        writer.member("visitors", minute.visitors);
        writer.end_object();
    }
    writer.end_array();
    writer.key("ten_seconds");
    writer.begin_array();
    for (const store::LiveInterval& interval : numbers.intervals) {
        writer.begin_object();
        writer.member("start", iso_text(interval.start_ms));
        writer.member("pageviews", interval.pageviews);
        writer.member("events", interval.events);
        writer.end_object();
    }
    writer.end_array();
    write_list(writer, "pages", numbers.pages);
    write_list(writer, "sources", numbers.sources);
    write_list(writer, "countries", numbers.countries);
    write_list(writer, "events", numbers.events);
    writer.member("sample_rate", numbers.sample_rate);
    writer.end_object();
    return out;
}

std::shared_ptr<const std::string> message(std::string_view type, std::int64_t as_of_ms, std::string_view numbers) {
    auto out = std::make_shared<std::string>();
    out->reserve(numbers.size() + 80);
    out->append(R"({"type":")").append(type).append(R"(","as_of":")").append(iso_text(as_of_ms)).append("\",");
    out->append(numbers.substr(1));  // behind its opening brace
    return out;
}

struct Metrics {
    metrics::Histogram& tell = metrics::histogram("footfall_live_tell_seconds",
                                                  "Reading a site's live numbers and giving them to its sockets.");
    metrics::Counter& texts =
        metrics::counter("footfall_live_texts_total", "Texts given to sockets that follow a site.");
};
Metrics& counters() {
    static Metrics instance;
    return instance;
}

metrics::Gauge& open_sockets() {
    static metrics::Gauge& gauge = metrics::gauge("footfall_live_sockets", "Open sockets that follow a site.");
    return gauge;
}

}  // namespace

LiveRoutes::LiveRoutes(const catalog::Catalog& catalog, const Gate& gate, store::LiveStore& live, Clock& clock)
    : catalog_(catalog),
      gate_(gate),
      live_(live),
      clock_(clock),
      rule_(*find_rule(http::Method::kGet, "/api/v1/live")),
      thread_([this] { run(); }) {}

LiveRoutes::~LiveRoutes() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_all();
    thread_.join();
}

void LiveRoutes::add_to(http::Router& router) {
    router.add(http::Method::kGet, "/api/v1/live", [this](http::Exchange& exchange) { connect(exchange); });
    gate_.add(router, http::Method::kPost, "/api/v1/live/ticket",
              [this](http::Exchange& exchange, const Caller& caller) { give_ticket(exchange, caller); });
}

void LiveRoutes::connect(http::Exchange& exchange) {
    if (const Status connected = try_connect(exchange); !connected) exchange.respond(refusal(connected.error()));
}

Status LiveRoutes::try_connect(http::Exchange& exchange) {
    const http::Request& request = exchange.request();
    Credential credential;
    Caller caller;
    std::string site_id = http::query_value(request.query, "website_id").value_or("");
    if (const auto token = http::query_value(request.query, "ticket")) {
        const auto ticket = take_ticket(*token);
        if (!ticket || (!site_id.empty() && !ticket->site_id.empty() && site_id != ticket->site_id))
            return Error(Code::kUnauthenticated,
                         "this ticket was used, is older than 30 seconds, or is for another site; ask for a new one",
                         "ticket");
        credential = ticket->credential;
        if (site_id.empty()) site_id = ticket->site_id;
        TRY(caller, gate_.judge_again(rule_, credential));
        TRY_STATUS(gate_.judge_origin_of_connection(request));
    } else {
        TRY(caller, gate_.judge(rule_, request));
        TRY(credential, gate_.credential(request));
    }
    if (site_id.empty()) return Error(Code::kInvalidArgument, "say which site: ?website_id=SITE", "website_id");
    TRY_STATUS(caller.readable_site(site_id, *catalog_.snapshot()));
    TRY(const std::shared_ptr<http::WebSocket> socket, exchange.upgrade({}, {}));
    {
        const std::lock_guard lock(mutex_);
        sites_[site_id].sockets.push_back({.socket = socket, .credential = std::move(credential)});
        has_new_ = true;
    }
    wake_.notify_all();
    return {};
}

void LiveRoutes::give_ticket(http::Exchange& exchange, const Caller& caller) {
    const http::Request& request = exchange.request();
    std::string site_id;
    if (!request.body.empty()) {
        const auto fields = Fields::parse(request.body, kTicketBody);
        if (!fields) return exchange.respond(refusal(fields.error()));
        site_id = fields->get("website_id");
    }
    if (!site_id.empty())
        if (const auto site = caller.readable_site(site_id, *catalog_.snapshot()); !site)
            return exchange.respond(refusal(site.error()));
    const auto credential = gate_.credential(request);
    if (!credential) return exchange.respond(refusal(credential.error()));

    std::array<char, 32> random{};
    random_bytes(random.data(), random.size());
    const std::string token = to_hex({random.data(), random.size()});
    const std::int64_t now_ns = clock_.steady_ns();
    {
        const std::lock_guard lock(mutex_);
        std::erase_if(tickets_, [&](const auto& ticket) { return ticket.second.ends_ns <= now_ns; });
        if (tickets_.size() >= kTicketsMax)
            return exchange.respond(refusal(Error(Code::kOverloaded, "too many tickets are waiting to be used")));
        tickets_[token] = {.credential = *credential, .site_id = site_id, .ends_ns = now_ns + kTicketMs * kMillisecond};
    }
    http::Response response;
    json::Writer writer(response.body);
    writer.begin_object();
    writer.member("ticket", token);
    writer.member("expires_in", kTicketMs / 1'000);
    writer.end_object();
    exchange.respond(std::move(response));
}

std::optional<LiveRoutes::Ticket> LiveRoutes::take_ticket(const std::string& token) {
    const std::lock_guard lock(mutex_);
    const auto found = tickets_.find(token);
    if (found == tickets_.end()) return std::nullopt;
    Ticket ticket = std::move(found->second);
    tickets_.erase(found);
    if (ticket.ends_ns <= clock_.steady_ns()) return std::nullopt;
    return ticket;
}

void LiveRoutes::run() {
    name_thread("live-push");
    std::unique_lock lock(mutex_);
    while (!stopping_) {
        const std::int64_t now_ns = clock_.steady_ns();
        has_new_ = false;
        std::size_t open = 0;
        for (auto& [site_id, site] : sites_) {
            std::erase_if(site.sockets, [](const Socket& socket) { return !socket.socket->is_open(); });
            open += site.sockets.size();
        }
        std::erase_if(sites_, [](const auto& site) { return site.second.sockets.empty(); });
        open_sockets().set(static_cast<double>(open));
        if (now_ns - judged_ns_ >= kJudgeNs) end_lost_access(now_ns);
        std::vector<std::string> due;
        for (const auto& [site_id, site] : sites_)
            if (is_due(site_id, site, now_ns)) due.push_back(site_id);
        for (const std::string& site_id : due) {
            if (stopping_) return;
            const std::int64_t began_ns = clock_.steady_ns();
            // Not under the lock, for which a server's thread waits that opens a socket: numbers from elsewhere take
            // their time.
            lock.unlock();
            const std::uint64_t version = live_.version(site_id);
            const auto numbers = live_.read(site_id);
            lock.lock();
            Site& site = sites_.at(site_id);
            if (!numbers) {
                // Being rebuilt, or away: the next turn asks again.
                end_stale(site, began_ns);
                continue;
            }
            site.version = version;
            tell(site, *numbers, began_ns);
            counters().tell.observe_ns(clock_.steady_ns() - began_ns);
        }
        const auto is_awake = [this] { return stopping_ || has_new_; };
        if (sites_.empty()) wake_.wait(lock, is_awake);
        else wake_.wait_for(lock, std::chrono::milliseconds(kTickMs), is_awake);
    }
}

void LiveRoutes::end_lost_access(std::int64_t now_ns) {
    judged_ns_ = now_ns;
    const auto snapshot = catalog_.snapshot();
    for (auto& [site_id, site] : sites_) {
        for (Socket& socket : site.sockets) {
            const auto caller = gate_.judge_again(rule_, socket.credential);
            if (!caller) {
                const bool is_known = caller.error().code == Code::kForbidden;
                socket.socket->close(is_known ? kForbidden : kSignedOut, caller.error().message);
            } else if (const auto readable = caller->readable_site(site_id, *snapshot); !readable) {
                const bool is_gone = readable.error().code == Code::kNotFound;
                socket.socket->close(is_gone ? kNoSite : kForbidden, readable.error().message);
            }
        }
    }
}

void LiveRoutes::end_stale(const Site& site, std::int64_t now_ns) {
    if (now_ns - site.read_ns < kStaleMs * kMillisecond) return;
    for (const Socket& socket : site.sockets)
        if (!socket.is_new) socket.socket->close(kTryAgainLater, "there are no live numbers now; connect again later");
}

bool LiveRoutes::is_due(const std::string& site_id, const Site& site, std::int64_t now_ns) {
    const bool has_new = std::ranges::any_of(site.sockets, &Socket::is_new);
    const bool is_changed = live_.version(site_id) != site.version && now_ns - site.sent_ns >= kTellNs;
    return has_new || is_changed || now_ns - site.read_ns >= kReadNs;
}

void LiveRoutes::tell(Site& site, const store::LiveNumbers& numbers, std::int64_t now_ns) {
    site.read_ns = now_ns;
    std::string now = numbers_json(numbers);
    const bool is_news = now != site.told || now_ns - site.sent_ns >= kHeartbeatNs;
    site.told = std::move(now);
    if (is_news) site.sent_ns = now_ns;
    std::shared_ptr<const std::string> snapshot;
    std::shared_ptr<const std::string> update;
    for (Socket& socket : site.sockets) {
        if (!socket.is_new && !is_news) continue;
        auto& text = socket.is_new ? snapshot : update;
        if (!text) text = message(socket.is_new ? "snapshot" : "update", numbers.as_of_ms, site.told);
        socket.socket->offer(text);
        socket.is_new = false;
        counters().texts.add();
    }
}

}  // namespace footfall::api
