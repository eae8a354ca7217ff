-- Parts that unfinished deletions of events still have to go through.
SELECT toUInt64(sum(parts_to_do))
FROM system.mutations
WHERE database = 'footfall' AND table = 'events' AND NOT is_done
