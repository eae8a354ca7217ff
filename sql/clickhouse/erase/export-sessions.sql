-- A visitor's sessions as they are now.
SELECT * EXCEPT (sign, version, log_partition, log_offset)
FROM footfall.sessions
WHERE website_id = {site:String} AND visitor_id IN {visitors:Array(UInt64)}
GROUP BY ALL
HAVING sum(sign) > 0
ORDER BY started_at
