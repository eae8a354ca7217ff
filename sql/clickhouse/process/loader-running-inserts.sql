-- Inserts that nobody waits for any more and that still run: what they store is there only when they have ended.
SELECT count()
FROM system.processes
WHERE query_kind = 'Insert' AND startsWith(query, 'INSERT INTO footfall.')
