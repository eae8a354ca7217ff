-- Whether migrations were ever recorded here.
SELECT count() FROM system.tables WHERE database = 'footfall' AND name = 'schema_migrations'
