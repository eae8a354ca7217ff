-- A goal may be of any page or event, of which its filters say more: a property, a revenue, a time on the page. SQLite changes a CHECK by a new table.
CREATE TABLE goals_of_any (
    id         TEXT PRIMARY KEY,
    site_id    TEXT NOT NULL REFERENCES sites (id) ON DELETE CASCADE,
    name       TEXT NOT NULL,
    kind       TEXT NOT NULL CHECK (kind IN ('page', 'event')),
    matching   TEXT NOT NULL CHECK (matching IN ('is', 'contains', 'matches', 'any')),
    value      TEXT NOT NULL,
    filters    TEXT NOT NULL DEFAULT '[]',
    created_ms INTEGER NOT NULL,
    UNIQUE (site_id, name)
) STRICT;
INSERT INTO goals_of_any SELECT id, site_id, name, kind, matching, value, filters, created_ms FROM goals ORDER BY rowid;
DROP TABLE goals;
ALTER TABLE goals_of_any RENAME TO goals;
