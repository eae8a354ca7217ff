-- Whether a day has rows of properties, and of which ones it has none although its events have them.
ALTER TABLE footfall.rollup_made
    ADD COLUMN IF NOT EXISTS has_properties Bool AFTER goal_rows,
    ADD COLUMN IF NOT EXISTS properties_left_out Array(String) AFTER has_properties
