-- Which user ids were sent under these visitor ids.
SELECT DISTINCT user_id, visitor_id
FROM footfall.events
WHERE website_id = {site:String} AND visitor_id IN {visitors:Array(UInt64)} AND user_id != ''
