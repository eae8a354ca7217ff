-- Which days of footfall.rollup_days count, a row a site and day: those of `generation`, made by the calendar of `timezone` when the tables held the log up
-- to `log_offset`. `is_stale`: something of that day came later, so that only the tables say what it comes to. `rows` is how many it has in rollup_days; a
-- day that has others has lost a part, or was not made to its end. The row without a site says up to which offset of the log all of this is known.
CREATE TABLE IF NOT EXISTS footfall.rollup_made
(
    website_id LowCardinality(String),
    day Date,
    timezone LowCardinality(String),
    generation UInt64,
    log_offset UInt64,
    events UInt64,
    rows UInt64,
    is_stale Bool,
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (website_id, day)
SETTINGS
    min_bytes_for_wide_part = 134217728,
    fsync_after_insert = 1,
    fsync_part_directory = 1,
    min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1,
    old_parts_lifetime = 60,
    non_replicated_deduplication_window = 0
