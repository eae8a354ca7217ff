-- Days of these sites, in their zone, that ended by {to} and are to be made: those that ended since the last run, and those for which something came since.
-- A ping says something of a page that was opened before it, on its own day or on the day before: of which is looked up, unless {all_before}, which takes every
-- day before one with pings. Two equal hashes would only make a day due for nothing.
WITH
pings AS
(
    SELECT website_id, timestamp, cityHash64(website_id, visitor_id, event_key) AS page_key
    FROM footfall.events
    WHERE website_id IN {sites:Array(String)} AND event_type = 'ping' AND {offset:UInt64} > 0 AND log_offset >= {offset:UInt64}
),
due AS
(
    SELECT website_id, toDate(timestamp, {zone:String}) AS day
    FROM footfall.events
    WHERE website_id IN {sites:Array(String)} AND timestamp < {to:DateTime64(3, 'UTC')}
        AND (log_offset >= {offset:UInt64} OR (toDate(timestamp) >= toDate({from:DateTime64(3, 'UTC')}) AND timestamp >= {from:DateTime64(3, 'UTC')}))
    GROUP BY website_id, day
    UNION DISTINCT
    SELECT website_id, toDate(timestamp, {zone:String}) AS day
    FROM footfall.events
    WHERE NOT {all_before:Bool} AND website_id IN {sites:Array(String)} AND event_type = 'pageview' AND timestamp < {to:DateTime64(3, 'UTC')}
        AND toDate(timestamp) IN (SELECT toDate(timestamp) - arrayJoin([0, 1, 2]) FROM pings)
        AND cityHash64(website_id, visitor_id, event_key) IN (SELECT page_key FROM pings)
    GROUP BY website_id, day
    UNION DISTINCT
    SELECT website_id, toDate(timestamp, {zone:String}) - 1 AS day
    FROM pings
    WHERE {all_before:Bool}
    GROUP BY website_id, day
    UNION DISTINCT
    SELECT website_id, toDate(started_at, {zone:String}) AS day
    FROM footfall.sessions
    WHERE website_id IN {sites:Array(String)} AND started_at < {to:DateTime64(3, 'UTC')} AND log_offset >= {offset:UInt64}
    GROUP BY website_id, day
)
SELECT website_id, toString(day) FROM due WHERE day < toDate({to:DateTime64(3, 'UTC')}, {zone:String}) ORDER BY website_id, day
