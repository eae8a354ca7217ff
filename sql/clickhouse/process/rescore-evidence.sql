-- What a verdict on a site's events can rest on, and the verdict that they have, by visitor and day of the site. A pass has whole visitors, one behind the
-- other, so that whoever reads the rows counts visitors without keeping them.
SELECT visitor_id, toString(toDate(timestamp, {zone:String})) AS day, user_agent, referrer, toString(ip), bot_reason, bot_lists, count()
FROM footfall.events
WHERE website_id = {site:String} AND visitor_id % {passes:UInt64} = {pass:UInt64}
    AND timestamp >= fromUnixTimestamp64Milli({since:Int64}, 'UTC') AND timestamp < fromUnixTimestamp64Milli({until:Int64}, 'UTC')
GROUP BY visitor_id, day, user_agent, referrer, ip, bot_reason, bot_lists
ORDER BY visitor_id
