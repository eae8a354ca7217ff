-- Erasures of the cluster form, whose log can't be rewritten (docs/adr/0034): entries of the subject before log_end of
-- each partition are read as erased. A row stays until Kafka has none of them any more. done_ms = 0: rows of the store
-- may be left; archived_ms = 0: the partition's archive is not rewritten yet.
CREATE TABLE erasures (
    id         TEXT PRIMARY KEY,
    subject    TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    done_ms    INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE erasure_partitions (
    erasure_id  TEXT NOT NULL REFERENCES erasures (id) ON DELETE CASCADE,
    number      INTEGER NOT NULL,
    log_end     INTEGER NOT NULL,
    archived_ms INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (erasure_id, number)
) STRICT;
