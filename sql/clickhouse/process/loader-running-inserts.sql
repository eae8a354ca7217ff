-- Inserts of a partition's rows that nobody waits for any more and that still run: what they store is there only when they have ended. Those of sessions
-- that are put back do not say of which partition they are.
SELECT count()
FROM system.processes
WHERE query_kind = 'Insert' AND startsWith(query, 'INSERT INTO footfall.')
    AND (position(query, concat('/* partition ', toString({partition:UInt16}), ' */')) > 0 OR position(query, 'sessions_former') > 0)
