-- Where the log has events of a site that may be these, whatever the index of event ids has forgotten. One that was sent again has a time not long before
-- that of its rejection, so older months are not read.
SELECT log_offset
FROM footfall.events
WHERE website_id = {site:String} AND event_key IN {keys:Array(UInt32)} AND timestamp >= fromUnixTimestamp64Milli({from:Int64}, 'UTC')
ORDER BY log_offset
