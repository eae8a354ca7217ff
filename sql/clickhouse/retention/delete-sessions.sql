-- Deletes a site's sessions that ended before the cut-off. A row of an earlier version of a session goes with the one that cancels it, which says the
-- same. Waits until it is done.
ALTER TABLE footfall.sessions
DELETE WHERE website_id = {site:String} AND open_until <= {before:DateTime64(3, 'UTC')}
SETTINGS mutations_sync = 1
