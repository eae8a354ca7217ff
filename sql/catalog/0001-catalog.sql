-- The catalog: what an installation knows beside its events. Times are epoch ms.
CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT;

CREATE TABLE sites (
    id         TEXT PRIMARY KEY,
    name       TEXT NOT NULL,
    domain     TEXT NOT NULL,
    timezone   TEXT NOT NULL,
    cookieless INTEGER NOT NULL DEFAULT 0,
    ip_policy  TEXT NOT NULL DEFAULT 'truncate' CHECK (ip_policy IN ('truncate', 'drop')),
    created_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE users (
    email         TEXT PRIMARY KEY COLLATE NOCASE,
    role          TEXT NOT NULL CHECK (role IN ('owner', 'admin', 'editor', 'viewer')),
    password_hash TEXT NOT NULL,
    created_ms    INTEGER NOT NULL
) STRICT;

-- secret_hash is SHA-256 of the secret, which is shown once and stored nowhere.
CREATE TABLE keys (
    id          TEXT PRIMARY KEY,
    site_id     TEXT NOT NULL REFERENCES sites (id) ON DELETE CASCADE,
    scope       TEXT NOT NULL CHECK (scope IN ('collect', 'read', 'admin')),
    secret_hash BLOB NOT NULL UNIQUE,
    created_ms  INTEGER NOT NULL,
    revoked_ms  INTEGER
) STRICT;

-- Salts of cookieless visitor ids, by UTC day of receipt. Two are kept; older ones are overwritten (secure_delete).
CREATE TABLE salts (
    day  INTEGER PRIMARY KEY,
    salt BLOB NOT NULL
) STRICT;
