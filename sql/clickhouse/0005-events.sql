-- One row an event. The columns are those of schema/event.schema.json, in its order (a test compares them), and the event's place in the log.
-- The key keeps a visitor's events of a day together, which serves visitors, sessions, funnels and retention, and is what sampling by visitor reads.
-- Every part is on disk before its insert is answered, and before a merge replaces its sources: after a power cut no acknowledged row is missing.
-- session_key is given by the session processor when the event is loaded: the session's first received event; 0 for pings, vitals and identify calls,
-- which are in no session. Where a late event joined two sessions, footfall.session_alias says which key the other one's events have now.
-- Insert deduplication is off: the loader compares the store with the log instead, since the engine's tokens err both ways after a crash.
CREATE TABLE IF NOT EXISTS footfall.events
(
    website_id LowCardinality(String),
    event_id UUID CODEC(ZSTD(1)),
    event_type LowCardinality(String),
    timestamp DateTime64(3, 'UTC') CODEC(Delta(8), LZ4),
    received_at DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    visitor_id UInt64,
    user_id String CODEC(ZSTD(1)),
    session_id String CODEC(ZSTD(1)),
    page String,
    title String CODEC(ZSTD(1)),
    hostname LowCardinality(String),
    referrer String CODEC(ZSTD(1)),
    source LowCardinality(String),
    medium LowCardinality(String),
    campaign LowCardinality(String),
    term LowCardinality(String),
    content LowCardinality(String),
    channel LowCardinality(String),
    click_id LowCardinality(String),
    country LowCardinality(String),
    region LowCardinality(String),
    city LowCardinality(String),
    language LowCardinality(String),
    timezone LowCardinality(String),
    device_type LowCardinality(String),
    browser LowCardinality(String),
    browser_version LowCardinality(String),
    os LowCardinality(String),
    os_version LowCardinality(String),
    screen LowCardinality(String),
    viewport LowCardinality(String),
    screen_class LowCardinality(String),
    is_bot Bool,
    bot_reason LowCardinality(String),
    event_name LowCardinality(String),
    event_category LowCardinality(String),
    event_action LowCardinality(String),
    event_label String CODEC(ZSTD(1)),
    event_value Float64 CODEC(ZSTD(1)),
    non_interactive Bool,
    properties Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    revenue Decimal(18, 4) CODEC(ZSTD(1)),
    currency LowCardinality(String),
    pageview_id UUID CODEC(ZSTD(1)),
    time_on_page Float32 CODEC(ZSTD(1)),
    scroll_depth Float32 CODEC(ZSTD(1)),
    lcp Float32 CODEC(ZSTD(1)),
    inp Float32 CODEC(ZSTD(1)),
    cls Float32 CODEC(ZSTD(1)),
    fcp Float32 CODEC(ZSTD(1)),
    ttfb Float32 CODEC(ZSTD(1)),
    ip IPv6 CODEC(ZSTD(1)),
    sdk LowCardinality(String),
    session_key UInt64 CODEC(LZ4),
    log_partition UInt16 CODEC(ZSTD(1)),
    log_offset UInt64 CODEC(Delta(8), ZSTD(1)),
    INDEX log_offset_minmax log_offset TYPE minmax GRANULARITY 1,
    INDEX received_at_minmax received_at TYPE minmax GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(timestamp)
ORDER BY (website_id, toDate(timestamp), visitor_id, timestamp)
SAMPLE BY visitor_id
SETTINGS
    fsync_after_insert = 1,
    fsync_part_directory = 1,
    min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1,
    old_parts_lifetime = 60,
    non_replicated_deduplication_window = 0
