-- Sessions of an earlier try.
ALTER TABLE footfall.sessions_former
DELETE WHERE log_partition = {partition:UInt16}
SETTINGS mutations_sync = 1
