-- Which days the daily batch has made, and of which version their rows in daily_pages and daily_sources are. A row without a site is of a run: for the
-- sites of `timezone` days are made that ended by the end of `day`, of what the tables held up to `log_offset`. A row of 1970-01-01 with a site says
-- that all of its days were made by that zone.
CREATE TABLE IF NOT EXISTS footfall.daily_made
(
    website_id LowCardinality(String),
    timezone LowCardinality(String),
    day Date,
    log_offset UInt64,
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (website_id, day, timezone)
SETTINGS
    min_bytes_for_wide_part = 134217728,
    fsync_after_insert = 1,
    fsync_part_directory = 1,
    min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1,
    old_parts_lifetime = 60,
    non_replicated_deduplication_window = 0
