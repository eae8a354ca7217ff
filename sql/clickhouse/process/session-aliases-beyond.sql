-- How many rows of session_alias batches wrote that the checkpoint does not know of.
SELECT count()
FROM footfall.session_alias
WHERE log_partition = {partition:UInt16} AND log_offset >= {from:UInt64}
