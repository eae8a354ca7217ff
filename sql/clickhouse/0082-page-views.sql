-- Pages by day, as the daily batch has them. Unique users are those of a page on a day: they do not add up. Not FINAL: while a day is made again its former
-- rows are the ones that count, until daily_made says otherwise.
CREATE OR REPLACE VIEW footfall.page_views AS
SELECT website_id, day AS date, page, views, users AS unique_users, if(views = 0, 0, engaged_ms / views / 1000) AS average_time
FROM footfall.daily_pages
WHERE (website_id, day, version) IN
(
    SELECT website_id, day, max(m.version) FROM footfall.daily_made AS m WHERE website_id != '' AND day > '1970-01-01' GROUP BY website_id, day
)
