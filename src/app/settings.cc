#include "app/settings.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>

#include <fmt/format.h>
#include <toml++/toml.h>

#include "base/file.h"
#include "base/json.h"
#include "base/logging.h"
#include "base/nearest.h"

namespace footfall::app {
namespace {

constexpr std::int64_t kMiB = 1024 * 1024;
constexpr std::int64_t kNoLimit = std::numeric_limits<std::int64_t>::max();

struct Declaration {
    std::string_view key;
    std::string_view standard;  // the default, as text
    std::string_view unit;
    std::string_view help;
    std::string Settings::*text = nullptr;
    std::int64_t Settings::*number = nullptr;
    std::int64_t min = 0;
    std::int64_t max = kNoLimit;
    std::string_view choices{};  // "a|b|c" where only these are allowed
};

constexpr Declaration text(std::string_view key, std::string_view standard, std::string Settings::*to,
                           std::string_view help, std::string_view choices = {}) {
    return {.key = key, .standard = standard, .unit = "", .help = help, .text = to, .choices = choices};
}
constexpr Declaration number(std::string_view key, std::string_view standard, std::string_view unit,
                             std::int64_t Settings::*to, std::int64_t min, std::int64_t max, std::string_view help) {
    return {.key = key, .standard = standard, .unit = unit, .help = help, .number = to, .min = min, .max = max};
}

constexpr Declaration kTable[] = {
    text("data.dir", "data", &Settings::data_dir,
         "Folder of the log, the store and the catalog. One process uses it at a time."),
    text("http.listen", "127.0.0.1:8080", &Settings::http_listen,
         "Address and port of the HTTP server. Port 0 lets the system choose."),
    number("http.loops", "0", "threads", &Settings::http_loops, 0, 256,
           "Event loops of the HTTP server; 0: one for each core, at most 4."),
    text("http.trusted_proxies", "127.0.0.0/8, ::1/128", &Settings::http_trusted_proxies,
         "Networks whose X-Forwarded-For and Forwarded headers are believed, separated by commas."),
    number(
        "http.connections_max", "10000", "connections", &Settings::http_connections_max, 1, 1'000'000,
        "Open connections in all; more are answered 503. Fewer, with a warning, where the limit on open files leaves "
        "no room for so many."),
    number("http.connections_per_address_max", "0", "connections", &Settings::http_connections_per_address_max, 0,
           1'000'000, "Open connections of one peer address; 0: no limit. Leave it at 0 behind a proxy."),
    number(
        "http.body_budget_bytes", "134217728", "bytes", &Settings::http_body_budget_bytes, 4 * kMiB, kNoLimit,
        "Memory for the bodies of requests, beyond the first 16 KiB of each connection; beyond it large requests are "
        "answered 503."),
    number("ingest.queue_bytes_max", "67108864", "bytes", &Settings::ingest_queue_bytes_max, kMiB, kNoLimit,
           "Records that wait for the log; beyond it requests are answered 503."),
    number("log.segment_bytes", "67108864", "bytes", &Settings::log_segment_bytes, kMiB, 1024 * kMiB,
           "Size of one file of the event log."),
    number("log.retention_hours", "24", "hours", &Settings::log_retention_hours, 24, 24 * 365,
           "How long the log is kept at least. It is never deleted before the archive holds it, so in this version it "
           "only grows."),
    number("log.disk_reserve_bytes", "0", "bytes", &Settings::log_disk_reserve_bytes, 0, kNoLimit,
           "Events are refused (503) while less than this is free on the disk; 0: a twentieth of it, at most 256 MiB."),
    number("dedup.memory_max", "134217728", "bytes", &Settings::dedup_memory_max, 8 * kMiB, kNoLimit,
           "Memory for the filters of the event-id index; beyond it look-ups go to disk. No id is forgotten within its "
           "7 days."),
    number("loader.interval_ms", "400", "ms", &Settings::loader_interval_ms, 50, 60'000,
           "Least time between two inserts into the store. Longer costs freshness, shorter costs CPU."),
    number("loader.batch_rows_max", "100000", "rows", &Settings::loader_batch_rows_max, 1'000, 1'000'000,
           "Most rows of one insert, when the loader is behind."),
    text("store.library", "", &Settings::store_library,
         "Path of libchdb.so; empty: looked for beside the program and in node_modules."),
    number("store.memory_max", "600000000", "bytes", &Settings::store_memory_max, 300'000'000, kNoLimit,
           "Memory that the store may use for queries and merges."),
    number("store.threads", "2", "threads", &Settings::store_threads, 1, 256, "Threads of one query."),
    number("query.timeout_ms", "30000", "ms", &Settings::query_timeout_ms, 100, 3'600'000,
           "Longest time of a query from its request on; then 504, or 503 where it only waited."),
    number("query.concurrency_max", "4", "queries", &Settings::query_concurrency_max, 1, 256,
           "Queries that run at once; more wait, then 503."),
    number("session.idle_hours", "336", "hours", &Settings::session_idle_hours, 1, 24 * 365,
           "A session ends when it was not used for so long (14 days)."),
    number("session.absolute_hours", "2160", "hours", &Settings::session_absolute_hours, 1, 24 * 365,
           "A session ends so long after the sign-in, however it is used (90 days)."),
    text("enrich.geo_v4", "", &Settings::enrich_geo_v4,
         "City or country database (mmdb) for IPv4; empty: the installed DB-IP City Lite."),
    text("enrich.geo_v6", "", &Settings::enrich_geo_v6,
         "City or country database (mmdb) for IPv6; empty: the installed DB-IP City Lite."),
    text("enrich.user_agent_rules", "", &Settings::enrich_user_agent_rules,
         "regexes.yaml of uap-core; empty: the installed one."),
    text("enrich.crawlers", "", &Settings::enrich_crawlers, "crawler-user-agents.json; empty: the installed one."),
    text("logging.level", "info", &Settings::logging_level, "Least severity that is written.", "debug|info|warn|error"),
    text("logging.format", "text", &Settings::logging_format,
         "Readable text or one JSON object a line, on standard error.", "text|json"),
};

const Declaration* find(std::string_view key) {
    const auto found =
        std::find_if(std::begin(kTable), std::end(kTable), [&](const Declaration& d) { return d.key == key; });
    return found == std::end(kTable) ? nullptr : found;
}

constexpr std::string_view kEnvironmentPrefix = "FOOTFALL_";

std::string environment_name(std::string_view key) {
    std::string name(kEnvironmentPrefix);
    for (const char c : key) name += c == '.' ? '_' : static_cast<char>(c >= 'a' && c <= 'z' ? c - 32 : c);
    return name;
}

Error unknown_key(std::string_view key, std::string_view where) {
    std::vector<std::string_view> keys;
    for (const Declaration& declaration : kTable) keys.push_back(declaration.key);
    Error error(Code::kInvalidArgument, fmt::format("unknown setting '{}' in {}", key, where), std::string(key));
    error.did_you_mean = nearest(key, keys);
    if (!error.did_you_mean.empty()) error.message += fmt::format("; did you mean '{}'?", error.did_you_mean);
    return error;
}

Status assign(Settings& settings, const Declaration& declaration, std::string_view value, std::string_view where) {
    const auto wrong = [&](std::string_view what) {
        return Error(Code::kInvalidArgument, fmt::format("{} in {} {}, not '{}'", declaration.key, where, what, value),
                     std::string(declaration.key));
    };
    if (declaration.text != nullptr) {
        if (!is_choice(value, declaration.choices)) return wrong(fmt::format("must be one of {}", declaration.choices));
        settings.*declaration.text = value;
        return {};
    }
    std::int64_t parsed = 0;
    const char* end = value.data() + value.size();
    const auto result = std::from_chars(value.data(), end, parsed);
    if (value.empty() || result.ec != std::errc() || result.ptr != end) return wrong("must be a whole number");
    if (parsed < declaration.min) return wrong(fmt::format("must be at least {}", declaration.min));
    if (parsed > declaration.max) return wrong(fmt::format("must be at most {}", declaration.max));
    settings.*declaration.number = parsed;
    return {};
}

Status apply_toml(Settings& settings, const std::string& path) {
    TRY(const std::string content, read_file(path));
    toml::table root;
    try {
        root = toml::parse(content, path);
    } catch (const toml::parse_error& error) {
        return Error(Code::kInvalidArgument,
                     fmt::format("{} line {}: {}", path, error.source().begin.line, error.description()));
    }
    for (const auto& [section_name, section] : root) {
        const toml::table* table = section.as_table();
        if (table == nullptr) return unknown_key(section_name.str(), path);
        for (const auto& [name, node] : *table) {
            const std::string key = fmt::format("{}.{}", section_name.str(), name.str());
            const Declaration* declaration = find(key);
            if (declaration == nullptr) return unknown_key(key, path);
            std::optional<std::string> value;
            if (declaration->text != nullptr) value = node.value_exact<std::string>();
            else if (const auto integer = node.value_exact<std::int64_t>()) value = std::to_string(*integer);
            if (!value)
                return Error(Code::kInvalidArgument,
                             fmt::format("{} in {} must be a {}", key, path,
                                         declaration->text != nullptr ? "string" : "whole number"),
                             key);
            TRY_STATUS(assign(settings, *declaration, *value, path));
        }
    }
    return {};
}

Status apply_environment(Settings& settings, const std::map<std::string, std::string>& environment) {
    for (const auto& [name, value] : environment) {
        if (!name.starts_with(kEnvironmentPrefix)) continue;
        const auto found = std::find_if(std::begin(kTable), std::end(kTable),
                                        [&](const Declaration& d) { return environment_name(d.key) == name; });
        if (found != std::end(kTable)) {
            TRY_STATUS(assign(settings, *found, value, name));
            continue;
        }
        // Other variables of that prefix belong to tests and scripts; one that names a section of ours is a misspelt
        // setting.
        for (const Declaration& declaration : kTable) {
            const std::string section = environment_name(declaration.key.substr(0, declaration.key.find('.') + 1));
            if (!name.starts_with(section)) continue;
            std::string key(declaration.key.substr(0, declaration.key.find('.') + 1));
            for (const char c : name.substr(section.size()))
                key += static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
            return unknown_key(key, "the environment (" + name + ")");
        }
    }
    return {};
}

}  // namespace

Result<Settings> load_settings(const std::string& toml_path, const std::map<std::string, std::string>& environment,
                               const std::map<std::string, std::string>& flags) {
    Settings settings;
    for (const Declaration& declaration : kTable)
        TRY_STATUS(assign(settings, declaration, declaration.standard, "the table of defaults"));
    if (!toml_path.empty()) TRY_STATUS(apply_toml(settings, toml_path));
    TRY_STATUS(apply_environment(settings, environment));
    for (const auto& [key, value] : flags) {
        const Declaration* declaration = find(key);
        if (declaration == nullptr) return unknown_key(key, "the flags");
        TRY_STATUS(assign(settings, *declaration, value, "the flags"));
    }
    return settings;
}

std::map<std::string, std::string> misspelt_variables(const std::map<std::string, std::string>& environment) {
    // Compared without the prefix: what all have in common would make every name a near one.
    std::map<std::string, std::string_view> keys;
    for (const Declaration& declaration : kTable)
        keys.emplace(environment_name(declaration.key).substr(kEnvironmentPrefix.size()), declaration.key);
    std::vector<std::string_view> known;
    for (const auto& [name, key] : keys) known.push_back(name);
    std::map<std::string, std::string> out;
    for (const auto& [variable, value] : environment) {
        if (!variable.starts_with(kEnvironmentPrefix)) continue;
        const std::string name = variable.substr(kEnvironmentPrefix.size());
        if (keys.contains(name)) continue;
        if (const std::string near = nearest(name, known); !near.empty()) out.emplace(variable, keys.at(near));
    }
    return out;
}

void warn_of_misspelt_variables(const std::map<std::string, std::string>& environment) {
    for (const auto& [variable, key] : misspelt_variables(environment))
        logging::warn("settings.variable_ignored",
                      {{"variable", variable}, {"did_you_mean", environment_name(key)}, {"setting", key}});
}

void configure_logging(const Settings& settings, std::string_view role) {
    logging::Level level = logging::Level::kInfo;
    if (settings.logging_level == "debug") level = logging::Level::kDebug;
    if (settings.logging_level == "warn") level = logging::Level::kWarn;
    if (settings.logging_level == "error") level = logging::Level::kError;
    logging::configure(level, settings.logging_format == "json" ? logging::Format::kJson : logging::Format::kText,
                       role);
}

bool is_choice(std::string_view value, std::string_view choices) {
    return choices.empty() || (value.find('|') == std::string_view::npos &&
                               fmt::format("|{}|", choices).find(fmt::format("|{}|", value)) != std::string::npos);
}

bool is_setting(std::string_view key) { return find(key) != nullptr; }

std::string settings_reference() {
    std::string out =
        "# Settings\n\n"
        "This page is printed by `footfall settings`; a test compares the two. A setting comes from, the later "
        "winning: its default, the\n"
        "TOML file of `--config` (`[section]`, then `key = value`), the environment (`FOOTFALL_SECTION_KEY`), a flag "
        "(`--section.key VALUE`;\n"
        "`--data` and `--listen` are short for `--data.dir` and `--http.listen`). An unknown key is an error.\n"
        "A variable whose section is unknown is left alone, with a warning where it is nearly a setting's.\n\n"
        "| setting | default | unit | bounds | what it does |\n|---|---|---|---|---|\n";
    for (const Declaration& d : kTable) {
        std::string bounds;
        if (!d.choices.empty()) {
            bounds = d.choices;
            std::replace(bounds.begin(), bounds.end(), '|', ' ');
        } else if (d.number != nullptr) {
            bounds = fmt::format("{} … {}", d.min, d.max == kNoLimit ? "" : std::to_string(d.max));
        }
        out += fmt::format("| `{}` | {} | {} | {} | {} |\n", d.key,
                           d.standard.empty() ? "" : fmt::format("`{}`", d.standard), d.unit, bounds, d.help);
    }
    return out;
}

std::string settings_json() {
    std::string out;
    json::Writer writer(out);
    writer.begin_array();
    for (const Declaration& d : kTable) {
        writer.begin_object();
        writer.member("setting", d.key);
        writer.member("environment", environment_name(d.key));
        writer.member("default", d.standard);
        writer.member("unit", d.unit);
        writer.member("help", d.help);
        writer.end_object();
    }
    writer.end_array();
    return out + "\n";
}

std::map<std::string, std::string> process_environment() {
    std::map<std::string, std::string> out;
    for (char** entry = environ; *entry != nullptr; ++entry) {
        const std::string_view pair = *entry;
        const std::size_t equals = pair.find('=');
        if (equals != std::string_view::npos) out.emplace(pair.substr(0, equals), pair.substr(equals + 1));
    }
    return out;
}

}  // namespace footfall::app
