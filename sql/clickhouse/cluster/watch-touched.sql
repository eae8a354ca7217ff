-- Hours (since 1970, UTC) in which rows of events or sessions came since these offsets, by site. An offset is given for each partition.
SELECT website_id, groupUniqArray(hour)
FROM (
    SELECT website_id, toUInt64(intDiv(toUnixTimestamp64Milli(timestamp), 3600000)) AS hour
    FROM footfall.events
    WHERE log_offset >= {least:UInt64} AND log_offset >= transform(log_partition, {partitions:Array(UInt16)}, {offsets:Array(UInt64)}, toUInt64(0))
    UNION DISTINCT
    SELECT website_id, arrayJoin(range(
        toUInt64(intDiv(toUnixTimestamp64Milli(started_at), 3600000)),
        toUInt64(intDiv(toUnixTimestamp64Milli(ended_at), 3600000)) + 1
    ))
    FROM footfall.sessions
    WHERE log_offset >= {least:UInt64} AND log_offset >= transform(log_partition, {partitions:Array(UInt16)}, {offsets:Array(UInt64)}, toUInt64(0))
)
GROUP BY website_id
