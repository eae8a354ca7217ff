-- Sessions before they said how long they are open, and what was paid in them. The log still holds all events: the loader makes the sessions again.
DROP TABLE IF EXISTS footfall.sessions SYNC
