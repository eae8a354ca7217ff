-- How many of these sessions the table holds.
SELECT count()
FROM (
    SELECT session_key
    FROM footfall.sessions
    WHERE session_key IN {keys:Array(UInt64)}
    GROUP BY session_key
    HAVING sum(sign) > 0
)
