-- What a site's closed days come to, by the site's own calendar: for each day, and for each value of a dimension that dimensions.json rolls up, the
-- metrics that metrics.json keeps. `dimension` and `value` are '' in the row of the day as a whole. Bots are left out. Numbers add up over days; visitors
-- are states (uniqCombined64 with 2^14 registers, standard error 0.81 %, exact for small sets). A day that is made again gets rows of a higher generation,
-- and footfall.rollup_made says which one counts: rows of others are left-overs, which merges remove (docs/adr/0012).
CREATE TABLE IF NOT EXISTS footfall.rollup_days
(
    website_id LowCardinality(String),
    dimension LowCardinality(String),
    day Date,
    value String,
    generation UInt64 CODEC(ZSTD(1)),
    pageviews UInt64 CODEC(T64, ZSTD(1)),
    events UInt64 CODEC(T64, ZSTD(1)),
    visitors AggregateFunction(uniqCombined64(14), UInt64) CODEC(ZSTD(1)),
    sessions Int64 CODEC(T64, ZSTD(1)),
    bounces Int64 CODEC(T64, ZSTD(1)),
    session_ms Int64 CODEC(T64, ZSTD(1))
)
ENGINE = ReplacingMergeTree(generation)
PARTITION BY toYYYYMM(day)
ORDER BY (website_id, dimension, day, value)
SETTINGS
    min_bytes_for_wide_part = 134217728,
    fsync_after_insert = 1,
    fsync_part_directory = 1,
    min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1,
    old_parts_lifetime = 60,
    non_replicated_deduplication_window = 0
