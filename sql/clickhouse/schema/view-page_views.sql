CREATE VIEW IF NOT EXISTS footfall.page_views
(
    `website_id` LowCardinality(String),
    `date` Date,
    `page` String,
    `views` UInt64,
    `unique_users` UInt64,
    `average_time` Float64
)
AS SELECT
    website_id,
    day AS date,
    page,
    views,
    users AS unique_users,
    if(views = 0, 0, (engaged_ms / views) / 1000) AS average_time
FROM footfall.daily_pages
WHERE (website_id, day, version) IN (
    SELECT
        website_id,
        day,
        max(m.version)
    FROM footfall.daily_made AS m
    WHERE (website_id != '') AND (day > '1970-01-01')
    GROUP BY
        website_id,
        day
)
