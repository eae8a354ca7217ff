CREATE TABLE IF NOT EXISTS footfall.loader_checkpoints
(
    `log_partition` UInt16,
    `claim` UInt64,
    `token` String,
    `step` UInt64,
    `log_offset` UInt64,
    `as_of` DateTime64(3, 'UTC'),
    `store_identity` String,
    `rejected_identity` String,
    `held` String
)
ENGINE = ReplacingMergeTree(step)
ORDER BY (log_partition, claim, token)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1, min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 60, non_replicated_deduplication_window = 0, index_granularity = 8192
