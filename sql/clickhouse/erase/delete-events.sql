-- Deletes the events of a site, or of the visitors that are being erased. Waits until it is done.
ALTER TABLE footfall.events
DELETE WHERE website_id = {site:String} AND ({whole:Bool} OR visitor_id IN (SELECT visitor_id FROM footfall.erasing_visitors))
SETTINGS mutations_sync = 1
