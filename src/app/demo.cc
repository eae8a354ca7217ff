// `footfall demo`: the command line of the demo's traffic, which `serve --demo` starts.
#include <charconv>
#include <cstdio>
#include <iostream>
#include <string>

#include "app/args.h"
#include "app/commands.h"
#include "app/serve.h"
#include "app/settings.h"
#include "base/clock.h"
#include "base/logging.h"
#include "demo/demo.h"

namespace footfall::app {
namespace {

constexpr int kDaysMax = 366;
constexpr Flag kDemoFlags[] = {
    {"--days", "N", "days of history, today among them (default 30)"},
    {"--timezone", "TZ", "the zone in which the site's days begin (default UTC)"},
    {"--journal", "FILE", "remembers what was sent, so that a second start sends only what is missing"}};

constexpr std::string_view kHelp =
    "footfall demo --listen HOST:PORT [--days N] [--timezone TZ] [--journal FILE]\n"
    "  sends the traffic of the demo to a running server; 'footfall serve --demo' starts it. The site's id is 'demo'; "
    "a key of scope collect for it is read from standard input.\n";

Result<demo::Options> options_of(const Args& args, const Settings& settings) {
    demo::Options options{.address = settings.http_listen,
                          .key = {},
                          .timezone = args.get("--timezone", "UTC"),
                          .journal = args.get("--journal")};
    if (args.has("--days")) {
        const std::string text = args.get("--days");
        const auto parsed = std::from_chars(text.data(), text.data() + text.size(), options.days);
        if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size() || options.days < 1 ||
            options.days > kDaysMax)
            return Error(Code::kInvalidArgument, "--days must be a whole number from 1 to 366", "--days");
    }
    if (!std::getline(std::cin, options.key) || options.key.empty())
        return Error(Code::kInvalidArgument,
                     "give a key on standard input; make one with 'footfall key create --site demo --scope collect'");
    return options;
}

}  // namespace

int run_demo_traffic(std::span<const std::string> argv) {
    const auto args = parse_args(argv, kDemoFlags);
    if (args && args->has("--help")) {
        std::fputs(std::string(kHelp).c_str(), stdout);
        return 0;
    }
    const auto settings =
        args ? load_settings("", process_environment(), args->settings) : Result<Settings>(args.error());
    const auto options = settings ? options_of(*args, *settings) : Result<demo::Options>(settings.error());
    if (!options) {
        std::fputs(error_line(options.error()).c_str(), stderr);
        return 2;
    }
    configure_logging(*settings, "demo");
    const Error error = demo::run(*options, system_clock());
    logging::error("demo.stopped", {{"error", error.message}});
    return 1;
}

}  // namespace footfall::app
