INSERT INTO footfall.schema_migrations
SELECT migration.1, migration.2, now64(3) FROM (SELECT arrayJoin(arrayZip({names:Array(String)}, {checksums:Array(String)})) AS migration)
