INSERT INTO footfall.rollup_made FORMAT Native
