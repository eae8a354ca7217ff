-- Sessions of the site, or of the visitors that are being erased.
SELECT toUInt64(greatest(0, sum(sign)))
FROM footfall.sessions
WHERE website_id = {site:String} AND ({whole:Bool} OR visitor_id IN (SELECT visitor_id FROM footfall.erasing_visitors))
