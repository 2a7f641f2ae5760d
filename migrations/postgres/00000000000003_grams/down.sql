DROP FUNCTION with_grams(INTEGER[]);
DROP TABLE search_grams;
DROP INDEX r_disp;
DROP INDEX r_fam;
CREATE INDEX r_disp ON resources (tenant_id, conn, display_key);
CREATE INDEX r_fam ON resources (tenant_id, conn, family_key);
