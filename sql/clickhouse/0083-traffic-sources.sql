-- Sources by day, as the daily batch has them. Not FINAL, as page_views.
CREATE OR REPLACE VIEW footfall.traffic_sources AS
SELECT website_id, day AS date, source, medium, sessions, users, revenue
FROM footfall.daily_sources
WHERE (website_id, day, version) IN
(
    SELECT website_id, day, max(m.version) FROM footfall.daily_made AS m WHERE website_id != '' AND day > '1970-01-01' GROUP BY website_id, day
)
