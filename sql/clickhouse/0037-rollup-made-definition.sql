-- By which definition of what is kept a day was made: days of another count for nothing and are made again. Not of every day is everything kept:
-- `dimensions` are those that it has, and `has_sketches` says whether distinct counts are.
ALTER TABLE footfall.rollup_made
    ADD COLUMN IF NOT EXISTS definition UInt64 AFTER timezone,
    ADD COLUMN IF NOT EXISTS has_sketches Bool AFTER is_stale,
    ADD COLUMN IF NOT EXISTS dimensions Array(LowCardinality(String)) AFTER has_sketches
