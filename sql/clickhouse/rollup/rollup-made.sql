SELECT website_id, toString(day), timezone, generation, log_offset, events, rows, is_stale
FROM footfall.rollup_made FINAL
WHERE website_id != ''
