-- Which events table this is: the engine gives every table a random id when it is made. The number of parts that were found damaged at an opening and
-- taken out belongs to it, since rows are missing then, too.
SELECT
    (SELECT toString(uuid) FROM system.tables WHERE database = 'footfall' AND name = 'events'),
    (SELECT count() FROM system.detached_parts WHERE database = 'footfall' AND table = 'events' AND reason = 'broken-on-start')
