CREATE TABLE IF NOT EXISTS footfall.rejected
(
    `website_id` LowCardinality(String),
    `tracking_id` String CODEC(ZSTD(1)),
    `received_at` DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    `field` String CODEC(ZSTD(1)),
    `reason` LowCardinality(String),
    `event` String CODEC(ZSTD(3)),
    `is_cut` Bool,
    `user_agent` String CODEC(ZSTD(1)),
    `key_site_id` LowCardinality(String),
    `log_partition` UInt16 CODEC(ZSTD(1)),
    `log_offset` UInt64 CODEC(Delta(8), ZSTD(1)),
    INDEX log_offset_minmax log_offset TYPE minmax GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(received_at)
ORDER BY (website_id, log_partition, log_offset)
TTL toDateTime(received_at) + toIntervalDay(30)
SETTINGS min_bytes_for_wide_part = 134217728, fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1, min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 60, non_replicated_deduplication_window = 0, index_granularity = 8192
