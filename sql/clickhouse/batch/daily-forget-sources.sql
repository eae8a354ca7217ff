-- Deletes what was made of a site from a day on, or of all. Waits until it is done.
ALTER TABLE footfall.daily_sources
DELETE WHERE {all:Bool} OR (website_id = {site:String} AND day >= {from:Date})
SETTINGS mutations_sync = 1
