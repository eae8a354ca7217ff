-- Goals of sites: a pageview or a custom event that counts as a conversion, by its page or name, and further filters in the form of a query's (JSON).
-- They apply to history: events do not know of them.
CREATE TABLE goals (
    id         TEXT PRIMARY KEY,
    site_id    TEXT NOT NULL REFERENCES sites (id) ON DELETE CASCADE,
    name       TEXT NOT NULL,
    kind       TEXT NOT NULL CHECK (kind IN ('page', 'event')),
    matching   TEXT NOT NULL CHECK (matching IN ('is', 'contains', 'matches')),
    value      TEXT NOT NULL,
    filters    TEXT NOT NULL DEFAULT '[]',
    created_ms INTEGER NOT NULL,
    UNIQUE (site_id, name)
) STRICT;
