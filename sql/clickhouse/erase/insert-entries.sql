-- Entries of the log that are being erased, as a block that follows.
INSERT INTO footfall.erasing_entries (log_offset) FORMAT Native
