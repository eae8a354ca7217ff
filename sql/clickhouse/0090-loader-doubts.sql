-- Offsets from which on a loader wrote that learned only then that another one had taken its partition over: who has it compares from there on.
CREATE TABLE IF NOT EXISTS footfall.loader_doubts
(
    log_partition UInt16,
    claim UInt64,
    log_offset UInt64
)
ENGINE = MergeTree
ORDER BY (log_partition, claim)
SETTINGS
    fsync_after_insert = 1,
    fsync_part_directory = 1,
    min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1,
    old_parts_lifetime = 60,
    non_replicated_deduplication_window = 0
