-- Visitors that are being erased, as a block that follows.
INSERT INTO footfall.erasing_visitors (visitor_id) FORMAT Native
