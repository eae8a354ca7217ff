-- Sessions of an earlier try.
TRUNCATE TABLE footfall.sessions_former
