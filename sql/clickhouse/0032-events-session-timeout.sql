-- Of pageviews and events: minutes after which their site's sessions end, as it was set when they were received; 0 where that is the default of 30, as of
-- all events of before.
ALTER TABLE footfall.events ADD COLUMN IF NOT EXISTS session_timeout UInt32 CODEC(ZSTD(1)) AFTER sdk
