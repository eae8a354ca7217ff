CREATE TABLE IF NOT EXISTS footfall.session_alias
(
    `website_id` LowCardinality(String),
    `old_key` UInt64,
    `new_key` UInt64,
    `log_partition` UInt16,
    `log_offset` UInt64,
    `batch` UInt64
)
ENGINE = ReplacingMergeTree(log_offset)
PRIMARY KEY (website_id, old_key)
ORDER BY (website_id, old_key, batch)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1, min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 60, non_replicated_deduplication_window = 0, index_granularity = 8192
