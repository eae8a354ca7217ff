// What each step of accepting events costs: CPU time of its thread, allocations and bytes an event.
//
//   stages_bench NODE_MODULES DIRECTORY [ROUNDS]
//
// One thread, without a socket: requests as bench/loadgen sends them, of single events and of bodies of 20, go through
// the product's own steps, a group of 50 requests at a time, as the committer takes them under load. The system's part
// (TCP, and what a sync costs it) is measured by bench/ingest. CPU time, so that other work on the machine counts
// little; the median of the rounds. Every record is read back at the end.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <deque>
#include <functional>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "api/api.h"
#include "base/clock.h"
#include "http/answer_head.h"
#include "http/parser.h"
#include "http/websocket.h"
#include "ingest/ingest.h"
#include "loadgen/requests.h"
#include "log/disk/disk_log.h"

namespace {
thread_local std::uint64_t allocations = 0;
}  // namespace

// Counted, of the thread that is measured.
void* operator new(std::size_t size) {
    ++allocations;
    if (void* memory = std::malloc(size)) return memory;
    throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace {

using namespace footfall;

constexpr std::size_t kGroup = 50;

template <class T>
T need(Result<T> result, const char* what) {
    if (result) return std::move(*result);
    fmt::print(stderr, "stages_bench: {}: {}\n", what, result.error().message);
    std::exit(1);
}
void need(const Status& status, const char* what) {
    if (status) return;
    fmt::print(stderr, "stages_bench: {}: {}\n", what, status.error().message);
    std::exit(1);
}

std::int64_t cpu_ns() {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<std::int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

/// Takes the answer and does nothing with it.
class DeafExchange final : public http::Exchange {
public:
    explicit DeafExchange(const http::Request& request) : request_(request) {}
    const http::Request& request() const override { return request_; }
    void respond(http::Response response) override { response_ = std::move(response); }
    void complete(http::Response response) override { response_ = std::move(response); }
    std::shared_ptr<http::BodyStream> stream(http::Response) override { return nullptr; }
    Result<std::shared_ptr<http::WebSocket>> upgrade(http::WebSocketOptions, http::WebSocketHandlers) override {
        return Error(Code::kUnsupported, "not here");
    }
    void on_client_gone(std::function<void()>) override {}
    std::int64_t started_ns() const override { return 0; }
    unsigned loop_index() const override { return 0; }
    http::Response& response() { return response_; }

private:
    const http::Request& request_;
    http::Response response_;
};

/// Keeps what the committer is given, so that the loop's side is measured alone.
class NullLog final : public log::EventLog {
public:
    Result<log::Position> append(std::span<const log::Entry> group) override {
        const log::Position at{.partition = 0, .offset = end_};
        end_ += group.size();
        return at;
    }
    log::Position end() const override { return {.partition = 0, .offset = end_}; }
    log::Position begin() const override { return {}; }
    bool wait_beyond(log::Position, int) const override { return false; }
    Result<std::unique_ptr<log::LogReader>> reader(log::Position) const override {
        return Error(Code::kUnsupported, "nothing is kept");
    }
    std::vector<log::Damage> damage() const override { return {}; }
    Status release(log::Position) override { return {}; }

private:
    std::uint64_t end_ = 0;
};

struct Stage {
    std::string name;
    std::vector<double> ns;  ///< an event, by round
    std::uint64_t allocations = 0;
    std::uint64_t bytes = 0;  ///< that it gives to the next
    std::uint64_t events = 0;
};

class Stages {
public:
    void measure(const char* name, std::size_t events, const std::function<std::uint64_t()>& step) {
        auto found = std::find_if(stages_.begin(), stages_.end(), [&](const Stage& s) { return s.name == name; });
        if (found == stages_.end()) {
            stages_.emplace_back().name = name;
            found = std::prev(stages_.end());
        }
        const std::uint64_t allocated = allocations;
        const std::int64_t began = cpu_ns();
        const std::uint64_t bytes = step();
        const auto took = static_cast<double>(cpu_ns() - began);
        found->allocations += allocations - allocated;
        found->ns.push_back(took / static_cast<double>(events));
        found->bytes += bytes;
        found->events += events;
    }
    void print(std::size_t events_per_body) {
        fmt::print("{:<44}{:>12}{:>14}{:>12}\n", fmt::format("bodies of {}, an event", events_per_body), "CPU us",
                   "allocations", "bytes");
        for (Stage& stage : stages_) {
            std::nth_element(stage.ns.begin(), stage.ns.begin() + static_cast<std::ptrdiff_t>(stage.ns.size() / 2),
                             stage.ns.end());
            const auto events = static_cast<double>(stage.events);
            fmt::print("{:<44}{:>12.2f}{:>14.2f}{:>12.0f}\n", stage.name, stage.ns[stage.ns.size() / 2] / 1000,
                       static_cast<double>(stage.allocations) / events, static_cast<double>(stage.bytes) / events);
        }
    }

private:
    std::deque<Stage> stages_;
};

/// Bytes of an answer to each of the requests.
std::uint64_t write_answers(const std::vector<http::Request>& requests, const http::ServerOptions& options) {
    std::uint64_t bytes = 0;
    std::string out;
    for (const http::Request& request : requests) {
        http::Response response;
        response.body = R"({"status":"ok","received":1,"rejected":[],"duplicates":0})";
        out.clear();
        http::append_head(
            out, response, response.body.size(),
            {.path = request.path, .connection = {}, .date = "Fri, 27 Nov 2026 12:00:00 GMT", .options = options});
        out += response.body;
        bytes += out.size();
    }
    return bytes;
}

void run(const std::string& lists, const std::string& folder, std::size_t events_per_body, std::size_t rounds) {
    Clock& clock = system_clock();
    auto catalog = need(catalog::Catalog::open(folder + "/catalog.sqlite", clock), "catalog");
    if (catalog->snapshot()->site("shop") == nullptr)
        need(catalog->add_site("shop", "shop.example", "UTC", "shop"), "site");
    const auto tables = need(enrich::Tables::load({.directories = {lists}}), "tables");
    enrich::Identity identity([&](std::int64_t day) { return catalog->salt(day); });
    auto index = need(ingest::Dedup::open({.directory = folder + "/ids"}, clock), "ids");
    auto log = need(log::DiskLog::open({.directory = folder + "/log", .free_bytes_min = 0}, clock), "log");
    NullLog null;
    auto null_index = need(ingest::Dedup::open({.directory = folder + "/ids-of-none"}, clock), "ids");
    ingest::Committer committer(null, null_index.get(), clock, {}, [](const Error&) { std::abort(); });
    ingest::Endpoint endpoint(*catalog, tables, identity, committer, clock,
                              {.trusted_proxies = need(ingest::parse_networks("127.0.0.0/8"), "networks"),
                               .loops = 1,
                               .address_events_per_second = 1000});
    ingest::DistinctCap cap;
    ingest::Intake intake(tables, identity, clock, cap);
    need(identity.prepare(clock.wall_ms()), "salt");

    http::ServerOptions options;
    options.common_headers = api::security_headers();
    options.headers_of = [](std::string_view) -> const http::Headers& { return ingest::Endpoint::headers(); };
    loadgen::Requests source({.site_id = "shop", .host = "localhost", .events_per_body = events_per_body}, clock);
    const std::size_t events = kGroup * events_per_body;
    const auto snapshot = catalog->snapshot();

    Stages stages;
    event::RecordReader records;
    std::uint64_t read = 0;
    for (std::size_t round = 0; round < rounds; ++round) {
        std::vector<std::string> texts(kGroup);
        for (std::string& text : texts) {
            text = source.next();
            text.reserve(text.size() + 64);  // as a connection's buffer has
        }
        std::vector<http::Request> requests(kGroup);
        stages.measure("read the head", events, [&] {
            std::uint64_t bytes = 0;
            for (std::size_t i = 0; i < kGroup; ++i) {
                http::HeadParser parser(options.header_bytes_max);
                http::Framing framing;
                if (parser.parse(texts[i], requests[i], framing) != http::ParseState::kDone) std::abort();
                requests[i].body = std::string_view(texts[i]).substr(parser.head_bytes());
                requests[i].peer.address = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 1};
                bytes += texts[i].size();
            }
            return bytes;
        });
        stages.measure("judge it (overload, quota, key)", events, [&] {
            for (const http::Request& request : requests)
                if (endpoint.check(request)) std::abort();
            return std::uint64_t{0};
        });
        std::vector<std::unique_ptr<ingest::Submission>> group;
        std::vector<ingest::Sender> senders;
        for (const http::Request& request : requests)
            senders.push_back({.address = event::parse_ip(request.header("x-forwarded-for")).value(),
                               .user_agent = request.header("user-agent"),
                               .accept_language = request.header("accept-language"),
                               .sent_ms = clock.wall_ms(),
                               .receive_ms = clock.wall_ms()});
        stages.measure("parse and validate", events, [&] {
            for (std::size_t i = 0; i < kGroup; ++i) need(intake.parse(requests[i].body, senders[i]), "parse");
            return std::uint64_t{0};
        });
        stages.measure("parse, validate, enrich, serialise", events, [&] {
            std::uint64_t bytes = 0;
            for (std::size_t i = 0; i < kGroup; ++i) {
                need(intake.parse(requests[i].body, senders[i]), "parse");
                group.push_back(intake.make_submission(requests[i].body.size(), senders[i], *snapshot));
                bytes += group.back()->records.size();
            }
            return bytes;
        });
        std::vector<log::Entry> entries;
        stages.measure("look the ids up", events, [&] {
            for (const auto& submission : group) {
                for (const auto& item : submission->items) {
                    if (need(index->seen("shop", item.event_id, submission->receive_ms), "ids")) std::abort();
                    entries.push_back(
                        {log::EntryKind::kEvent, std::string_view(submission->records).substr(item.begin, item.size)});
                }
            }
            return std::uint64_t{0};
        });
        log::Position at;
        stages.measure("compress, append and sync the group", events, [&] {
            at = need(log->append(entries), "append");
            return std::uint64_t{0};
        });
        need(index->commit(at.offset + entries.size()), "ids");
        stages.measure("write the answer", events, [&] { return write_answers(requests, options); });
        std::deque<DeafExchange> exchanges;
        for (const http::Request& request : requests) exchanges.emplace_back(request);
        stages.measure("the handler as a whole, until it has queued", events, [&] {
            for (DeafExchange& exchange : exchanges) endpoint.handle(exchange);
            return std::uint64_t{0};
        });
        while (committer.queued_bytes() > 0) {}
        stages.measure("read the record back", events, [&] {
            for (const log::Entry& entry : entries) read += records.read(entry.payload) ? 1 : 0;
            return std::uint64_t{0};
        });
    }
    stages.print(events_per_body);
    if (read != rounds * events) {
        fmt::print(stderr, "stages_bench: {} of {} records can be read\n", read, rounds * events);
        std::exit(1);
    }
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 3 || argc > 4) {
        fmt::print(stderr, "usage: stages_bench NODE_MODULES DIRECTORY [ROUNDS]\n");
        return 2;
    }
    const std::size_t rounds = argc == 4 ? std::strtoull(argv[3], nullptr, 10) : 400;
    run(argv[1], argv[2], 1, rounds);
    run(argv[1], argv[2], 20, std::max<std::size_t>(rounds / 10, 1));
    return 0;
}
