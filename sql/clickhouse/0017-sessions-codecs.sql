-- As 0016 for the events. The counts of a session are small numbers, of which T64 keeps a third of the bytes.
ALTER TABLE footfall.sessions
    MODIFY COLUMN started_at DateTime64(3, 'UTC') CODEC(T64),
    MODIFY COLUMN ended_at DateTime64(3, 'UTC') CODEC(T64),
    MODIFY COLUMN pageviews UInt32 CODEC(T64),
    MODIFY COLUMN events UInt32 CODEC(T64),
    MODIFY COLUMN interactions UInt32 CODEC(T64),
    MODIFY COLUMN version UInt64 CODEC(T64)
