-- The checkpoint of whoever had a partition before a claim.
SELECT log_offset, toUnixTimestamp64Milli(as_of), store_identity, rejected_identity
FROM footfall.loader_checkpoints
WHERE log_partition = {partition:UInt16} AND claim < {claim:UInt64}
ORDER BY claim DESC, token DESC, step DESC
LIMIT 1
