-- Deletes that days of a site from a day on, or of all, were made. Waits until it is done.
ALTER TABLE footfall.daily_made
DELETE WHERE website_id != '' AND ({all:Bool} OR (website_id = {site:String} AND (day >= {from:Date} OR day = '1970-01-01')))
SETTINGS mutations_sync = 1
