-- The engaged time of the pageviews that were pinged lately, the latest ones where they are too many: a ping may come before its pageview.
SELECT website_id, visitor_id, is_bot, toString(pageview_id), max(time_on_page)
FROM footfall.events
WHERE received_at >= fromUnixTimestamp64Milli({received_from:Int64}, 'UTC') AND event_type = 'ping' AND time_on_page > 0
    AND log_partition = {partition:UInt16} AND log_offset < {before:UInt64}
GROUP BY website_id, visitor_id, is_bot, pageview_id
ORDER BY max(log_offset) DESC
LIMIT {limit:UInt64}
