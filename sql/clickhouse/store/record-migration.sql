INSERT INTO footfall.schema_migrations SELECT {name:String}, {checksum:String}, now64(3)
