// The one binary. `footfall serve` is everything; `footfall store` is the child that serve starts; the rest are
// commands on an installation.
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <iostream>
#include <iterator>

#include <fmt/format.h>

#include "api/routes.h"
#include "app/args.h"
#include "app/backup_commands.h"
#include "app/cluster/installation.h"
#include "app/cluster/node.h"
#include "app/commands.h"
#include "app/control.h"
#include "app/https.h"
#include "app/offline.h"
#include "app/serve.h"
#include "app/settings.h"
#include "app/version.h"
#include "base/logging.h"
#include "base/nearest.h"
#include "enrich/bot_signals.h"
#include "http/address.h"
#include "ingest/client_address.h"

namespace footfall::app {
namespace {

int fail(const Error& error) {
    std::fputs(error_line(error).c_str(), stderr);
    return error.code == Code::kInvalidArgument ? 2 : 1;
}

Result<Settings> settings_of(const Args& args) {
    auto flags = args.settings;
    if (args.has("--log-format")) flags["logging.format"] = args.get("--log-format");
    return load_settings(args.get("--config"), process_environment(), flags);
}

/// What of the settings can be judged before anything is made.
Status judge_server(const Settings& settings) {
    TRY([[maybe_unused]] const auto addresses, http::resolve_address(settings.http_listen));
    TRY(const auto proxies, ingest::parse_networks(settings.http_trusted_proxies));
    if (settings.http_proxy_protocol == "required" && proxies.empty() && !settings.http_listen.starts_with("unix:"))
        return Error(Code::kInvalidArgument,
                     "with http.proxy_protocol nobody but http.trusted_proxies may connect, and it is empty; name the "
                     "balancer there",
                     "http.trusted_proxies");
    if (const auto signals = enrich::BotSignals::parse(settings.enrich_bot_signals); !signals)
        return signals.error().context("enrich.bot_signals");
    return judge_tls(settings);
}

/// The settings of a server's command line; none where it asked for help, and got it.
Result<std::optional<Settings>> settings_of_server(std::string_view word, const Args& args) {
    if (args.has("--help")) {
        std::fputs(help_text(word).c_str(), stdout);
        return std::optional<Settings>();
    }
    if (args.has("--json"))
        return Error(Code::kInvalidArgument,
                     fmt::format("{} prints no data; --log-format json is the form of its log", word));
    if (!args.positional.empty())
        return Error(Code::kInvalidArgument,
                     fmt::format("{} takes no argument '{}'; see --help", word, args.positional[0]));
    TRY(Settings settings, settings_of(args));
    TRY_STATUS(judge_server(settings));
    return std::optional(std::move(settings));
}

int run_role(const cluster::Role& role, std::span<const std::string> argv) {
    const auto args = parse_args(argv, role_flags());
    if (!args) return fail(args.error());
    const auto settings = settings_of_server(role.word, *args);
    if (!settings) return fail(settings.error());
    return *settings ? cluster::run_role(**settings, role) : 0;
}

int run_prepare(std::span<const std::string> argv) {
    const auto args = parse_args(argv, {});
    if (!args) return fail(args.error());
    if (args->has("--help")) {
        std::fputs(help_text("prepare").c_str(), stdout);
        return 0;
    }
    if (!args->positional.empty())
        return fail(Error(Code::kInvalidArgument,
                          fmt::format("prepare takes no argument '{}'; see --help", args->positional[0])));
    const auto settings = settings_of(*args);
    if (!settings) return fail(settings.error());
    const auto done = cluster::prepare(*settings);
    if (!done) return fail(done.error());
    std::fputs(done->c_str(), stdout);
    return 0;
}

int run_serve(std::span<const std::string> argv) {
    const auto args = parse_args(argv, serve_flags());
    if (!args) return fail(args.error());
    const auto found = settings_of_server("serve", *args);
    if (!found) return fail(found.error());
    if (!*found) return 0;
    const Settings& settings = **found;
    if (cluster::is_cluster(settings))
        return fail(Error(Code::kInvalidArgument,
                          "catalog.url is of the cluster form, whose roles are gateway, collect, process, load, query "
                          "and report; 'footfall serve' has its catalog in data.dir",
                          "catalog.url"));
    // Its traffic comes to the port as a browser's would.
    if (settings.http_proxy_protocol == "required" && args->has("--demo"))
        return fail(Error(Code::kInvalidArgument,
                          "the demo's traffic comes without a PROXY header; leave http.proxy_protocol off with --demo",
                          "http.proxy_protocol"));
    return serve(settings, {.demo = args->has("--demo")});
}

/// A command that prints what the program itself knows.
int run_reference(std::string_view word, std::span<const std::string> argv, std::string (*text)(),
                  std::string (*as_json)()) {
    const auto args = parse_args(argv, {});
    if (!args) return fail(args.error());
    if (!args->positional.empty())
        return fail(Error(Code::kInvalidArgument,
                          fmt::format("{} takes no argument '{}'; see --help", word, args->positional[0])));
    std::fputs((args->has("--help") ? help_text(word) : args->has("--json") ? as_json() : text()).c_str(), stdout);
    return 0;
}

// A command is parsed where it runs: here only what names the installation is looked for.
Result<Settings> settings_of_command(std::span<const std::string> argv) {
    Args args;
    for (std::size_t i = 0; i < argv.size(); ++i) {
        const std::string& word = argv[i];
        const std::string name = word.substr(0, word.find('='));
        const bool is_key = name.starts_with("--") && is_setting(name.substr(2));
        if (name != "--data" && name != "--config" && name != "--listen" && !is_key) continue;
        std::string value;
        if (name.size() < word.size()) value = word.substr(name.size() + 1);
        else if (i + 1 < argv.size()) value = argv[++i];
        else return Error(Code::kInvalidArgument, name + " needs a value", name);
        if (name == "--config") args.flags["--config"] = value;
        else if (name == "--data") args.settings["data.dir"] = value;
        else if (name == "--listen") args.settings["http.listen"] = value;
        else args.settings[name.substr(2)] = value;
    }
    return settings_of(args);
}

int print(const CommandResult& result) {
    std::fputs(result.output.c_str(), stdout);
    std::fputs(result.errors.c_str(), stderr);
    if (std::fflush(stdout) != 0) return 1;
    return result.exit_code;
}

int run_data_command(std::span<const std::string> argv) {
    // A wrong command line, or one that asks for help, needs neither settings nor an installation, and must not make
    // one.
    if (const auto judgement = judge_command(argv)) return print(*judgement);
    const auto settings = settings_of_command(argv);
    if (!settings) return fail(settings.error());
    if (cluster::is_cluster(*settings) && runs_in_own_process(argv))
        return fail(Error(Code::kUnsupported,
                          "in the cluster form PostgreSQL, Kafka and ClickHouse have their own "
                          "backups; see docs/operations/cluster.md"));
    std::string input;
    if (reads_input(argv)) input.assign(std::istreambuf_iterator<char>(std::cin), {});
    const bool is_cluster = cluster::is_cluster(*settings);
    if (gives_pages(argv)) {
        const auto done =
            (is_cluster ? cluster::run_pages_in_cluster : run_pages)(*settings, argv, [](std::string_view page) {
                return std::fwrite(page.data(), 1, page.size(), stdout) == page.size() && std::fflush(stdout) == 0;
            });
        return done ? print(*done) : fail(done.error());
    }
    if (is_cluster) {
        const auto done = cluster::run_in_cluster(*settings, argv, input);
        return done ? print(*done) : fail(done.error());
    }
    const auto result =
        runs_in_own_process(argv) ? run_in_own_process(*settings, argv) : run_anywhere(*settings, argv, input);
    if (!result) return fail(result.error());
    return print(*result);
}

int run(int argc, char** argv) {
    signal(SIGPIPE, SIG_IGN);
    const std::vector<std::string> words(argv + 1, argv + argc);
    const std::string word = words.empty() ? "--help" : words[0];
    const std::span<const std::string> rest = std::span(words).subspan(words.empty() ? 0 : 1);
    if (word == "--version" || word == "version") {
        std::fputs((version_text() + "\n").c_str(), stdout);
        return 0;
    }
    if (word == "--help" || word == "-h" || word == "help") {
        std::fputs(help_text(rest.empty() ? "" : rest[0]).c_str(), stdout);
        return words.empty() ? 2 : 0;
    }
    if (word == "serve") return run_serve(rest);
    if (word == "store") return run_store_role(rest);
    if (word == "demo") return run_demo_traffic(rest);
    if (const auto role = cluster::find_role(word)) return run_role(*role, rest);
    if (word == "prepare") return run_prepare(rest);
    if (word == "settings") return run_reference(word, rest, settings_reference, settings_json);
    if (word == "routes") return run_reference(word, rest, api::routes_text, api::routes_json);
    if (is_data_command(word)) return run_data_command(words);
    const std::string_view known[] = {"serve",   "site",    "user",     "key",    "rejected", "bots",
                                      "erase",   "export",  "rebuild",  "audit",  "backup",   "lists",
                                      "restore", "doctor",  "settings", "routes", "prepare",  "gateway",
                                      "collect", "process", "load",     "query",  "report",   "help"};
    const std::string near = nearest(word, known);
    return fail(Error(Code::kInvalidArgument,
                      fmt::format("unknown command '{}'{}", word,
                                  near.empty() ? "; see footfall --help" : "; did you mean " + near + "?")));
}

}  // namespace
}  // namespace footfall::app

int main(int argc, char** argv) { return footfall::app::run(argc, argv); }
