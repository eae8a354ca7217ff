-- Of properties (dimension 'property:NAME', the property's value in `value`) the name of the events; else ''.
ALTER TABLE footfall.rollup_days
    ADD COLUMN IF NOT EXISTS event_name LowCardinality(String) AFTER value,
    MODIFY ORDER BY (website_id, dimension, day, value, event_name)
