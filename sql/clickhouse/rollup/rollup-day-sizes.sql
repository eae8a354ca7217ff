-- Events by day of sites in one time zone, of days that have enough of them.
SELECT website_id, toString(toDate(timestamp, {zone:String})) AS day, count() AS events
FROM footfall.events
WHERE website_id IN {sites:Array(String)}
    AND toDate(timestamp) BETWEEN toDate({from:DateTime64(3, 'UTC')}) AND toDate({to:DateTime64(3, 'UTC')})
    AND timestamp >= {from:DateTime64(3, 'UTC')} AND timestamp < {to:DateTime64(3, 'UTC')}
    AND event_type IN ('pageview', 'event') AND NOT is_bot
GROUP BY website_id, day
HAVING events >= {events_min:UInt64}
ORDER BY website_id, day
