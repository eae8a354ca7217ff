-- Parts are merged when a part would be an eighth of what comes of it, where the engine's default is a fifth: a row is merged 1.0 times for 1.6
-- while it is new, and merges are a third of the store's work (docs/dev/performance.md). There are some more parts to read.
ALTER TABLE footfall.events MODIFY SETTING merge_selector_base = 8
