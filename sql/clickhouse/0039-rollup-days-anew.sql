-- All days are made again (0037), and fewer rows of each.
TRUNCATE TABLE footfall.rollup_days
