INSERT INTO footfall.daily_made (website_id, timezone, day, log_offset, version)
VALUES ('', {zone:String}, {day:Date}, {offset:UInt64}, {version:UInt64})
