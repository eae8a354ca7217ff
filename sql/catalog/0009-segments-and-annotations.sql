-- Segments of sites: filters by a name, in the form of a query's (JSON). They apply to history, as goals do.
CREATE TABLE segments (
    id         TEXT PRIMARY KEY,
    site_id    TEXT NOT NULL REFERENCES sites (id) ON DELETE CASCADE,
    name       TEXT NOT NULL,
    filters    TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    UNIQUE (site_id, name)
) STRICT;

-- Notes of what happened on a day of a site's calendar, or at a time of it ('' where none is said). Who wrote one is forgotten with the user.
CREATE TABLE annotations (
    id         TEXT PRIMARY KEY,
    site_id    TEXT NOT NULL REFERENCES sites (id) ON DELETE CASCADE,
    day        TEXT NOT NULL,
    time       TEXT NOT NULL DEFAULT '',
    note       TEXT NOT NULL,
    created_by TEXT COLLATE NOCASE REFERENCES users (email) ON DELETE SET NULL ON UPDATE CASCADE,
    created_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX annotations_of_site ON annotations (site_id, day);
CREATE INDEX annotations_of_user ON annotations (created_by);
