-- Ids are a quarter of all bytes, since nothing can pack them, and serve nobody once no repetition can come. Log and archive keep them.
ALTER TABLE footfall.events
    MODIFY COLUMN event_id UUID CODEC(ZSTD(1)) TTL toDateTime(timestamp) + toIntervalDay(7),
    MODIFY COLUMN pageview_id UUID CODEC(ZSTD(1)) TTL toDateTime(timestamp) + toIntervalDay(7),
    MODIFY SETTING merge_with_ttl_timeout = 86400
SETTINGS alter_sync = 0
