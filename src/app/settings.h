#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace footfall::app {

/// Every setting of the product, as plain values. Declared once, in the table of settings.cc, with key, default, bounds
/// and help; the TOML file, the environment, the flags, `footfall settings` and docs/configuration.md derive from that
/// table.
struct Settings {
    std::string data_dir;
    std::string http_listen;
    std::int64_t http_loops = 0;
    std::string http_tls_listen;
    std::string http_tls_certificate;
    std::string http_tls_key;
    std::int64_t http_hsts_seconds = 0;
    std::string http_trusted_proxies;
    std::string http_proxy_protocol;
    std::int64_t http_connections_max = 0;
    std::int64_t http_connections_per_address_max = 0;
    std::int64_t http_body_budget_bytes = 0;
    std::int64_t ingest_queue_bytes_max = 0;
    std::int64_t ingest_address_events_per_second = 0;
    std::int64_t ingest_site_events_per_second = 0;
    std::int64_t log_segment_bytes = 0;
    std::int64_t log_retention_hours = 0;
    std::int64_t log_disk_reserve_bytes = 0;
    std::string archive_enabled;
    std::string archive_directory;
    std::string archive_s3_bucket;
    std::string archive_s3_endpoint;
    std::string archive_s3_region;
    std::string archive_s3_prefix;
    std::string archive_s3_addressing;
    std::string archive_s3_credentials;
    std::string archive_s3_authorities;
    std::int64_t archive_after_ms = 0;
    std::int64_t archive_range_entries_max = 0;
    std::int64_t dedup_memory_max = 0;
    std::int64_t loader_interval_ms = 0;
    std::int64_t loader_batch_rows_max = 0;
    std::string store_library;
    std::string store_url;
    std::string store_user;
    std::string store_database;
    std::string store_password_file;
    std::string store_authorities;
    std::string store_compression;
    std::int64_t store_memory_max = 0;
    std::int64_t store_threads = 0;
    std::int64_t query_timeout_ms = 0;
    std::int64_t query_concurrency_max = 0;
    std::int64_t query_site_concurrency_max = 0;
    std::int64_t query_waiting_max = 0;
    std::int64_t query_site_waiting_max = 0;
    std::int64_t query_memory_max = 0;
    std::int64_t query_sketch_above_events = 0;
    std::int64_t query_sample_above_rows = 0;
    std::int64_t query_cache_bytes_max = 0;
    std::int64_t rollup_interval_ms = 0;
    std::int64_t rollup_remake_after_ms = 0;
    std::int64_t rollup_day_events_min = 0;
    std::int64_t rollup_sketch_day_events_min = 0;
    std::int64_t rollup_row_events_min = 0;
    std::int64_t daily_interval_ms = 0;
    std::int64_t retention_interval_ms = 0;
    std::int64_t session_idle_hours = 0;
    std::int64_t session_absolute_hours = 0;
    std::string enrich_geo_v4;
    std::string enrich_geo_v6;
    std::string enrich_user_agent_rules;
    std::string enrich_crawlers;
    std::string enrich_referrer_spam;
    std::string enrich_datacenter_networks;
    std::string enrich_bot_signals;
    std::int64_t enrich_bot_pageviews_per_minute = 0;
    std::string catalog_url;
    std::string kafka_brokers;
    std::string kafka_prefix;
    std::int64_t kafka_partitions = 0;
    std::int64_t kafka_replicas = 0;
    std::string kafka_properties;
    std::string redis_address;
    std::string redis_user;
    std::string redis_password_file;
    std::string redis_prefix;
    std::string process_engine;
    std::string logging_level;
    std::string logging_format;
};

/// Reads settings in order of precedence: defaults < TOML file < environment (FOOTFALL_SECTION_KEY) < flags (key →
/// value, keys as in the table). An unknown key, a value of the wrong kind or out of bounds is kInvalidArgument with
/// the key as field, the place it came from in the message and, for an unknown key, the nearest known one. So is a
/// setting that one place gives by two names. Unknown variables that begin with FOOTFALL_ are unknown keys, but for
/// those of this project's scripts and those that Kubernetes makes of a service's name.
Result<Settings> load_settings(const std::string& toml_path, const std::map<std::string, std::string>& environment,
                               const std::map<std::string, std::string>& flags);

/// Configures this process's log as the settings say; `role` names the process in each line.
void configure_logging(const Settings& settings, std::string_view role);

/// Whether the value is one of "a|b|c"; of no choices it is any.
bool is_choice(std::string_view value, std::string_view choices);

/// Keys of the table, for flags and completion.
bool is_setting(std::string_view key);

/// The reference page, as Markdown: docs/configuration.md is this text, and a test compares them.
std::string settings_reference();

/// The same as JSON: an array of {setting, duration, environment, default, unit, help}; `duration` is the second name
/// under which the value has a unit, empty where there is none.
std::string settings_json();

/// The environment of this process as a map.
std::map<std::string, std::string> process_environment();

}  // namespace footfall::app
