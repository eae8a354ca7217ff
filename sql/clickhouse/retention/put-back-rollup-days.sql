INSERT INTO footfall.rollup_days FORMAT Native
