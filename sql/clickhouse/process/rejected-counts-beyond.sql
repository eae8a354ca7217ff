-- How many rows of rejected_counts batches wrote that the checkpoint does not know of.
SELECT count()
FROM footfall.rejected_counts
WHERE log_partition = {partition:UInt16} AND log_offset >= {from:UInt64}
