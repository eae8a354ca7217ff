-- Events of a site of before a time, and when the first of them was.
SELECT count(), toUnixTimestamp64Milli(min(timestamp))
FROM footfall.events
WHERE website_id = {site:String} AND timestamp < {before:DateTime64(3, 'UTC')}
