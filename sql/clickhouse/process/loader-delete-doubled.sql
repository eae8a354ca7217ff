-- Deletes all copies of rows that stand more than once, so that the loader can insert them again. Waits until it is done.
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
