-- What the last run of each zone had done, and the highest version there is.
SELECT timezone, toString(argMax(day, version)), argMax(log_offset, version), max(version)
FROM footfall.daily_made
WHERE website_id = ''
GROUP BY timezone
