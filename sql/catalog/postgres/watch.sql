-- Each change of a table is told on a channel of the schema's, in its own transaction: other nodes read the catalog again.
CREATE OR REPLACE FUNCTION footfall_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('footfall_' || md5(TG_TABLE_SCHEMA), '');
    RETURN NULL;
END
$$;

DO $$
DECLARE
    name text;
BEGIN
    FOR name IN
        SELECT tablename
        FROM pg_tables
        WHERE schemaname = current_schema()
            AND NOT EXISTS (
                SELECT FROM pg_trigger
                WHERE tgname = 'footfall_changed' AND tgrelid = (quote_ident(schemaname) || '.' || quote_ident(tablename))::regclass
            )
    LOOP
        EXECUTE format(
            'CREATE TRIGGER footfall_changed AFTER INSERT OR UPDATE OR DELETE ON %I FOR EACH STATEMENT EXECUTE FUNCTION footfall_changed()',
            name
        );
    END LOOP;
END
$$;
