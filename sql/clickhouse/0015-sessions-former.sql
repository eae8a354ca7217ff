-- Sessions as they were before the batch that is taken back, while the loader looks which of them are gone (sessions-put-back.sql). Else empty.
CREATE TABLE IF NOT EXISTS footfall.sessions_former AS footfall.sessions
ENGINE = Memory
