-- Parts that unfinished deletions still have to go through.
SELECT toUInt64(sum(parts_to_do))
FROM system.mutations
WHERE database = 'footfall' AND NOT is_done
