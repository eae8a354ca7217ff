CREATE TABLE IF NOT EXISTS footfall.rejected_counts
(
    `website_id` LowCardinality(String),
    `reason` LowCardinality(String),
    `hour` DateTime('UTC') CODEC(Delta(4), ZSTD(1)),
    `events` UInt64 CODEC(T64, ZSTD(1)),
    `last_at` DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    `log_partition` UInt16 CODEC(ZSTD(1)),
    `log_offset` UInt64 CODEC(Delta(8), ZSTD(1)),
    INDEX log_offset_minmax log_offset TYPE minmax GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(hour)
ORDER BY (website_id, hour, reason)
TTL hour + toIntervalDay(31)
SETTINGS min_bytes_for_wide_part = 134217728, fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1, min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 60, non_replicated_deduplication_window = 0, index_granularity = 8192
