INSERT INTO footfall.daily_made (website_id, timezone, day, log_offset, version)
SELECT d.1, {zone:String}, d.2, {offset:UInt64}, {version:UInt64}
FROM (SELECT arrayJoin({days:Array(Tuple(String, Date))}) AS d)
