SELECT toString(day), count()
FROM footfall.rollup_days
WHERE website_id = {site:String} AND dimension = 'goal' AND day BETWEEN {first:Date} AND {last:Date} AND generation = {generation:UInt64}
GROUP BY day
