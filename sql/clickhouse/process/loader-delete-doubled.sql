-- Deletes the copies of rows that stand more than once. The engine goes part by part and asks anew for each, so of copies in several parts it
-- deletes all, or all but the last: what is missing then the loader inserts. Waits until it is done.
ALTER TABLE footfall.events
DELETE WHERE log_partition = {partition:UInt16} AND log_offset IN
(
    SELECT log_offset
    FROM footfall.events
    WHERE log_partition = {partition:UInt16} AND log_offset BETWEEN {first:UInt64} AND {last:UInt64}
    GROUP BY log_offset
    HAVING count() > 1
)
SETTINGS mutations_sync = 1
