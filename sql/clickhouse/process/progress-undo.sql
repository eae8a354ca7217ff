-- What the newest batch of a partition was about to change, if it began at this offset.
SELECT hex(former)
FROM (
    SELECT log_offset, former
    FROM footfall.loader_undo
    WHERE log_partition = {partition:UInt16}
    ORDER BY claim DESC, token DESC, step DESC
    LIMIT 1
)
WHERE log_offset = {from:UInt64}
