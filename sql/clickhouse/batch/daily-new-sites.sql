-- Sites of which not all days were made by this zone, and whether some are by another.
SELECT s.id, ifNull(m.others, 0)
FROM (SELECT arrayJoin({sites:Array(String)}) AS id) AS s
LEFT JOIN
(
    SELECT website_id, argMaxIf(timezone, version, day = '1970-01-01') AS zone, countIf(timezone != {zone:String}) AS others
    FROM footfall.daily_made
    WHERE website_id IN {sites:Array(String)}
    GROUP BY website_id
) AS m ON m.website_id = s.id
WHERE m.zone != {zone:String}
