INSERT INTO footfall.daily_made FORMAT Native
