-- Under which visitor ids these user ids were sent.
SELECT DISTINCT visitor_id
FROM footfall.events
WHERE website_id = {site:String} AND user_id IN {users:Array(String)}
