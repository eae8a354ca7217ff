// The demo's traffic: a separate client of the real endpoint. Visitors come at a believable pace, read a few pages and
// go.
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <random>
#include <vector>

#include <fmt/format.h>

#include "app/args.h"
#include "app/serve.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/uuid.h"
#include "http/client.h"

namespace footfall::app {
namespace {

constexpr const char* kPages[] = {
    "/",      "/pricing",  "/docs",      "/docs/install", "/blog", "/blog/counting-with-proof",
    "/about", "/docs/api", "/changelog", "/contact"};
constexpr const char* kReferrers[] = {"",
                                      "",
                                      "",
                                      "https://www.google.com/",
                                      "https://duckduckgo.com/",
                                      "https://news.ycombinator.com/",
                                      "https://www.reddit.com/r/selfhosted/",
                                      "https://chatgpt.com/",
                                      "https://github.com/"};
constexpr const char* kCampaigns[] = {"",
                                      "",
                                      "",
                                      "",
                                      "?utm_source=newsletter&utm_medium=email&utm_campaign=launch",
                                      "?utm_source=google&utm_medium=cpc&utm_campaign=brand"};
constexpr const char* kAgents[] = {
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.0 "
    "Safari/605.1.15",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 19_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.0 "
    "Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Linux; Android 16; Pixel 10) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile "
    "Safari/537.36",
    "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
};

struct Visitor {
    std::string address;
    const char* agent;
    const char* referrer;
    const char* campaign;
    unsigned pages_left;
    std::int64_t next_ms;
};

template <class T, std::size_t n>
T pick(T const (&from)[n], std::mt19937_64& random) {
    return from[std::uniform_int_distribution<std::size_t>(0, n - 1)(random)];
}

Visitor arrive(std::int64_t now_ms, std::mt19937_64& random) {
    std::uniform_int_distribution<int> byte(1, 254);
    return {fmt::format("{}.{}.{}.{}", std::uniform_int_distribution<int>(11, 99)(random), byte(random), byte(random),
                        byte(random)),
            pick(kAgents, random),
            pick(kReferrers, random),
            pick(kCampaigns, random),
            std::uniform_int_distribution<unsigned>(1, 6)(random),
            now_ms};
}

std::string pageview(const Visitor& visitor, std::int64_t now_ms, std::mt19937_64& random) {
    const std::string page = pick(kPages, random);
    std::string out;
    json::Writer writer(out);
    writer.begin_object();
    writer.member("event_id", make_uuid_v7(now_ms).text());
    writer.member("type", "pageview");
    writer.member("tracking_id", "demo");
    writer.key("data");
    writer.begin_object();
    writer.member("page", page + visitor.campaign);
    writer.member("title", "Demo " + page);
    writer.member("referrer", visitor.referrer);
    writer.end_object();
    writer.key("context");
    writer.begin_object();
    writer.member("url", "https://demo.example" + page + visitor.campaign);
    writer.member("viewport", "1280x800");
    writer.member("language", "en-GB");
    writer.end_object();
    writer.end_object();
    return out;
}

}  // namespace

int run_demo_traffic(std::span<const std::string> argv) {
    const auto args = parse_args(argv, {});
    if (!args || !args->settings.contains("http.listen")) {
        std::fputs("footfall: usage: footfall demo --listen HOST:PORT\n", stderr);
        return 2;
    }
    http::Client client(args->settings.at("http.listen"));
    Clock& clock = system_clock();
    std::mt19937_64 random(std::random_device{}());
    std::vector<Visitor> visitors;
    for (;;) {
        const std::int64_t now_ms = clock.wall_ms();
        // Around two new visitors a second, a few pages each, some seconds apart.
        if (visitors.size() < 200 && std::uniform_int_distribution<int>(0, 9)(random) < 2)
            visitors.push_back(arrive(now_ms, random));
        for (Visitor& visitor : visitors) {
            if (visitor.next_ms > now_ms) continue;
            const std::string body = pageview(visitor, now_ms, random);
            http::ClientRequest request{.method = "POST", .target = "/api/v1/events", .body = body};
            request.headers = {
                {"User-Agent", visitor.agent}, {"X-Forwarded-For", visitor.address}, {"Content-Type", "text/plain"}};
            // A server that is restarting is met again; the demo loses a page then, as a reader without our SDK would.
            if (const auto response = client.send(request, 5'000); !response) ::usleep(500'000);
            --visitor.pages_left;
            visitor.next_ms = now_ms + std::uniform_int_distribution<std::int64_t>(1'000, 20'000)(random);
        }
        std::erase_if(visitors, [](const Visitor& visitor) { return visitor.pages_left == 0; });
        ::usleep(100'000);
    }
}

}  // namespace footfall::app
