CREATE TABLE IF NOT EXISTS footfall.retained_entries
(
    `log_offset` UInt64
)
ENGINE = Memory
