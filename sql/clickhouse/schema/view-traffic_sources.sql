CREATE VIEW IF NOT EXISTS footfall.traffic_sources
(
    `website_id` LowCardinality(String),
    `date` Date,
    `source` LowCardinality(String),
    `medium` LowCardinality(String),
    `sessions` UInt64,
    `users` UInt64,
    `revenue` Map(LowCardinality(String), Decimal(38, 4))
)
AS SELECT
    website_id,
    day AS date,
    source,
    medium,
    sessions,
    users,
    revenue
FROM footfall.daily_sources
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
