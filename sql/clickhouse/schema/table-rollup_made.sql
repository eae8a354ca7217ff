CREATE TABLE IF NOT EXISTS footfall.rollup_made
(
    `website_id` LowCardinality(String),
    `day` Date,
    `timezone` LowCardinality(String),
    `definition` UInt64,
    `generation` UInt64,
    `log_offset` UInt64,
    `events` UInt64,
    `rows` UInt64,
    `is_stale` Bool,
    `has_sketches` Bool,
    `dimensions` Array(LowCardinality(String)),
    `goals` UInt64,
    `goals_generation` UInt64,
    `goal_rows` UInt64,
    `has_properties` Bool,
    `properties_left_out` Array(String),
    `version` UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (website_id, day)
SETTINGS min_bytes_for_wide_part = 134217728, fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1, min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 60, non_replicated_deduplication_window = 0, index_granularity = 8192
