INSERT INTO footfall.daily_pages FORMAT Native
