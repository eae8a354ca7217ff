-- The first entry of the log that was received at that time or later, of those that are events.
SELECT count(), min(log_offset)
FROM footfall.events
WHERE received_at >= {before:DateTime64(3, 'UTC')}
