-- The last pings before a position, for a fold that starts there: a ping may come before its pageview.
SELECT website_id, visitor_id, is_bot, event_key, time_on_page, log_offset
FROM footfall.events
WHERE log_partition = {partition:UInt16} AND log_offset >= {first:UInt64} AND log_offset < {before:UInt64}
    AND event_type = 'ping' AND time_on_page > 0
ORDER BY log_offset
