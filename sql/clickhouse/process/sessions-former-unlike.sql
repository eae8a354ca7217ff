-- How many former sessions the table does not hold just once.
SELECT count()
FROM footfall.sessions_former
WHERE log_partition = {partition:UInt16} AND (website_id, session_key) NOT IN (
    SELECT website_id, session_key
    FROM footfall.sessions
    WHERE (website_id, session_key) IN (SELECT website_id, session_key FROM footfall.sessions_former WHERE log_partition = {partition:UInt16})
        AND started_at >= (SELECT min(started_at) FROM footfall.sessions_former WHERE log_partition = {partition:UInt16})
        AND started_at <= (SELECT max(started_at) FROM footfall.sessions_former WHERE log_partition = {partition:UInt16})
    GROUP BY website_id, session_key
    HAVING sum(sign) = 1
)
