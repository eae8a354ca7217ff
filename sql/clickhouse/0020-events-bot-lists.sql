-- A verdict is evidence only with the lists that gave it: whoever judges history anew has to know which they were. Events of before have an empty text.
ALTER TABLE footfall.events ADD COLUMN IF NOT EXISTS bot_lists LowCardinality(String) AFTER bot_reason
