-- One row a batch: a merge would otherwise replace a row that the loader's checkpoint knows by one of a batch that has to be taken back.
ALTER TABLE footfall.session_alias
    ADD COLUMN IF NOT EXISTS batch UInt64,
    MODIFY ORDER BY (website_id, old_key, batch)
