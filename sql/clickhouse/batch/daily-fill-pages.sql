INSERT INTO footfall.daily_pages (website_id, day, page, views, users, engaged_ms, version)
WITH of_pings AS
(
    SELECT website_id, event_key, visitor_id, is_bot, max(time_on_page) AS engaged
    FROM footfall.events
    WHERE website_id IN {sites:Array(String)}
        AND toDate(timestamp) BETWEEN toDate(subtractMinutes({from:DateTime64(3, 'UTC')}, 5)) AND toDate(addDays({to:DateTime64(3, 'UTC')}, 1))
        AND timestamp >= subtractMinutes({from:DateTime64(3, 'UTC')}, 5) AND timestamp < addDays({to:DateTime64(3, 'UTC')}, 1)
        AND event_type = 'ping'
    GROUP BY website_id, event_key, visitor_id, is_bot
)
SELECT e.website_id, toDate(e.timestamp, {zone:String}) AS day, e.page, count(), uniqExact(e.visitor_id), sum(toUInt64(round(toFloat64(p.engaged) * 1000))),
    {version:UInt64}
FROM footfall.events AS e
LEFT JOIN of_pings AS p ON e.website_id = p.website_id AND e.event_key = p.event_key AND e.visitor_id = p.visitor_id AND e.is_bot = p.is_bot
WHERE e.website_id IN {sites:Array(String)}
    AND toDate(e.timestamp) BETWEEN toDate({from:DateTime64(3, 'UTC')}) AND toDate({to:DateTime64(3, 'UTC')})
    AND e.timestamp >= {from:DateTime64(3, 'UTC')} AND e.timestamp < {to:DateTime64(3, 'UTC')}
    AND (e.website_id, toDate(e.timestamp, {zone:String})) IN {days:Array(Tuple(String, Date))}
    AND e.event_type = 'pageview' AND NOT e.is_bot
GROUP BY e.website_id, day, e.page
