CREATE TABLE IF NOT EXISTS footfall.erasing_visitors
(
    `visitor_id` UInt64
)
ENGINE = Memory
