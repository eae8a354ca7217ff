CREATE TABLE IF NOT EXISTS footfall.daily_pages
(
    `website_id` LowCardinality(String),
    `day` Date,
    `page` String CODEC(ZSTD(1)),
    `views` UInt64 CODEC(T64, ZSTD(1)),
    `users` UInt64 CODEC(T64, ZSTD(1)),
    `engaged_ms` UInt64 CODEC(T64, ZSTD(1)),
    `version` UInt64 CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(day)
ORDER BY (website_id, day, page)
SETTINGS min_bytes_for_wide_part = 134217728, fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1, min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 60, non_replicated_deduplication_window = 0, index_granularity = 8192
