-- Rows of a range of the log that stand more than once: all copies are counted.
SELECT toUInt64(sum(copies))
FROM
(
    SELECT log_offset, count() AS copies
    FROM footfall.events
    WHERE log_partition = {partition:UInt16} AND log_offset BETWEEN {first:UInt64} AND {last:UInt64}
    GROUP BY log_offset
    HAVING copies > 1
)
