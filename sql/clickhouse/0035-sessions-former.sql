-- Sessions as they were before the batch that is taken back, while the loader looks which of them are gone (sessions-put-back.sql). Else empty. With the
-- columns of the sessions.
CREATE OR REPLACE TABLE footfall.sessions_former AS footfall.sessions
ENGINE = Memory
