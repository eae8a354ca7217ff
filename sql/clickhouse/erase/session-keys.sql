-- Keys of the sessions of a site, or of visitors of it, in order, from one on and so many.
SELECT session_key
FROM footfall.sessions
WHERE website_id = {site:String} AND ({whole:Bool} OR visitor_id IN {visitors:Array(UInt64)}) AND session_key > {after:UInt64}
GROUP BY session_key
HAVING sum(sign) > 0
ORDER BY session_key
LIMIT {limit:UInt32}
