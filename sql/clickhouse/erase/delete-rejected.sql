-- Deletes samples of rejected events by their place in a partition of the log, and those of a whole site. Waits until it
-- is done.
ALTER TABLE footfall.rejected
DELETE WHERE (log_partition = {partition:UInt16} AND log_offset IN (SELECT log_offset FROM footfall.erasing_entries))
    OR ({whole:Bool} AND website_id = {site:String})
SETTINGS mutations_sync = 1
