-- Events of before the cut-off that stay: those of sessions that go on beyond it, from their beginning on, and pings that name the first pageview of a
-- session that stays, which may have come long before it by a clock that was wrong.
SELECT log_offset FROM
(
    SELECT e.log_offset AS log_offset
    FROM footfall.events AS e
    INNER JOIN
    (
        SELECT visitor_id, is_bot, session_key, started_at
        FROM footfall.sessions
        WHERE website_id = {site:String} AND started_at < {before:DateTime64(3, 'UTC')} AND open_until > {before:DateTime64(3, 'UTC')}
        GROUP BY visitor_id, is_bot, session_key, started_at, open_until
        HAVING sum(sign) > 0
    ) AS s ON e.visitor_id = s.visitor_id AND e.is_bot = s.is_bot
    WHERE e.website_id = {site:String} AND e.timestamp < {before:DateTime64(3, 'UTC')} AND e.event_type IN ('pageview', 'event')
        AND e.timestamp >= s.started_at
    UNION ALL
    SELECT log_offset
    FROM footfall.events
    WHERE website_id = {site:String} AND timestamp < {before:DateTime64(3, 'UTC')} AND event_type = 'ping'
        AND (visitor_id, event_key) IN
        (
            SELECT visitor_id, toUInt32(bitAnd(session_key, 0xFFFFFFFF)) FROM footfall.sessions
            WHERE website_id = {site:String} AND open_until > {before:DateTime64(3, 'UTC')} AND visitor_id IN
            (
                SELECT visitor_id FROM footfall.events
                WHERE website_id = {site:String} AND timestamp < {before:DateTime64(3, 'UTC')} AND event_type = 'ping'
            )
        )
)
GROUP BY log_offset
ORDER BY log_offset
