-- Sessions are made again by another definition (0033, 0034): what days came to before is not what they come to now.
TRUNCATE TABLE footfall.rollup_made
