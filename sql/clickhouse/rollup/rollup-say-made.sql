INSERT INTO footfall.rollup_made (website_id, day, timezone, generation, log_offset, events, rows, is_stale, version)
VALUES ({site:String}, {day:Date}, {zone:String}, {generation:UInt64}, {offset:UInt64}, {events:UInt64}, {rows:UInt64}, {stale:Bool}, {version:UInt64})
