-- Sessions of the visitors whose rows are made again.
SELECT toUInt64(greatest(0, sum(sign)))
FROM footfall.sessions
WHERE website_id IN {sites:Array(String)} AND visitor_id IN (SELECT visitor_id FROM footfall.erasing_visitors)
