-- What was said of that; the checkpoint says it now. Waits until it is done.
ALTER TABLE footfall.loader_doubts
DELETE WHERE log_partition = {partition:UInt16}
SETTINGS mutations_sync = 1
