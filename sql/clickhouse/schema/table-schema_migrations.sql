CREATE TABLE IF NOT EXISTS footfall.schema_migrations
(
    `name` String,
    `checksum` String,
    `applied` DateTime64(3, 'UTC')
)
ENGINE = MergeTree
ORDER BY name
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1, index_granularity = 8192
