-- As 0010 for the events.
ALTER TABLE footfall.sessions MODIFY SETTING min_bytes_for_wide_part = 134217728
