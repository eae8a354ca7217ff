-- Sessions that were there before the checkpoint, by what the table of events holds, and that batches changed which the checkpoint does not know of.
-- Those that had been joined to another by then are none.
SELECT DISTINCT session_key
FROM footfall.events
WHERE log_partition = {partition:UInt16} AND log_offset < {from:UInt64} AND session_key IN (
    SELECT session_key FROM footfall.sessions WHERE log_partition = {partition:UInt16} AND log_offset >= {from:UInt64}
    UNION DISTINCT
    SELECT old_key FROM footfall.session_alias WHERE log_partition = {partition:UInt16} AND log_offset >= {from:UInt64}
) AND session_key NOT IN (
    SELECT old_key FROM footfall.session_alias WHERE log_partition = {partition:UInt16} AND log_offset < {from:UInt64}
)
