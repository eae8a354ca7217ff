-- Entries of before the cut-off that stay, as a block that follows.
INSERT INTO footfall.retained_entries (log_offset) FORMAT Native
