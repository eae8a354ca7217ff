-- Inserts those former sessions that the table holds no more: a merge had joined their rows with those that cancel them.
INSERT INTO footfall.sessions
SELECT * FROM footfall.sessions_former
WHERE log_partition = {partition:UInt16} AND (website_id, session_key) NOT IN (
    SELECT website_id, session_key
    FROM footfall.sessions
    WHERE (website_id, session_key) IN (SELECT website_id, session_key FROM footfall.sessions_former WHERE log_partition = {partition:UInt16})
        AND started_at >= (SELECT min(started_at) FROM footfall.sessions_former WHERE log_partition = {partition:UInt16})
        AND started_at <= (SELECT max(started_at) FROM footfall.sessions_former WHERE log_partition = {partition:UInt16})
    GROUP BY website_id, session_key
    HAVING sum(sign) > 0
)
SETTINGS insert_deduplicate = 0
