-- The rows that count of a day that the daily batch has made.
SELECT *
FROM footfall.daily_sources FINAL
WHERE website_id = {site:String} AND day = {day:Date} AND version =
(
    SELECT max(m.version) FROM footfall.daily_made AS m WHERE website_id = {site:String} AND day = {day:Date}
)
FORMAT Native
