-- Days that were made, and by which definition of what is kept.
SELECT website_id, toString(day), timezone, generation, log_offset, events, rows, is_stale, has_sketches, arrayStringConcat(dimensions, ','),
    goals, goals_generation, goal_rows, has_properties,
    arrayStringConcat(arrayMap(name -> hex(name), properties_left_out), ','), definition
FROM footfall.rollup_made FINAL
WHERE website_id != ''
