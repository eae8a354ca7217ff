-- Where in the log the events of a site of before a time are, those from an offset on among them, and how many.
SELECT count(), min(log_offset), max(log_offset), countIf(log_offset >= {end:UInt64})
FROM footfall.events
WHERE website_id = {site:String} AND timestamp < {before:DateTime64(3, 'UTC')}
