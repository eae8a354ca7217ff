SELECT toUInt64(max(log_offset)) FROM footfall.rollup_made WHERE website_id = ''
