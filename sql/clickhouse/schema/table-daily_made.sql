CREATE TABLE IF NOT EXISTS footfall.daily_made
(
    `website_id` LowCardinality(String),
    `timezone` LowCardinality(String),
    `day` Date,
    `log_offset` UInt64,
    `version` UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (website_id, day, timezone)
SETTINGS min_bytes_for_wide_part = 134217728, fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1, min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 60, non_replicated_deduplication_window = 0, index_granularity = 8192
