-- Events that carry old_key belong to the session new_key: a late event joined the two. Seldom, so small; the row with the highest log_offset counts.
CREATE TABLE IF NOT EXISTS footfall.session_alias
(
    website_id LowCardinality(String),
    old_key UInt64,
    new_key UInt64,
    log_partition UInt16,
    log_offset UInt64
)
ENGINE = ReplacingMergeTree(log_offset)
ORDER BY (website_id, old_key)
SETTINGS
    fsync_after_insert = 1,
    fsync_part_directory = 1,
    min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1,
    old_parts_lifetime = 60,
    non_replicated_deduplication_window = 0
