-- The properties that these days have rows of.
SELECT DISTINCT toString(dimension)
FROM footfall.rollup_days
WHERE website_id = {site:String} AND day BETWEEN {first:Date} AND {last:Date} AND startsWith(dimension, 'property:')
ORDER BY 1
