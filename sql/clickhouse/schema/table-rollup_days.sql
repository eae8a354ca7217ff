CREATE TABLE IF NOT EXISTS footfall.rollup_days
(
    `website_id` LowCardinality(String),
    `dimension` LowCardinality(String),
    `value` String CODEC(ZSTD(1)),
    `day` Date,
    `event_name` LowCardinality(String),
    `generation` UInt64 CODEC(ZSTD(1)),
    `pageviews` UInt64 CODEC(T64, ZSTD(1)),
    `events` UInt64 CODEC(T64, ZSTD(1)),
    `visitors` AggregateFunction(uniqCombined64(14), UInt64) CODEC(ZSTD(1)),
    `sessions` Int64 CODEC(T64, ZSTD(1)),
    `bounces` Int64 CODEC(T64, ZSTD(1)),
    `session_ms` Int64 CODEC(T64, ZSTD(1)),
    `revenue` Map(LowCardinality(String), Decimal(38, 4)) CODEC(ZSTD(1)),
    `revenue_events` Map(LowCardinality(String), UInt64) CODEC(ZSTD(1)),
    `conversions` Int64 CODEC(T64, ZSTD(1)),
    `converted_visitors` AggregateFunction(uniqCombined64(14), UInt64) CODEC(ZSTD(1)),
    `session_visitors` AggregateFunction(uniqCombined64(14), UInt64) CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(generation)
PARTITION BY toYYYYMM(day)
PRIMARY KEY (website_id, dimension, value, day)
ORDER BY (website_id, dimension, value, day, event_name)
SETTINGS index_granularity_bytes = 262144, min_bytes_for_wide_part = 10485760, fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1, min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 60, non_replicated_deduplication_window = 0, index_granularity = 8192, min_age_to_force_merge_seconds = 172800, min_age_to_force_merge_on_partition_only = 1
