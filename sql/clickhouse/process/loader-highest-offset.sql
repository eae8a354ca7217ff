-- What the store holds of the log from an offset on. The min-max index on log_offset leaves only the newest parts to read.
SELECT count(), max(log_offset)
FROM footfall.events
WHERE log_partition = {partition:UInt16} AND log_offset >= {from:UInt64}
