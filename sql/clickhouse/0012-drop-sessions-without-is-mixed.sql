-- Sessions before is_mixed was known. The log still holds all events: the loader makes the sessions again.
DROP TABLE IF EXISTS footfall.sessions SYNC
