-- Offsets of a range of the log that the store holds.
SELECT log_offset
FROM footfall.events
WHERE log_partition = {partition:UInt16} AND log_offset BETWEEN {first:UInt64} AND {last:UInt64}
GROUP BY log_offset
