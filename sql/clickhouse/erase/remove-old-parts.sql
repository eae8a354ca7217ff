-- No partition has this name. A dropped one has the engine remove replaced parts at once, where a table at rest is looked at every ten minutes at worst.
ALTER TABLE footfall.{table:Identifier}
DROP PARTITION ID 'none'
