-- By day the properties, in hex, that its events have and the rows of that generation have not; one more than `left_out_max` are too many.
SELECT toString(day), arrayStringConcat(arrayMap(name -> hex(name), arraySlice(groupArray(key), 1, {left_out_max:UInt64} + 1)), ',')
FROM
(
    SELECT toDate(timestamp, {zone:String}) AS day, arrayJoin(mapKeys(properties)) AS key
    FROM footfall.events
    WHERE website_id = {site:String} AND toDate(timestamp) BETWEEN toDate({from:DateTime64(3, 'UTC')}) AND toDate({to:DateTime64(3, 'UTC')})
        AND timestamp >= {from:DateTime64(3, 'UTC')} AND timestamp < {to:DateTime64(3, 'UTC')}
        AND event_type IN ('pageview', 'event') AND NOT is_bot
    GROUP BY day, key
)
WHERE (day, concat('property:', key)) NOT IN
(
    SELECT day, toString(dimension)
    FROM footfall.rollup_days
    WHERE website_id = {site:String} AND generation = {generation:UInt64} AND startsWith(dimension, 'property:')
)
GROUP BY day
