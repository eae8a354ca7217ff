-- Samples of rejected events between two offsets of the log, without both, in the order that is asked for. {of:String}: as rejected-by-hour.sql, and
-- 'named' are also those that were sent for this site when there was none of that name.
SELECT log_partition, log_offset, website_id, tracking_id, toUnixTimestamp64Milli(received_at), field, reason, event, is_cut, user_agent, key_site_id
FROM footfall.rejected
WHERE ({of:String} = 'all' OR website_id = {site:String}
    OR ({of:String} = 'named' AND website_id = '' AND tracking_id = {site:String}))
    AND ({reason:String} = '' OR reason = {reason:String})
    AND received_at >= fromUnixTimestamp64Milli({since:Int64}, 'UTC')
    AND ({after:String} = '' OR log_offset > toUInt64OrZero({after:String}))
    AND log_offset < {before:UInt64}
ORDER BY if({newest_first:Bool}, -toInt64(log_offset), toInt64(log_offset))
LIMIT {limit:UInt32}
