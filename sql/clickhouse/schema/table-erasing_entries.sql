CREATE TABLE IF NOT EXISTS footfall.erasing_entries
(
    `log_offset` UInt64
)
ENGINE = Memory
