-- Deletes the aliases of a site's sessions that ended before the cut-off; before the events, which tell which these are. Waits until it is done.
ALTER TABLE footfall.session_alias
DELETE WHERE website_id = {site:String} AND {retained:UInt64} IN (SELECT count() FROM footfall.retained_entries) AND old_key IN (
    SELECT session_key FROM footfall.events
    WHERE website_id = {site:String} AND timestamp < {before:DateTime64(3, 'UTC')} AND session_key != 0
        AND log_offset NOT IN (SELECT log_offset FROM footfall.retained_entries))
SETTINGS mutations_sync = 1
