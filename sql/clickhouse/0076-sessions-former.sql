-- With the columns of the sessions (0035, 0075).
CREATE OR REPLACE TABLE footfall.sessions_former AS footfall.sessions
ENGINE = Memory
