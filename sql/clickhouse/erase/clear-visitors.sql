-- Visitors of an erasure that is over, or of an earlier try.
TRUNCATE TABLE footfall.erasing_visitors
