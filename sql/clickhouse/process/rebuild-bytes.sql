-- What the tables take that are made anew.
SELECT toUInt64(sum(bytes_on_disk))
FROM system.parts
WHERE active AND database = 'footfall' AND table IN ('events', 'sessions', 'session_alias')
