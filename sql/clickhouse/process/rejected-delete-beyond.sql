-- Deletes rows of rejected from batches that the checkpoint does not know of; they are written again. Waits until it is done.
ALTER TABLE footfall.rejected
DELETE WHERE log_partition = {partition:UInt16} AND log_offset >= {from:UInt64}
SETTINGS mutations_sync = 1
