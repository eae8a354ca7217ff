-- Of which goals a day's conversions are (`goals`, a hash of their declarations; 0: none are kept), in which generation, and how many rows they have.
ALTER TABLE footfall.rollup_made
    ADD COLUMN IF NOT EXISTS goals UInt64 AFTER dimensions,
    ADD COLUMN IF NOT EXISTS goals_generation UInt64 AFTER goals,
    ADD COLUMN IF NOT EXISTS goal_rows UInt64 AFTER goals_generation
