-- Folders with parts that were taken out of the tables, by the engine as damaged or by hand, and whether they are of the first kind. Of those only
-- ones that have content: an emptied one is done.
SELECT path, toBool(reason = 'broken-on-start')
FROM system.detached_parts
WHERE database = 'footfall' AND table IN ('events', 'sessions', 'session_alias', 'rejected', 'rejected_counts')
    AND (reason != 'broken-on-start' OR bytes_on_disk > 0)
