-- For whom a partition's loader stands still, and up to where it has loaded.
SELECT held, log_offset, claim, step
FROM footfall.loader_checkpoints
WHERE log_partition = {partition:UInt16}
ORDER BY claim DESC, token DESC, step DESC
LIMIT 1
