-- Whether a claim is the last one of a partition, how many times others said that they had written to it all the same, and who wants its loader to stand
-- still (empty: nobody): the one for whom it does, as long as that one wants it.
SELECT
    toUInt64((
        SELECT (claim, token) = ({claim:UInt64}, {token:String})
        FROM footfall.loader_checkpoints
        WHERE log_partition = {partition:UInt16}
        ORDER BY claim DESC, token DESC
        LIMIT 1
    )),
    (SELECT count() FROM footfall.loader_doubts WHERE log_partition = {partition:UInt16}),
    ifNull((
        SELECT token
        FROM footfall.loader_holds
        WHERE log_partition = {partition:UInt16}
        GROUP BY token
        HAVING argMax(until, version) > now64(3)
        ORDER BY token != {held:String}, token
        LIMIT 1
    ), '')
