-- Days of these sites, in their zone, that ended by {to} and are to be made: those that ended since the last run, and those for which something came since.
-- A ping says something of a page that was opened before it; of the day before where it comes soon after midnight.
WITH due AS
(
    SELECT website_id, toDate(timestamp, {zone:String}) AS day
    FROM footfall.events
    WHERE website_id IN {sites:Array(String)} AND timestamp < {to:DateTime64(3, 'UTC')}
        AND (log_offset >= {offset:UInt64} OR (toDate(timestamp) >= toDate({from:DateTime64(3, 'UTC')}) AND timestamp >= {from:DateTime64(3, 'UTC')}))
    GROUP BY website_id, day
    UNION DISTINCT
    SELECT website_id, toDate(subtractHours(timestamp, 2), {zone:String}) AS day
    FROM footfall.events
    WHERE website_id IN {sites:Array(String)} AND event_type = 'ping' AND log_offset >= {offset:UInt64}
        AND subtractHours(timestamp, 2) < {to:DateTime64(3, 'UTC')}
    GROUP BY website_id, day
    UNION DISTINCT
    SELECT website_id, toDate(started_at, {zone:String}) AS day
    FROM footfall.sessions
    WHERE website_id IN {sites:Array(String)} AND started_at < {to:DateTime64(3, 'UTC')} AND log_offset >= {offset:UInt64}
    GROUP BY website_id, day
)
SELECT website_id, toString(day) FROM due WHERE day < toDate({to:DateTime64(3, 'UTC')}, {zone:String}) ORDER BY website_id, day
