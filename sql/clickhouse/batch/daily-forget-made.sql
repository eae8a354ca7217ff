-- Deletes that days of a site, or of all, were made. Waits until it is done.
ALTER TABLE footfall.daily_made
DELETE WHERE website_id != '' AND ({all:Bool} OR website_id = {site:String})
SETTINGS mutations_sync = 1
