-- A site's kept days by the calendar they are of: `days` of them, of before before_ms. Where its time zone was changed it has some of each.
CREATE TABLE kept_calendars (
    site_id   TEXT NOT NULL REFERENCES sites (id) ON DELETE CASCADE,
    timezone  TEXT NOT NULL,
    before_ms INTEGER NOT NULL,
    days      INTEGER NOT NULL,
    PRIMARY KEY (site_id, timezone)
) STRICT;
INSERT INTO kept_calendars (site_id, timezone, before_ms, days) SELECT id, kept_timezone, kept_ms, kept_days FROM sites WHERE kept_days > 0;
ALTER TABLE sites DROP COLUMN kept_days;
ALTER TABLE sites DROP COLUMN kept_timezone;
