-- Days of a site that were rolled up by the calendar of this zone, from one day on and before another.
SELECT toString(day)
FROM footfall.rollup_made FINAL
WHERE website_id = {site:String} AND timezone = {zone:String} AND day >= {from:Date} AND day < {before:Date}
ORDER BY day
