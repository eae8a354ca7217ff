-- How many rows of sessions batches wrote that the checkpoint does not know of.
SELECT count()
FROM footfall.sessions
WHERE log_partition = {partition:UInt16} AND log_offset >= {from:UInt64}
