-- Deletes a site's samples of rejected events that were received before the cut-off. Waits until it is done.
ALTER TABLE footfall.rejected
DELETE WHERE website_id = {site:String} AND received_at < {before:DateTime64(3, 'UTC')}
SETTINGS mutations_sync = 1
