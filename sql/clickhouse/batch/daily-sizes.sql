-- Events of each of these days.
SELECT website_id, toString(toDate(timestamp, {zone:String})) AS day, count()
FROM footfall.events
WHERE website_id IN {sites:Array(String)}
    AND toDate(timestamp) BETWEEN toDate({from:DateTime64(3, 'UTC')}) AND toDate({to:DateTime64(3, 'UTC')})
    AND timestamp >= {from:DateTime64(3, 'UTC')} AND timestamp < {to:DateTime64(3, 'UTC')}
    AND (website_id, toDate(timestamp, {zone:String})) IN {days:Array(Tuple(String, Date))}
GROUP BY website_id, day
