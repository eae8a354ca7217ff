#include "app/settings.h"

#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <limits>
#include <optional>

#include <fmt/format.h>
#include <toml++/toml.h>

#include "base/file.h"
#include "base/json.h"
#include "base/logging.h"
#include "base/nearest.h"
#include "enrich/bot_signals.h"

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
    /// A second name of a number of milliseconds, under which its value has a unit.
    std::string_view duration_key{};

    /// A standard of 0 leaves it to the program, whatever the least is that can be set.
    constexpr bool can_be_left_open() const { return standard == "0" && min > 0; }
};

constexpr Declaration text(std::string_view key, std::string_view standard, std::string Settings::*to,
                           std::string_view help, std::string_view choices = {}) {
    return {.key = key, .standard = standard, .unit = "", .help = help, .text = to, .choices = choices};
}
constexpr Declaration number(std::string_view key, std::string_view standard, std::string_view unit,
                             std::int64_t Settings::*to, std::int64_t min, std::int64_t max, std::string_view help,
                             std::string_view duration_key = {}) {
    return {.key = key,
            .standard = standard,
            .unit = unit,
            .help = help,
            .number = to,
            .min = min,
            .max = max,
            .duration_key = duration_key};
}

constexpr Declaration kTable[] = {
    text("data.dir", "data", &Settings::data_dir,
         "Folder of the log, the store and the catalog. One process uses it at a time."),
    text("http.listen", "127.0.0.1:8080", &Settings::http_listen,
         "Address and port of the HTTP server. Port 0 lets the system choose."),
    text("http.tls_listen", "", &Settings::http_tls_listen,
         "Address and port for https, beside http.listen; empty: none. It needs the two files below."),
    text("http.tls_certificate", "", &Settings::http_tls_certificate,
         "PEM file of the server's certificate, its chain behind it. Read again when it changes, and on SIGHUP."),
    text("http.tls_key", "", &Settings::http_tls_key,
         "PEM file of the certificate's key, without a passphrase. Read again with the certificate."),
    number("http.hsts_seconds", "0", "seconds", &Settings::http_hsts_seconds, 0, 63'072'000,
           "Tells browsers that came by https to come by nothing else for so long (Strict-Transport-Security); 0: does "
           "not. For this server's own TLS; a proxy says it itself."),
    number("http.loops", "0", "threads", &Settings::http_loops, 0, 256,
           "Event loops of the HTTP server; 0: one for each core, at most 4."),
    text("http.trusted_proxies", "127.0.0.0/8, ::1/128", &Settings::http_trusted_proxies,
         "Networks whose X-Forwarded-For and Forwarded headers are believed, separated by commas."),
    text("http.proxy_protocol", "off", &Settings::http_proxy_protocol,
         "required: connections come from http.trusted_proxies alone and begin with a PROXY header (1 or 2), whose "
         "address is the peer's from then on; all others are closed.",
         "off|required"),
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
    number("ingest.address_events_per_second", "1000", "events/s", &Settings::ingest_address_events_per_second, 0,
           10'000'000,
           "Quota of one address (of IPv6: a /64) without a key; 20 seconds of it may come at once, more is answered "
           "429. Loopback has none. 0: no limit."),
    number("ingest.site_events_per_second", "0", "events/s", &Settings::ingest_site_events_per_second, 0, 10'000'000,
           "Quota of one site, from everywhere; 20 seconds of it may come at once, more is answered 429. 0: no limit."),
    number("log.segment_bytes", "67108864", "bytes", &Settings::log_segment_bytes, kMiB, 1024 * kMiB,
           "Size of one file of the event log."),
    number(
        "log.retention_hours", "0", "hours", &Settings::log_retention_hours, 0, 24 * 365,
        "How long the log is kept, where the archive has it too (archive.enabled); it is never less than 744, which is "
        "31 days. Without the archive, or at 0: for ever."),
    number("log.disk_reserve_bytes", "0", "bytes", &Settings::log_disk_reserve_bytes, 0, kNoLimit,
           "Events are refused (503) while less than this is free on the disk; 0: a twentieth of it, at most 256 MiB."),
    text("archive.enabled", "off", &Settings::archive_enabled,
         "on: what the log holds is also written as Parquet, hour by hour, for other tools to read. It takes about as "
         "much of the disk as "
         "the log. What was archived stays when this is off again, and erasures reach it all the same.",
         "off|on"),
    text("archive.directory", "", &Settings::archive_directory,
         "Folder of the archive, used for nothing else; empty: archive in data.dir. It may be on another disk."),
    text("archive.s3_bucket", "", &Settings::archive_s3_bucket, "Bucket of S3 for the archive, in place of a folder."),
    text("archive.s3_endpoint", "", &Settings::archive_s3_endpoint,
         "https://HOST or https://HOST:PORT of an S3 server; empty: Amazon's of archive.s3_region."),
    text("archive.s3_region", "us-east-1", &Settings::archive_s3_region,
         "Region of the bucket; servers that have none take this one."),
    text("archive.s3_prefix", "", &Settings::archive_s3_prefix,
         "Path in the bucket below which the archive lies, one of its own for each installation; empty: the bucket is "
         "the archive's alone."),
    text("archive.s3_addressing", "auto", &Settings::archive_s3_addressing,
         "Where requests name the bucket: in the path, or in front of the host's name. auto: host for Amazon's "
         "endpoint, path for others.",
         "auto|path|host"),
    text("archive.s3_credentials", "", &Settings::archive_s3_credentials,
         "File with aws_access_key_id and aws_secret_access_key in its section [default], as ~/.aws/credentials has "
         "them; read again for every request. Empty: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN "
         "of the environment."),
    text("archive.s3_authorities", "", &Settings::archive_s3_authorities,
         "PEM file of the authorities that the S3 server's certificate may come from; empty: the system's."),
    number("archive.after_ms", "300000", "ms", &Settings::archive_after_ms, 1'000, 24 * 3'600'000,
           "How long after an hour's end it is archived, where no event of a later hour shows it before.",
           "archive.after"),
    number("archive.range_entries_max", "65536", "entries", &Settings::archive_range_entries_max, 100, 1'000'000,
           "Most entries of the log in one file of the archive, so that an hour with much traffic is several files; "
           "32 MiB of records end one too."),
    number("dedup.memory_max", "134217728", "bytes", &Settings::dedup_memory_max, 8 * kMiB, kNoLimit,
           "Memory for the filters of the event-id index; beyond it look-ups go to disk. No id is forgotten within its "
           "7 days."),
    number("loader.interval_ms", "400", "ms", &Settings::loader_interval_ms, 50, 60'000,
           "Least time between two inserts into the store. Longer costs freshness, shorter costs CPU."),
    number("loader.batch_rows_max", "100000", "rows", &Settings::loader_batch_rows_max, 1'000, 1'000'000,
           "Most rows of one insert, when the loader is behind."),
    text("store.library", "", &Settings::store_library,
         "Path of libchdb.so; empty: looked for beside the program and in node_modules."),
    text("store.url", "", &Settings::store_url,
         "Cluster form: http://HOST:PORT or https://HOST:PORT of the ClickHouse server. The embedded form has a store "
         "of its "
         "own."),
    text("store.database", "footfall", &Settings::store_database,
         "Database of that server. Where there are several shards query nodes ask footfall_all (deploy/clickhouse)."),
    text("store.user", "default", &Settings::store_user, "User of that server."),
    text("store.password_file", "", &Settings::store_password_file,
         "File whose first line is that user's password; empty: none."),
    text("store.authorities", "", &Settings::store_authorities,
         "PEM file of the authorities that the certificate of an https store may come from; empty: the system's."),
    text("store.compression", "none", &Settings::store_compression,
         "Cluster form: by what inserts and answers are compressed between here and that server. zstd takes less "
         "CPU than gzip; either is worth it where the network between them is slow or is paid for.",
         "none|gzip|zstd"),
    number("store.memory_max", "0", "bytes", &Settings::store_memory_max, 300'000'000, kNoLimit,
           "Memory that the store may use for queries and merges; 0: an eighth of the memory of the machine, or of the "
           "control group (container) it runs in, from 600 MB to 4 GB."),
    number("store.threads", "2", "threads", &Settings::store_threads, 1, 256, "Threads of one query."),
    number("query.timeout_ms", "30000", "ms", &Settings::query_timeout_ms, 100, 3'600'000,
           "Longest time of a query from its request on, its wait for others included; then 504, or 503 where it only "
           "waited.",
           "query.timeout"),
    number("query.concurrency_max", "4", "queries", &Settings::query_concurrency_max, 1, 256,
           "Queries that run at once, of all sites; more wait. The sites take turns."),
    number("query.site_concurrency_max", "2", "queries", &Settings::query_site_concurrency_max, 1, 256,
           "Queries of one site that run at once; more wait, while those of other sites run. More than store.threads "
           "only wait in the store."),
    number("query.waiting_max", "64", "queries", &Settings::query_waiting_max, 1, 10'000,
           "Queries that wait for their turn, of all sites; more are answered 503. Of a batch those wait that it may "
           "have run at once."),
    number("query.site_waiting_max", "32", "queries", &Settings::query_site_waiting_max, 1, 10'000,
           "Queries of one site that wait for their turn; more are answered 429."),
    number("query.memory_max", "0", "bytes", &Settings::query_memory_max, 0, kNoLimit,
           "Memory that the store may use for one query; one that needs more is answered 400. 0: seven twelfths of "
           "store.memory_max."),
    number("query.sketch_above_events", "2000000", "events", &Settings::query_sketch_above_events, 0, kNoLimit,
           "Visitors of a range whose rolled days hold at least so many events come from their sketches, unless the "
           "question says exact; of fewer they are counted one by one."),
    number(
        "query.sample_above_rows", "10000000", "rows", &Settings::query_sample_above_rows, 0, kNoLimit,
        "A question that would read more rows, by the store's estimate, is answered from one in ten visitors, with a "
        "95 % interval for each number, unless it says exact; 0: none is."),
    number("query.cache_bytes_max", "33554432", "bytes", &Settings::query_cache_bytes_max, 0, kNoLimit,
           "Memory for answers, which are kept until something touches what they are of; 0: none are."),
    number("rollup.interval_ms", "60000", "ms", &Settings::rollup_interval_ms, 100, 86'400'000,
           "Time between two looks for closed days that are to be rolled up.", "rollup.interval"),
    number("rollup.remake_after_ms", "3600000", "ms", &Settings::rollup_remake_after_ms, 0, 86'400'000,
           "A day for which late events come is rolled up again no sooner than this after the last time; events answer "
           "until then.",
           "rollup.remake_after"),
    number("rollup.day_events_min", "10000", "events", &Settings::rollup_day_events_min, 1, kNoLimit,
           "Days of a site that have fewer events are not rolled up: the events answer as cheaply."),
    number("rollup.sketch_day_events_min", "50000", "events", &Settings::rollup_sketch_day_events_min, 1, kNoLimit,
           "Of rolled days that have fewer events visitors are not kept, which take most of the space: a range of such "
           "days seldom comes to query.sketch_above_events, and below it visitors are counted one by one."),
    number("rollup.row_events_min", "10", "events", &Settings::rollup_row_events_min, 0, kNoLimit,
           "A day keeps a dimension only where its rows stand for so many events in the mean; of the others the events "
           "answer as cheaply."),
    number("daily.interval_ms", "3600000", "ms", &Settings::daily_interval_ms, 0, 86'400'000,
           "Time between two runs of the daily batch, which makes footfall.page_views and footfall.traffic_sources of "
           "the days that ended, and of those for which something came late. 0: never.",
           "daily.interval"),
    number("retention.interval_ms", "3600000", "ms", &Settings::retention_interval_ms, 100, 86'400'000,
           "Time between two looks for what is older than its site keeps events ('footfall site set ID "
           "--retention-months'), which is deleted then.",
           "retention.interval"),
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
    text("enrich.referrer_spam", "", &Settings::enrich_referrer_spam,
         "Hosts of spam referrers, one a line; empty: the list that is built in."),
    text("enrich.datacenter_networks", "", &Settings::enrich_datacenter_networks,
         "Networks of data centres, one a line as 203.0.113.0/24, for the signal network:datacenter; empty: none."),
    text("enrich.bot_signals", enrich::kDefaultBotSignals, &Settings::enrich_bot_signals,
         "What besides the lists of user agents marks an event as a bot's, separated by commas; also "
         "hints:contradiction, headers:missing and rate:pageviews."),
    number("enrich.bot_pageviews_per_minute", "60", "pageviews", &Settings::enrich_bot_pageviews_per_minute, 1,
           1'000'000, "Pageviews of one address and user agent beyond which the signal rate:pageviews marks them."),
    text("catalog.url", "", &Settings::catalog_url,
         "Cluster form: postgresql://USER@HOST:PORT/DATABASE, where all nodes have the catalog; `passfile=` in it or "
         "~/.pgpass has the password. Commands go there too where it is set. Empty: a file in data.dir."),
    text("kafka.brokers", "127.0.0.1:9092", &Settings::kafka_brokers,
         "Cluster form: HOST:PORT of some brokers, separated by commas."),
    text("kafka.prefix", "", &Settings::kafka_prefix,
         "Begins the names of topics and groups, where several installations share a Kafka."),
    number(
        "kafka.partitions", "12", "partitions", &Settings::kafka_partitions, 1, 1'000,
        "Of each topic that `footfall prepare` makes: as many processes can share the work. It can't be changed later: "
        "the visitors would move."),
    number("kafka.replicas", "3", "replicas", &Settings::kafka_replicas, 1, 7,
           "Of each topic; an event is acknowledged when all that are in sync have it, all but one at the least."),
    text("kafka.properties", "", &Settings::kafka_properties,
         "File with further settings of librdkafka, `name=value` a line, such as security.protocol and sasl.password."),
    text("redis.address", "127.0.0.1:6379", &Settings::redis_address, "Cluster form: HOST:PORT of Redis."),
    text("redis.user", "", &Settings::redis_user, "User of Redis; empty: the default one."),
    text("redis.password_file", "", &Settings::redis_password_file,
         "File whose first line is the password of Redis; empty: none."),
    text("redis.prefix", "footfall:", &Settings::redis_prefix,
         "Begins the names of keys and channels, where several installations share a Redis."),
    text("process.engine", "cpp", &Settings::process_engine,
         "Cluster form: what makes events of what collectors took. cpp: the process role.", "cpp"),
    text("logging.level", "info", &Settings::logging_level, "Least severity that is written.", "debug|info|warn|error"),
    text("logging.format", "text", &Settings::logging_format,
         "Readable text or one JSON object a line, on standard error.", "text|json"),
};

/// A setting by one of its names.
struct Name {
    std::string_view key;
    const Declaration* setting = nullptr;

    bool is_duration() const { return key == setting->duration_key; }
};

const std::vector<Name>& names() {
    static const std::vector<Name> all = [] {
        std::vector<Name> out;
        for (const Declaration& declaration : kTable) {
            out.push_back({declaration.key, &declaration});
            if (!declaration.duration_key.empty()) out.push_back({declaration.duration_key, &declaration});
        }
        return out;
    }();
    return all;
}

const Name* find(std::string_view key) {
    const auto found = std::find_if(names().begin(), names().end(), [&](const Name& name) { return name.key == key; });
    return found == names().end() ? nullptr : &*found;
}

bool is_section(std::string_view word) {
    return std::any_of(names().begin(), names().end(),
                       [&](const Name& name) { return name.key.substr(0, name.key.find('.')) == word; });
}

constexpr std::string_view kEnvironmentPrefix = "FOOTFALL_";

std::string environment_name(std::string_view key) {
    std::string name(kEnvironmentPrefix);
    for (const char c : key) name += c == '.' ? '_' : static_cast<char>(c >= 'a' && c <= 'z' ? c - 32 : c);
    return name;
}

/// The key that a variable means by its form: its section ends at the first '_'.
std::string key_of_variable(std::string_view variable) {
    std::string key;
    for (const char c : variable.substr(kEnvironmentPrefix.size()))
        key +=
            c == '_' && key.find('.') == std::string::npos ? '.' : static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
    return key;
}

// Of this project's scripts, tests and benchmarks, which may start the program: BINARY and the others name what they
// use, and FAILPOINTS is for builds with those.
constexpr std::string_view kToolVariables[] = {
    "FOOTFALL_BINARY",      "FOOTFALL_BUILD",     "FOOTFALL_CHROMIUM",    "FOOTFALL_E2E_OUT",    "FOOTFALL_FAILPOINTS",
    "FOOTFALL_LIBCHDB",     "FOOTFALL_LOADGEN",   "FOOTFALL_HTTP_BENCH",  "FOOTFALL_NO_APT",     "FOOTFALL_SEED",
    "FOOTFALL_TEST_FOLDER", "FOOTFALL_TEST_KEEP", "FOOTFALL_TEST_SECRET", "FOOTFALL_TEST_STORE",
};

/// What Kubernetes gives to containers beside a service whose name begins with "footfall": nobody there chose it.
bool is_service_link(std::string_view variable, std::string_view value) {
    if (variable.ends_with("_SERVICE_HOST") || variable.find("_SERVICE_PORT") != std::string_view::npos) return true;
    constexpr std::string_view kPort = "_PORT_";
    const std::size_t digit = variable.find(kPort) + kPort.size();
    if (variable.find(kPort) != std::string_view::npos && digit < variable.size() &&
        std::isdigit(static_cast<unsigned char>(variable[digit])) != 0)
        return true;
    // FOOTFALL_PORT=8080 is somebody's wish, and FOOTFALL_PORT=tcp://10.0.0.7:8080 is not.
    return variable.ends_with("_PORT") && value.find("://") != std::string_view::npos;
}

Error unknown_key(std::string_view key, std::string_view where) {
    std::vector<std::string_view> keys;
    for (const Name& name : names()) keys.push_back(name.key);
    Error error(Code::kInvalidArgument, fmt::format("unknown setting '{}' in {}", key, where), std::string(key));
    error.did_you_mean = nearest(key, keys);
    error.message += error.did_you_mean.empty() ? "; 'footfall settings' lists them all"
                                                : fmt::format("; did you mean '{}'?", error.did_you_mean);
    return error;
}

/// Milliseconds of "500ms", "30s", "2m" or "1h"; nullopt for another form. What does not fit is the largest number.
std::optional<std::int64_t> parse_duration(std::string_view text) {
    constexpr std::pair<std::string_view, std::int64_t> kUnits[] = {
        {"ms", 1}, {"s", 1'000}, {"m", 60'000}, {"h", 3'600'000}};
    std::int64_t count = 0;
    const auto result = std::from_chars(text.data(), text.data() + text.size(), count);
    if (result.ec == std::errc::invalid_argument || count < 0) return std::nullopt;
    const std::string_view unit = text.substr(static_cast<std::size_t>(result.ptr - text.data()));
    for (const auto& [name, factor] : kUnits) {
        if (unit != name) continue;
        if (result.ec != std::errc() || count > kNoLimit / factor) return kNoLimit;
        return count * factor;
    }
    return std::nullopt;
}

Status assign(Settings& settings, const Name& name, std::string_view value, std::string_view where) {
    const Declaration& declaration = *name.setting;
    const auto wrong = [&](std::string_view what) {
        return Error(Code::kInvalidArgument, fmt::format("{} in {} {}, not '{}'", name.key, where, what, value),
                     std::string(name.key));
    };
    if (declaration.text != nullptr) {
        if (!is_choice(value, declaration.choices)) return wrong(fmt::format("must be one of {}", declaration.choices));
        settings.*declaration.text = value;
        return {};
    }
    std::int64_t parsed = 0;
    if (name.is_duration()) {
        const auto duration = parse_duration(value);
        if (!duration) return wrong("must be a duration with its unit, such as 500ms, 30s or 2m");
        parsed = *duration;
    } else {
        const char* end = value.data() + value.size();
        const auto result = std::from_chars(value.data(), end, parsed);
        if (value.empty() || result.ec != std::errc() || result.ptr != end) return wrong("must be a whole number");
    }
    const std::string_view unit = name.is_duration() ? "ms" : "";
    const std::string_view or_open = declaration.can_be_left_open() ? ", or 0" : "";
    if (parsed < declaration.min && !(parsed == 0 && declaration.can_be_left_open()))
        return wrong(fmt::format("must be at least {}{}{}", declaration.min, unit, or_open));
    if (parsed > declaration.max) return wrong(fmt::format("must be at most {}{}", declaration.max, unit));
    settings.*declaration.number = parsed;
    return {};
}

/// One of the places that settings come from. It gives a setting by one of its names: which of two should win?
class Place {
public:
    explicit Place(Settings& settings) : settings_(settings) {}

    Status assign(const Name& name, std::string_view value, std::string_view where) {
        const auto [given, is_first] = given_.emplace(name.setting, name.key);
        if (!is_first)
            return Error(
                Code::kInvalidArgument,
                fmt::format("{} in {} is the same setting as {}: give one of them", name.key, where, given->second),
                std::string(name.key));
        return app::assign(settings_, name, value, where);
    }

private:
    Settings& settings_;
    std::map<const Declaration*, std::string_view> given_;
};

Status apply_toml(Settings& settings, const std::string& path) {
    TRY(const std::string content, read_file(path));
    toml::table root;
    try {
        root = toml::parse(content, path);
    } catch (const toml::parse_error& error) {
        return Error(Code::kInvalidArgument,
                     fmt::format("{} line {}: {}", path, error.source().begin.line, error.description()));
    }
    Place place(settings);
    for (const auto& [section_name, section] : root) {
        const toml::table* table = section.as_table();
        if (table == nullptr || (table->empty() && !is_section(section_name.str())))
            return unknown_key(section_name.str(), path);
        for (const auto& [word, node] : *table) {
            const std::string key = fmt::format("{}.{}", section_name.str(), word.str());
            const Name* name = find(key);
            if (name == nullptr) return unknown_key(key, path);
            const bool is_text = name->setting->text != nullptr || name->is_duration();
            std::optional<std::string> value;
            if (is_text) value = node.value_exact<std::string>();
            else if (const auto integer = node.value_exact<std::int64_t>()) value = std::to_string(*integer);
            if (!value)
                return Error(Code::kInvalidArgument,
                             fmt::format("{} in {} must be a {}{}", key, path, is_text ? "string" : "whole number",
                                         name->is_duration() ? ", a duration with its unit, such as \"30s\"" : ""),
                             key);
            TRY_STATUS(place.assign(*name, *value, path));
        }
    }
    return {};
}

Status apply_environment(Settings& settings, const std::map<std::string, std::string>& environment) {
    Place place(settings);
    for (const auto& [variable, value] : environment) {
        if (!variable.starts_with(kEnvironmentPrefix)) continue;
        const auto name = std::find_if(names().begin(), names().end(),
                                       [&](const Name& n) { return environment_name(n.key) == variable; });
        if (name != names().end()) {
            TRY_STATUS(place.assign(*name, value, variable));
            continue;
        }
        const bool is_tools =
            std::find(std::begin(kToolVariables), std::end(kToolVariables), variable) != std::end(kToolVariables);
        if (!is_tools && !is_service_link(variable, value))
            return unknown_key(key_of_variable(variable), "the environment (" + variable + ")");
    }
    return {};
}

}  // namespace

Result<Settings> load_settings(const std::string& toml_path, const std::map<std::string, std::string>& environment,
                               const std::map<std::string, std::string>& flags) {
    Settings settings;
    for (const Declaration& declaration : kTable)
        TRY_STATUS(assign(settings, {declaration.key, &declaration}, declaration.standard, "the table of defaults"));
    if (!toml_path.empty()) TRY_STATUS(apply_toml(settings, toml_path));
    TRY_STATUS(apply_environment(settings, environment));
    Place place(settings);
    for (const auto& [key, value] : flags) {
        const Name* name = find(key);
        if (name == nullptr) return unknown_key(key, "the flags");
        TRY_STATUS(place.assign(*name, value, "the flags"));
    }
    return settings;
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
        "So is an unknown variable that begins with `FOOTFALL_`, but for those that this project's scripts read "
        "(`FOOTFALL_BINARY`, …) and\n"
        "those that Kubernetes makes of a service's name (`FOOTFALL_SERVICE_HOST`, `FOOTFALL_PORT_8080_TCP`, …). A "
        "duration has its unit: `500ms`,\n"
        "`30s`, `2m`, `1h`.\n\n"
        "| setting | default | unit | bounds | what it does |\n|---|---|---|---|---|\n";
    for (const Declaration& d : kTable) {
        std::string bounds;
        if (!d.choices.empty()) {
            bounds = d.choices;
            std::replace(bounds.begin(), bounds.end(), '|', ' ');
        } else if (d.number != nullptr) {
            bounds = fmt::format("{}{} … {}", d.can_be_left_open() ? "0, " : "", d.min,
                                 d.max == kNoLimit ? "" : std::to_string(d.max));
        }
        const std::string also = d.duration_key.empty() ? "" : fmt::format(", or `{}`, a duration", d.duration_key);
        out += fmt::format("| `{}`{} | {} | {} | {} | {} |\n", d.key, also,
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
        writer.member("duration", d.duration_key);
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
