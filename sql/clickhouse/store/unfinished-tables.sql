-- What a death amid CREATE OR REPLACE TABLE leaves: the table that was being filled, or the one whose place it took.
SELECT name FROM system.tables WHERE database = 'footfall' AND startsWith(name, '_tmp_replace_')
