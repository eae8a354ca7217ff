-- Of goals (dimension 'goal', its name in `value`): sessions that met it, and their visitors. In the row without a name: those that met any, all sessions of
-- the day, which conversions are a share of, and the visitors of these. They have generations of their own, since goals may be declared later.
ALTER TABLE footfall.rollup_days
    ADD COLUMN IF NOT EXISTS conversions Int64 CODEC(T64, ZSTD(1)),
    ADD COLUMN IF NOT EXISTS converted_visitors AggregateFunction(uniqCombined64(14), UInt64) CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS session_visitors AggregateFunction(uniqCombined64(14), UInt64) CODEC(ZSTD(1))
