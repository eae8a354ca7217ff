-- By what a ping finds its pageview, and what an event is known by when its id has expired (docs/adr/0019). The default is for rows of before: the loader
-- says it of each event (src/process/sessions/session.h).
ALTER TABLE footfall.events ADD COLUMN IF NOT EXISTS event_key UInt32
    DEFAULT toUInt32(bitAnd(greatest(xxHash64(UUIDStringToNum(toString(if(event_type = 'ping', pageview_id, event_id)))), 1), 0xFFFFFFFF))
    CODEC(ZSTD(1)) AFTER session_timeout
