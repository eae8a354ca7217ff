INSERT INTO footfall.daily_sources FORMAT Native
