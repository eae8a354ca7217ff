-- The rows that count of a day that was rolled up.
SELECT *
FROM footfall.rollup_days
WHERE website_id = {site:String} AND day = {day:Date} AND generation IN
(
    SELECT arrayJoin([generation, goals_generation]) FROM footfall.rollup_made FINAL WHERE website_id = {site:String} AND day = {day:Date}
)
FORMAT Native
