-- The checkpoint of whoever took a partition over last.
SELECT claim, token, step, log_offset, toUnixTimestamp64Milli(as_of), store_identity, rejected_identity
FROM footfall.loader_checkpoints
WHERE log_partition = {partition:UInt16}
ORDER BY claim DESC, token DESC, step DESC
LIMIT 1
