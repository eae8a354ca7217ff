-- Parts that were found damaged at an opening and taken out of their tables, their bytes, and the folder of one of them. Emptied ones are left out.
SELECT count(), toUInt64(sum(bytes_on_disk)), any(path)
FROM system.detached_parts
WHERE database = 'footfall' AND reason = 'broken-on-start' AND bytes_on_disk > 0
