-- Rejected events by reason and hour, newest hour first. {of:String}: 'all' sites, or those of the one that is named (the empty name: unknown sites).
SELECT reason, toInt64(toUnixTimestamp(hour)) * 1000, sum(events), toUnixTimestamp64Milli(max(last_at))
FROM footfall.rejected_counts
WHERE ({of:String} = 'all' OR website_id = {site:String}) AND ({reason:String} = '' OR reason = {reason:String})
    AND last_at >= fromUnixTimestamp64Milli({since:Int64}, 'UTC')
GROUP BY reason, hour
ORDER BY hour DESC, reason
