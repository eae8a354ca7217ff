-- Events before sessions were known carry no session_key. The log still holds all of them: the loader fills the new table.
DROP TABLE IF EXISTS footfall.events SYNC
