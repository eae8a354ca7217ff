-- As 0074: the batch writes a day once, and tools read it rarely.
ALTER TABLE footfall.daily_pages MODIFY COLUMN page CODEC(ZSTD(1))
