-- The type before the text, so that one index answers for both.
DROP INDEX r_disp;
DROP INDEX r_fam;
CREATE INDEX r_disp ON resources (tenant_id, conn, type, display_key);
CREATE INDEX r_fam ON resources (tenant_id, conn, type, family_key);

-- Which resources have texts with three characters in a row: each number is the fingerprint of a
-- tenant and three characters. It holds no text.
--
-- Row-level security is not forced here: the operators of arrays are not leakproof, so that under it
-- the index would never be used. The table's owner reads it through the function alone, which shows
-- the rows of the tenant that the session names; documents stay behind the wall.
CREATE TABLE search_grams (
    tenant_id BIGINT NOT NULL,
    resource BIGINT NOT NULL,
    grams INTEGER[] NOT NULL,
    PRIMARY KEY (tenant_id, resource)
);
-- A short list of what is not yet in its place, since whoever searches reads all of it.
CREATE INDEX s_grams ON search_grams USING gin (grams) WITH (fastupdate = on, gin_pending_list_limit = 64);
ALTER TABLE search_grams ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON search_grams
    USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant', true), '')::bigint))
    WITH CHECK (tenant_id = (SELECT NULLIF(current_setting('app.tenant', true), '')::bigint));

-- The sum keeps the planner from reading all of a tenant by the primary key.
DO $create$ BEGIN EXECUTE format($function$
    CREATE FUNCTION with_grams(wanted INTEGER[]) RETURNS SETOF BIGINT
    LANGUAGE plpgsql STABLE SECURITY DEFINER ROWS 100
    SET search_path = pg_catalog, %1$I, pg_temp SET enable_seqscan = off SET plan_cache_mode = force_generic_plan
    AS $body$
    DECLARE
        tenant BIGINT := NULLIF(current_setting('app.tenant', true), '')::bigint;
    BEGIN
        RETURN QUERY SELECT s.resource FROM %1$I.search_grams s WHERE s.grams @> wanted AND s.tenant_id + 0 = tenant;
    END
    $body$
$function$, current_schema()); END $create$;
