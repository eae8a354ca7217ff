-- As 0074.
ALTER TABLE footfall.rollup_days MODIFY COLUMN value CODEC(ZSTD(1))
