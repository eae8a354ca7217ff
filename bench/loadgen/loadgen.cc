// footfall-loadgen: sends realistic events to an endpoint and prints, as JSON, what came back and how fast.
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <limits>
#include <map>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "base/file.h"
#include "base/json.h"
#include "loadgen/driver.h"
#include "loadgen/history.h"
#include "loadgen/requests.h"

namespace footfall::loadgen {
namespace {

constexpr std::string_view kUsage =
    "footfall-loadgen --port N --site ID [flag VALUE]...\n"
    "  --address A          IPv4 address (127.0.0.1)\n"
    "  --path P             path of the request (/api/v1/events)\n"
    "  --connections N      kept open (32)\n"
    "  --events N           of a body (1)\n"
    "  --bodies N           different ones, used in turn (2000)\n"
    "  --seconds S          how long requests are started (10)\n"
    "  --requests N         at most so many (no limit)\n"
    "  --rate R             requests a second, open loop (closed loop)\n"
    "  --expect STATUS      what counts as done (200)\n"
    "  --seed N             of everything random (1)\n"
    "  --history N          about so many events of a past instead, in order, with a collect key:\n"
    "  --key SECRET           the key\n"
    "  --from MS              midnight of the first day, epoch ms\n"
    "  --days N               of the history (30)\n"
    "  --figures FILE         what reports over it must say, as JSON\n";

template <class T>
bool parse(std::string_view text, T& out) {
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), out);
    return parsed.ec == std::errc() && parsed.ptr == text.data() + text.size();
}

double percentile(const std::vector<float>& sorted, double share) {
    if (sorted.empty()) return 0;
    return static_cast<double>(sorted[static_cast<std::size_t>(share * static_cast<double>(sorted.size() - 1))]);
}

std::string as_json(const Result& result, const RequestOptions& request_options, const DriveOptions& drive_options) {
    std::string out;
    json::Writer writer(out);
    writer.begin_object();
    writer.member("connections", drive_options.connections);
    writer.member("events_per_body", request_options.events_per_body);
    writer.member("seconds", result.seconds);
    writer.member("requests", result.requests);
    writer.member("requests_per_second",
                  result.seconds > 0 ? static_cast<double>(result.requests) / result.seconds : 0.0);
    writer.member("events", result.events);
    writer.member("events_per_second", result.seconds > 0 ? static_cast<double>(result.events) / result.seconds : 0.0);
    writer.member("duplicates", result.duplicates);
    writer.member("answers_with_rejections", result.rejected);
    writer.member("broken_connections", result.broken);
    writer.member("late_requests", result.late);
    writer.key("other_statuses");
    writer.begin_object();
    for (const auto& [status, count] : result.other_statuses) writer.member(fmt::format("{}", status), count);
    writer.end_object();
    writer.key("latency_ms");
    writer.begin_object();
    for (const auto& [name, share] :
         {std::pair{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p999", 0.999}, {"max", 1.0}})
        writer.member(name, percentile(result.latencies_ms, share));
    writer.end_object();
    writer.member("own_cpu_seconds", static_cast<double>(process_cpu_ns()) / 1e9);
    writer.end_object();
    return out;
}

/// A history is what it is, and ends when it is sent.
footfall::Result<Result> drive_history(const HistoryOptions& options, const std::string& figures_path,
                                       DriveOptions drive_options) {
    drive_options.seconds = std::numeric_limits<int>::max();
    History history(options);
    auto result = drive(history, drive_options, system_clock());
    if (result && !figures_path.empty()) TRY_STATUS(write_file_atomically(figures_path, history.figures().as_json()));
    return result;
}

int run(int argc, char** argv) {
    RequestOptions request_options;
    DriveOptions drive_options;
    HistoryOptions history_options;
    std::string figures_path;
    const std::map<std::string_view, std::function<bool(std::string_view)>> flags = {
        {"--address",
         [&](std::string_view v) {
             drive_options.address = v;
             return true;
         }},
        {"--port", [&](std::string_view v) { return parse(v, drive_options.port); }},
        {"--site",
         [&](std::string_view v) {
             request_options.site_id = v;
             return true;
         }},
        {"--path",
         [&](std::string_view v) {
             request_options.path = v;
             return true;
         }},
        {"--connections",
         [&](std::string_view v) { return parse(v, drive_options.connections) && drive_options.connections > 0; }},
        {"--events",
         [&](std::string_view v) {
             return parse(v, request_options.events_per_body) && request_options.events_per_body > 0;
         }},
        {"--bodies",
         [&](std::string_view v) { return parse(v, request_options.bodies) && request_options.bodies > 0; }},
        {"--addresses", [&](std::string_view v) { return parse(v, request_options.addresses); }},
        {"--seconds", [&](std::string_view v) { return parse(v, drive_options.seconds); }},
        {"--requests", [&](std::string_view v) { return parse(v, drive_options.requests); }},
        {"--rate", [&](std::string_view v) { return parse(v, drive_options.rate); }},
        {"--expect", [&](std::string_view v) { return parse(v, drive_options.expected_status); }},
        {"--seed", [&](std::string_view v) { return parse(v, request_options.seed); }},
        {"--history", [&](std::string_view v) { return parse(v, history_options.events); }},
        {"--key",
         [&](std::string_view v) {
             history_options.key = v;
             return true;
         }},
        {"--from", [&](std::string_view v) { return parse(v, history_options.from_ms); }},
        {"--days", [&](std::string_view v) { return parse(v, history_options.days) && history_options.days > 0; }},
        {"--figures",
         [&](std::string_view v) {
             figures_path = v;
             return true;
         }},
    };
    for (int i = 1; i < argc; i += 2) {
        const auto flag = flags.find(argv[i]);
        if (flag == flags.end() || i + 1 == argc || !flag->second(argv[i + 1])) {
            fmt::print(stderr, "{}", kUsage);
            return 2;
        }
    }
    if (request_options.site_id.empty()) {
        fmt::print(stderr, "footfall-loadgen: --site is missing\n");
        return 2;
    }
    request_options.host = fmt::format("{}:{}", drive_options.address, drive_options.port);
    const auto result = [&]() -> footfall::Result<Result> {
        if (history_options.events > 0) {
            history_options.site_id = request_options.site_id;
            history_options.host = request_options.host;
            history_options.path = request_options.path;
            history_options.events_per_body = request_options.events_per_body;
            history_options.seed = request_options.seed;
            return drive_history(history_options, figures_path, drive_options);
        }
        Requests requests(request_options, system_clock());
        return drive(requests, drive_options, system_clock());
    }();
    if (!result) {
        fmt::print(stderr, "footfall-loadgen: {}\n", result.error().message);
        return 1;
    }
    fmt::print("{}\n", as_json(*result, request_options, drive_options));
    return 0;
}

}  // namespace
}  // namespace footfall::loadgen

int main(int argc, char** argv) { return footfall::loadgen::run(argc, argv); }
