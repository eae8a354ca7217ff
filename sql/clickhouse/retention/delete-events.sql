-- Deletes a site's events of before the cut-off but those that are to stay; nothing where the engine has forgotten which. Waits until it is done.
ALTER TABLE footfall.events
DELETE WHERE website_id = {site:String} AND timestamp < {before:DateTime64(3, 'UTC')}
    AND {retained:UInt64} IN (SELECT count() FROM footfall.retained_entries)
    AND log_offset NOT IN (SELECT log_offset FROM footfall.retained_entries)
SETTINGS mutations_sync = 1
