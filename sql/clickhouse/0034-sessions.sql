-- Sessions by sign: a session that changes is written as its former row with sign -1 and its new row with sign 1, so that sum(x * sign) is right at any
-- moment, merged or not, and costs a tenth of FINAL (docs/adr/0004). `version` is the log offset up to which the row with sign 1 knows the log; the
-- row that cancels it has the same. log_offset is the end of the batch that wrote the row: after a crash, rows beyond the loader's checkpoint are
-- deleted and written again. What a row says of a session is defined in src/process/sessions/session.h. open_until is when the
-- timeout of the last of its events is over, which differs by site (docs/adr/0013); revenue is by currency, as it was sent. Codecs and settings: 0010, 0016,
-- 0017 and 0024.
CREATE TABLE IF NOT EXISTS footfall.sessions
(
    website_id LowCardinality(String),
    visitor_id UInt64,
    is_bot Bool,
    session_key UInt64 CODEC(LZ4),
    first_received_at DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    started_at DateTime64(3, 'UTC') CODEC(T64),
    ended_at DateTime64(3, 'UTC') CODEC(T64),
    open_until DateTime64(3, 'UTC') CODEC(T64),
    pageviews UInt32 CODEC(T64),
    events UInt32 CODEC(T64),
    interactions UInt32 CODEC(T64),
    engaged Float32 CODEC(ZSTD(1)),
    entry_at DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    exit_at DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    entry_page String,
    exit_page String,
    revenue Map(LowCardinality(String), Decimal(38, 4)) CODEC(ZSTD(1)),
    is_mixed Bool,
    user_id String CODEC(ZSTD(1)),
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
    device_type LowCardinality(String),
    browser LowCardinality(String),
    browser_version LowCardinality(String),
    os LowCardinality(String),
    os_version LowCardinality(String),
    screen_class LowCardinality(String),
    sign Int8,
    version UInt64 CODEC(T64),
    log_partition UInt16 CODEC(ZSTD(1)),
    log_offset UInt64 CODEC(Delta(8), ZSTD(1)),
    INDEX log_offset_minmax log_offset TYPE minmax GRANULARITY 1,
    INDEX ended_at_minmax ended_at TYPE minmax GRANULARITY 1,
    INDEX open_until_minmax open_until TYPE minmax GRANULARITY 1
)
ENGINE = VersionedCollapsingMergeTree(sign, version)
PARTITION BY toYYYYMM(started_at)
ORDER BY (website_id, toDate(started_at), visitor_id, session_key)
SAMPLE BY visitor_id
SETTINGS
    min_bytes_for_wide_part = 134217728,
    merge_selector_base = 8,
    fsync_after_insert = 1,
    fsync_part_directory = 1,
    min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1,
    old_parts_lifetime = 60,
    non_replicated_deduplication_window = 0
