-- It is to have the columns of the sessions.
DROP TABLE IF EXISTS footfall.sessions_former SYNC
