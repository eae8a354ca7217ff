-- Hours that rows from this offset of the log on are of: events, and all hours of sessions that changed.
SELECT website_id, hour, max(end) FROM
(
    SELECT website_id, intDiv(toUnixTimestamp64Milli(timestamp), 3600000) AS hour, max(log_offset) + 1 AS end
    FROM footfall.events
    WHERE log_offset >= {from:UInt64}
    GROUP BY website_id, hour
    UNION ALL
    SELECT website_id,
        arrayJoin(range(intDiv(toUnixTimestamp64Milli(started_at), 3600000), intDiv(toUnixTimestamp64Milli(ended_at), 3600000) + 1)) AS hour,
        max(log_offset) + 1 AS end
    FROM footfall.sessions
    WHERE log_offset >= {from:UInt64}
    GROUP BY website_id, hour
)
GROUP BY website_id, hour
