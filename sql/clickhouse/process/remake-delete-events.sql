-- Deletes the events of the visitors whose rows are made again. Waits until it is done.
ALTER TABLE footfall.events
DELETE WHERE website_id IN {sites:Array(String)} AND visitor_id IN (SELECT visitor_id FROM footfall.erasing_visitors)
SETTINGS mutations_sync = 1
