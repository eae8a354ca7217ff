-- From where on others have written to a partition that was not theirs any more.
SELECT count(), min(log_offset)
FROM footfall.loader_doubts
WHERE log_partition = {partition:UInt16}
