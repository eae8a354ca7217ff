-- Before ids go (0079): a part's changes are made in their order.
ALTER TABLE footfall.events MATERIALIZE COLUMN event_key SETTINGS mutations_sync = 0
