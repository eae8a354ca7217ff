-- Which tables of events and sessions these are: the engine gives every table a random id when it is made. The number of parts that were found
-- damaged at an opening and taken out belongs to it, since rows are missing then, too. Empty while a table is missing.
SELECT
    (
        SELECT arrayStringConcat(arraySort(groupArray(toString(uuid))), '+')
        FROM system.tables
        WHERE database = 'footfall' AND name IN ('events', 'sessions', 'session_alias')
        HAVING count() = 3
    ),
    (
        SELECT count()
        FROM system.detached_parts
        WHERE database = 'footfall' AND table IN ('events', 'sessions', 'session_alias') AND reason = 'broken-on-start'
    )
