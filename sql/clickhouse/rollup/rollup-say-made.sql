INSERT INTO footfall.rollup_made
    (website_id, timezone, definition, day, generation, log_offset, events, rows, is_stale, has_sketches, dimensions, goals,
    goals_generation, goal_rows, has_properties, properties_left_out, version)
SELECT {site:String}, {zone:String}, {definition:UInt64}, d.1, d.2, d.3, d.4, d.5, d.6, d.7, d.8, d.9, d.10, d.11, d.12, d.13, d.14
FROM
(
    SELECT arrayJoin({days:Array(Tuple(Date, UInt64, UInt64, UInt64, UInt64, Bool, Bool, Array(String), UInt64, UInt64, UInt64, Bool, Array(String), UInt64))}) AS d
)
