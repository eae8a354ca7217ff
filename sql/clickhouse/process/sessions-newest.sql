-- Of the last {most} rows of a partition's sessions that ended at a time or later, or were open for so long after it: when the first of them ended or was open for so
-- long, what is later; 0 where there are fewer. And how many rows that are. (Session::last_at of src/process/sessions/session.h.)
SELECT if(count() < {most:UInt64}, toInt64(0), min(last_at)), count()
FROM (
    SELECT toUnixTimestamp64Milli(greatest(ended_at, open_until - toIntervalMillisecond({gap:Int64}))) AS last_at FROM footfall.sessions
    WHERE log_partition = {partition:UInt16} AND open_until > fromUnixTimestamp64Milli({last_from:Int64}, 'UTC') AND last_at >= {last_from:Int64}
    ORDER BY last_at DESC
    LIMIT {most:UInt64}
)
