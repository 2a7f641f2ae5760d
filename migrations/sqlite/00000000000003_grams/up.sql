-- The type before the text, so that a text is found, and counted, without touching rows.
DROP INDEX r_disp;
DROP INDEX r_fam;
CREATE INDEX r_disp ON resources (tenant_id, conn, type, display_key);
CREATE INDEX r_fam ON resources (tenant_id, conn, type, family_key);

-- Which resources have texts with three characters in a row: each token is the fingerprint of a
-- tenant and three characters. Rows are numbered as in resources.
CREATE VIRTUAL TABLE grams USING fts5 (tokens, content = '', contentless_delete = 1, detail = none, tokenize = 'ascii');

-- Resources whose texts, or whose absence, grams does not know yet. The writer takes many at once
-- over into grams, since one at a time costs several times as much.
CREATE TABLE unindexed (
    tenant_id INTEGER NOT NULL,
    resource INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, resource)
) WITHOUT ROWID;
INSERT INTO unindexed (tenant_id, resource) SELECT tenant_id, seq FROM resources;

CREATE TRIGGER g_insert AFTER INSERT ON resources BEGIN
    INSERT INTO unindexed (tenant_id, resource) VALUES (new.tenant_id, new.seq) ON CONFLICT DO NOTHING;
END;
CREATE TRIGGER g_update AFTER UPDATE OF key, display_key, family_key, given_key ON resources
WHEN new.key IS NOT old.key OR new.display_key IS NOT old.display_key
    OR new.family_key IS NOT old.family_key OR new.given_key IS NOT old.given_key
BEGIN
    INSERT INTO unindexed (tenant_id, resource) VALUES (new.tenant_id, new.seq) ON CONFLICT DO NOTHING;
END;
CREATE TRIGGER g_delete AFTER DELETE ON resources BEGIN
    INSERT INTO unindexed (tenant_id, resource) VALUES (old.tenant_id, old.seq) ON CONFLICT DO NOTHING;
END;
CREATE TRIGGER g_value AFTER INSERT ON vals
WHEN (SELECT name FROM names WHERE number = new.path) = 'emails.value'
BEGIN
    INSERT INTO unindexed (tenant_id, resource) VALUES (new.tenant_id, new.resource) ON CONFLICT DO NOTHING;
END;
