-- Deletes the aliases of the sessions that are made again, before events and sessions, which tell which these are: an alias leads from a key that some
-- event has, or of a batch that was cut off before its events, to a session that was written before it. Only keys that are in an alias are looked for:
-- of these there are few. Waits until it is done.
ALTER TABLE footfall.session_alias
DELETE WHERE website_id IN {sites:Array(String)} AND (
    old_key IN (
        SELECT session_key FROM footfall.events
        WHERE website_id IN {sites:Array(String)} AND visitor_id IN (SELECT visitor_id FROM footfall.erasing_visitors)
            AND session_key IN (SELECT old_key FROM footfall.session_alias))
    OR new_key IN (
        SELECT session_key FROM footfall.sessions
        WHERE website_id IN {sites:Array(String)} AND visitor_id IN (SELECT visitor_id FROM footfall.erasing_visitors)
            AND session_key IN (SELECT new_key FROM footfall.session_alias)))
SETTINGS mutations_sync = 1
