-- Visitors whose rows are made again, as a block that follows. The deletions below name this table instead of a list that may be of a million.
INSERT INTO footfall.erasing_visitors (visitor_id) FORMAT Native
