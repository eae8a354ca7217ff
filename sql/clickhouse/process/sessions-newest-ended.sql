-- When the first of the last {most} rows of sessions ended that ended at a time or later; 0 where there are fewer. And how many
-- rows that are.
SELECT if(count() < {most:UInt64}, toInt64(0), toUnixTimestamp64Milli(min(ended_at))), count()
FROM (
    SELECT ended_at FROM footfall.sessions
    WHERE ended_at >= fromUnixTimestamp64Milli({ended_from:Int64}, 'UTC')
    ORDER BY ended_at DESC
    LIMIT {most:UInt64}
)
