-- As 0085.
ALTER TABLE footfall.sessions
    MODIFY SETTING min_age_to_force_merge_seconds = 172800, min_age_to_force_merge_on_partition_only = 1
