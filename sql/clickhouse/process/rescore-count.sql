-- How many events of a site are judged again: into how many passes rescore-evidence.sql is cut.
SELECT count()
FROM footfall.events
WHERE website_id = {site:String}
    AND timestamp >= fromUnixTimestamp64Milli({since:Int64}, 'UTC') AND timestamp < fromUnixTimestamp64Milli({until:Int64}, 'UTC')
