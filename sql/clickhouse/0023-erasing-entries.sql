-- Offsets of the log whose rows are being erased, as erasing_visitors. Else empty.
CREATE TABLE IF NOT EXISTS footfall.erasing_entries (log_offset UInt64)
ENGINE = Memory
