-- Visitors whose rows were made again, or of an earlier try.
TRUNCATE TABLE footfall.erasing_visitors
