-- Deletes the aliases of the sessions that are being erased; before the events, which tell which these are. Waits until it is done.
ALTER TABLE footfall.session_alias
DELETE WHERE website_id = {site:String} AND ({whole:Bool}
    OR new_key IN (
        SELECT session_key FROM footfall.events
        WHERE website_id = {site:String} AND visitor_id IN (SELECT visitor_id FROM footfall.erasing_visitors))
    OR old_key IN (
        SELECT session_key FROM footfall.events
        WHERE website_id = {site:String} AND visitor_id IN (SELECT visitor_id FROM footfall.erasing_visitors)))
SETTINGS mutations_sync = 1
