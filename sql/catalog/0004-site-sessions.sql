-- When a site's sessions end, and the longest timeout that it ever had: events that were received then keep it. And the currency in which its revenue is
-- counted; empty: that of its first event that names one.
ALTER TABLE sites ADD COLUMN session_timeout INTEGER NOT NULL DEFAULT 30 CHECK (session_timeout BETWEEN 1 AND 1440);
ALTER TABLE sites ADD COLUMN session_timeout_longest INTEGER NOT NULL DEFAULT 30;
ALTER TABLE sites ADD COLUMN currency TEXT NOT NULL DEFAULT '';
