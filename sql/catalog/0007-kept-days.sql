-- Days whose events were about to expire are kept as entries of the log (docs/adr/0020): days of before kept_ms are, kept_days of them by the calendar of
-- kept_timezone. -1: a deletion was begun by a release that kept none, and what days came to can't be made again. kept_days: where in the log they are.
ALTER TABLE sites ADD COLUMN kept_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sites ADD COLUMN kept_days INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sites ADD COLUMN kept_timezone TEXT NOT NULL DEFAULT '';
UPDATE sites SET kept_ms = -1 WHERE expired_ms < expiring_ms;
CREATE TABLE kept_days (
    log_begin INTEGER PRIMARY KEY,
    log_end   INTEGER NOT NULL CHECK (log_end > log_begin)
) STRICT;
