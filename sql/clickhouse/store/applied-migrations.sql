SELECT name, any(checksum) FROM footfall.schema_migrations GROUP BY name ORDER BY name
