-- For how many months a site's events are kept (0: for ever), and how far that is carried out: events of before expiring_ms are being deleted, of before
-- expired_ms they are. The log was looked through for what had expired by then up to expired_offset. Sites that are there keep everything, as they did.
ALTER TABLE sites ADD COLUMN retention_months INTEGER NOT NULL DEFAULT 0 CHECK (retention_months BETWEEN 0 AND 1200);
ALTER TABLE sites ADD COLUMN expiring_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sites ADD COLUMN expired_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sites ADD COLUMN expired_offset INTEGER NOT NULL DEFAULT 0;
