-- Events of the site, or of these visitors of it, and how many visitors have some.
SELECT count(), toUInt64(uniqExact(visitor_id))
FROM footfall.events
WHERE website_id = {site:String} AND ({whole:Bool} OR visitor_id IN {visitors:Array(UInt64)})
