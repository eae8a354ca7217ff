-- By currency, as it was sent: what was paid, and by how many events. Which currency is the site's is said when it is asked.
ALTER TABLE footfall.rollup_days
    ADD COLUMN IF NOT EXISTS revenue Map(LowCardinality(String), Decimal(38, 4)) CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS revenue_events Map(LowCardinality(String), UInt64) CODEC(ZSTD(1))
