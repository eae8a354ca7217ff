-- The keys that were joined to some sessions.
SELECT toString(website_id), old_key, argMax(new_key, log_offset) AS now
FROM footfall.session_alias
GROUP BY website_id, old_key
HAVING now IN {keys:Array(UInt64)}
