-- Keys of a site's sessions that ended before the cut-off, in order, from one on and so many.
SELECT session_key
FROM footfall.sessions
WHERE website_id = {site:String} AND open_until <= {before:DateTime64(3, 'UTC')} AND session_key > {after:UInt64}
GROUP BY session_key
HAVING sum(sign) > 0
ORDER BY session_key
LIMIT {limit:UInt32}
