-- Deletes a site's counts of rejected events. Waits until it is done.
ALTER TABLE footfall.rejected_counts
DELETE WHERE website_id = {site:String}
SETTINGS mutations_sync = 1
