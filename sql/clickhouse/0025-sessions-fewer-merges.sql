-- As 0024 for the events.
ALTER TABLE footfall.sessions MODIFY SETTING merge_selector_base = 8
