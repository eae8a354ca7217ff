-- Parts that were replaced by merges and deletions, and whose files are there still.
SELECT count()
FROM system.parts
WHERE database = 'footfall' AND table IN {tables:Array(String)} AND NOT active
