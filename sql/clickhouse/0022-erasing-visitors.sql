-- Whose rows are being erased, while that lasts. The statements that delete rows name this table: the engine keeps their text, and it must not keep
-- whom they were about. Else empty.
CREATE TABLE IF NOT EXISTS footfall.erasing_visitors (visitor_id UInt64)
ENGINE = Memory
