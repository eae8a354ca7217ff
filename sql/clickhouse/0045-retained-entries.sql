-- Events of before a site's cut-off that stay, by their place in the log, while the others are being deleted: those of sessions that go on beyond it. In
-- memory, as erasing_entries; else empty. A deletion says how many there must be, so that an engine that was started again deletes nothing by mistake.
CREATE TABLE IF NOT EXISTS footfall.retained_entries (log_offset UInt64)
ENGINE = Memory
