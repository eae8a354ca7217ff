-- Sessions of some visitors from a time on, which an event that came late may reach.
SELECT
    website_id,
    visitor_id,
    is_bot,
    session_key,
    toUnixTimestamp64Milli(first_received_at) AS first_received_ms,
    toUnixTimestamp64Milli(started_at) AS started_ms,
    toUnixTimestamp64Milli(ended_at) AS ended_ms,
    pageviews,
    events,
    interactions,
    engaged,
    toUnixTimestamp64Milli(entry_at) AS entry_ms,
    toUnixTimestamp64Milli(exit_at) AS exit_ms,
    entry_page,
    exit_page,
    user_id,
    hostname,
    referrer,
    source,
    medium,
    campaign,
    term,
    content,
    channel,
    click_id,
    country,
    region,
    city,
    language,
    device_type,
    browser,
    browser_version,
    os,
    os_version,
    screen_class,
    max(version) AS last_version
FROM footfall.sessions
WHERE website_id IN {sites:Array(String)}
    AND visitor_id IN {visitors:Array(UInt64)}
    AND ended_at >= fromUnixTimestamp64Milli({ended_from:Int64}, 'UTC')
GROUP BY ALL
HAVING sum(sign) > 0
