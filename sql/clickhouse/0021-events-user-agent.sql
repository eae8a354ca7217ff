-- Without it a verdict by user agent could never be judged again. Most of a site's events have one of few hundred texts, so a dictionary holds them;
-- a part with more than fit in one gets several. Events of before, and those of people who asked not to be tracked, have an empty text.
ALTER TABLE footfall.events ADD COLUMN IF NOT EXISTS user_agent LowCardinality(String) CODEC(ZSTD(1)) AFTER ip
