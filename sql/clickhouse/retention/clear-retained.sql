-- Entries of a run that is over, or of an earlier try.
TRUNCATE TABLE footfall.retained_entries
