-- Who is signed in, and the links that let somebody in once. Of both only the SHA-256 of the secret is stored.
CREATE TABLE sessions (
    token_hash   BLOB PRIMARY KEY,
    email        TEXT NOT NULL COLLATE NOCASE REFERENCES users (email) ON DELETE CASCADE ON UPDATE CASCADE,
    created_ms   INTEGER NOT NULL,
    last_used_ms INTEGER NOT NULL,  -- up to a minute old
    expires_ms   INTEGER NOT NULL   -- whatever is done with it until then
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_of_user ON sessions (email);

-- A set-up link belongs to nobody yet.
CREATE TABLE one_time_tokens (
    token_hash BLOB PRIMARY KEY,
    purpose    TEXT NOT NULL CHECK (purpose IN ('setup', 'sign_in')),
    email      TEXT COLLATE NOCASE REFERENCES users (email) ON DELETE CASCADE ON UPDATE CASCADE,
    created_ms INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL,
    used_ms    INTEGER,
    CHECK ((purpose = 'setup') = (email IS NULL))
) STRICT, WITHOUT ROWID;
