-- Which of these events of a site the store has already, whatever the index of event ids has forgotten. One that was sent again has a time not long
-- before that of its rejection, so older months are not read.
SELECT toString(event_id)
FROM footfall.events
WHERE website_id = {site:String} AND event_id IN {ids:Array(UUID)} AND timestamp >= fromUnixTimestamp64Milli({from:Int64}, 'UTC')
GROUP BY event_id
