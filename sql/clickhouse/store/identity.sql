-- Which tables these are: the engine gives every table a random id when it is made. The number of parts that were found damaged at an opening and
-- taken out belongs to it, since rows are missing then, too. Empty while a table is missing.
SELECT
    (
        SELECT arrayStringConcat(arraySort(groupArray(toString(uuid))), '+')
        FROM system.tables
        WHERE database = 'footfall' AND name IN {tables:Array(String)}
        HAVING count() = length({tables:Array(String)})
    ),
    (
        SELECT count()
        FROM system.detached_parts
        WHERE database = 'footfall' AND table IN {tables:Array(String)} AND reason = 'broken-on-start'
    )
