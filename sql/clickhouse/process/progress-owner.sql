-- Whether a claim is the last one of a partition, and how many times others said that they had written to it all the same.
SELECT
    toUInt64((
        SELECT (claim, token) = ({claim:UInt64}, {token:String})
        FROM footfall.loader_checkpoints
        WHERE log_partition = {partition:UInt16}
        ORDER BY claim DESC, token DESC
        LIMIT 1
    )),
    (SELECT count() FROM footfall.loader_doubts WHERE log_partition = {partition:UInt16})
