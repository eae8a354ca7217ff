-- Of sessions as they stand: a row that another cancels is gone.
INSERT INTO footfall.daily_sources (website_id, day, source, medium, sessions, users, revenue, version)
SELECT website_id, day, source, medium, count(), uniqExact(visitor_id), sumMap(revenue), {version:UInt64}
FROM
(
    SELECT website_id, session_key, visitor_id, toDate(started_at, {zone:String}) AS day, source, medium, revenue
    FROM footfall.sessions
    WHERE website_id IN {sites:Array(String)}
        AND toDate(started_at) BETWEEN toDate({from:DateTime64(3, 'UTC')}) AND toDate({to:DateTime64(3, 'UTC')})
        AND started_at >= {from:DateTime64(3, 'UTC')} AND started_at < {to:DateTime64(3, 'UTC')}
        AND (website_id, toDate(started_at, {zone:String})) IN {days:Array(Tuple(String, Date))}
        AND NOT is_bot
    GROUP BY ALL
    HAVING sum(sign) > 0
)
GROUP BY website_id, day, source, medium
