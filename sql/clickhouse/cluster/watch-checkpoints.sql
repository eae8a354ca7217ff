-- How far the loaders of events are, by partition: those of whoever took it over last.
SELECT
    log_partition,
    max(claim),
    argMax(log_offset, (claim, token, step))
FROM footfall.loader_checkpoints
WHERE log_partition < 32768
GROUP BY log_partition
