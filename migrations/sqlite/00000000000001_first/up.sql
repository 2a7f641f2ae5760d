-- Tables without a tenant in front: the indexes by which a request finds its tenant, and what
-- belongs to the installation.

CREATE TABLE settings (
    name TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

-- Names of resource types and attribute paths as numbers.
CREATE TABLE names (
    number INTEGER NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
);
INSERT INTO names (number, name) VALUES (1, 'User'), (2, 'Group');

CREATE TABLE token_index (
    id TEXT NOT NULL PRIMARY KEY,
    tenant_id INTEGER NOT NULL,
    conn INTEGER NOT NULL,
    hash TEXT NOT NULL
) WITHOUT ROWID;

-- The names by which a tenant is found; kind is host, slug or id.
CREATE TABLE host_index (
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    tenant_id INTEGER NOT NULL,
    PRIMARY KEY (kind, name)
) WITHOUT ROWID;

CREATE TABLE connection_index (
    conn INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    tenant_id INTEGER NOT NULL
);

-- Tables of tenants.

CREATE TABLE tenants (
    tenant_id INTEGER NOT NULL PRIMARY KEY,
    id TEXT NOT NULL,
    slug TEXT NOT NULL,
    name TEXT NOT NULL,
    entitled INTEGER NOT NULL,
    created INTEGER NOT NULL
);

CREATE TABLE tenant_hosts (
    tenant_id INTEGER NOT NULL,
    host TEXT NOT NULL,
    PRIMARY KEY (tenant_id, host)
) WITHOUT ROWID;

CREATE TABLE connections (
    tenant_id INTEGER NOT NULL,
    conn INTEGER NOT NULL,
    id TEXT NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    preset TEXT NOT NULL,
    state TEXT NOT NULL,
    overrides TEXT NOT NULL,
    revision INTEGER NOT NULL,
    created INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, conn)
) WITHOUT ROWID;

CREATE TABLE tokens (
    tenant_id INTEGER NOT NULL,
    id TEXT NOT NULL,
    place INTEGER NOT NULL,
    conn INTEGER NOT NULL,
    name TEXT NOT NULL,
    scopes TEXT NOT NULL,
    created INTEGER NOT NULL,
    made_by TEXT NOT NULL,
    lifetime_s INTEGER,
    expires INTEGER,
    last_used INTEGER,
    revoked INTEGER,
    PRIMARY KEY (tenant_id, id)
) WITHOUT ROWID;

-- seq is the row's own number, in the order of creation and never given twice.
CREATE TABLE resources (
    seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    tenant_id INTEGER NOT NULL,
    conn INTEGER NOT NULL,
    type INTEGER NOT NULL,
    id TEXT NOT NULL,
    version INTEGER NOT NULL,
    scope INTEGER NOT NULL,
    key TEXT,
    external_id TEXT,
    display_key TEXT,
    family_key TEXT,
    given_key TEXT,
    present INTEGER NOT NULL,
    adoptable INTEGER NOT NULL,
    active INTEGER,
    created INTEGER NOT NULL,
    modified INTEGER NOT NULL,
    doc TEXT NOT NULL
);
CREATE UNIQUE INDEX r_id ON resources (tenant_id, id);
CREATE UNIQUE INDEX r_key ON resources (tenant_id, scope, type, key);
CREATE INDEX r_page ON resources (tenant_id, conn, type, seq);
CREATE INDEX r_adopt ON resources (tenant_id, type, seq) WHERE adoptable = 1;
CREATE INDEX r_ext ON resources (tenant_id, conn, type, external_id) WHERE external_id IS NOT NULL;
CREATE INDEX r_disp ON resources (tenant_id, conn, display_key);
CREATE INDEX r_fam ON resources (tenant_id, conn, family_key);
-- Resources that have a value too long to be kept whole outside the document.
CREATE INDEX r_long ON resources (tenant_id, type) WHERE present >= 4611686018427387904;

-- argon2id hashes of users' passwords, apart from the documents.
CREATE TABLE passwords (
    tenant_id INTEGER NOT NULL,
    resource INTEGER NOT NULL,
    phc TEXT NOT NULL,
    PRIMARY KEY (tenant_id, resource)
) WITHOUT ROWID;

CREATE TABLE unique_values (
    tenant_id INTEGER NOT NULL,
    scope INTEGER NOT NULL,
    type INTEGER NOT NULL,
    path INTEGER NOT NULL,
    key TEXT NOT NULL,
    resource INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, scope, type, path, key)
) WITHOUT ROWID;
CREATE INDEX u_resource ON unique_values (tenant_id, resource);

CREATE TABLE vals (
    tenant_id INTEGER NOT NULL,
    path INTEGER NOT NULL,
    folded TEXT NOT NULL,
    resource INTEGER NOT NULL,
    element INTEGER NOT NULL,
    etype TEXT,
    is_primary INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, path, folded, resource, element)
) WITHOUT ROWID;
CREATE INDEX v_resource ON vals (tenant_id, resource, path);

CREATE TABLE counts (
    tenant_id INTEGER NOT NULL,
    conn INTEGER NOT NULL,
    type INTEGER NOT NULL,
    slot INTEGER NOT NULL,
    n INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, conn, type, slot)
) WITHOUT ROWID;

CREATE TABLE memberships (
    tenant_id INTEGER NOT NULL,
    grp INTEGER NOT NULL,
    member INTEGER NOT NULL,
    member_id TEXT NOT NULL,
    member_type INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, grp, member)
) WITHOUT ROWID;
CREATE INDEX m_rev ON memberships (tenant_id, member, grp);

CREATE TABLE unmatched_members (
    tenant_id INTEGER NOT NULL,
    grp INTEGER NOT NULL,
    member_id TEXT NOT NULL,
    seen INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, grp, member_id)
) WITHOUT ROWID;

CREATE TABLE tombstones (
    tenant_id INTEGER NOT NULL,
    id TEXT NOT NULL,
    conn INTEGER NOT NULL,
    type INTEGER NOT NULL,
    key TEXT,
    version INTEGER NOT NULL,
    created INTEGER NOT NULL,
    deleted INTEGER NOT NULL,
    doc TEXT NOT NULL,
    groups TEXT NOT NULL,
    PRIMARY KEY (tenant_id, id)
) WITHOUT ROWID;
CREATE INDEX t_key ON tombstones (tenant_id, conn, type, key, deleted);

-- digest names resource, attribute and refused value, which may be long.
CREATE TABLE conflicts (
    tenant_id INTEGER NOT NULL,
    conn INTEGER NOT NULL,
    digest BLOB NOT NULL,
    attribute TEXT NOT NULL,
    kind TEXT NOT NULL,
    resource TEXT,
    refused TEXT NOT NULL,
    first_seen INTEGER NOT NULL,
    last_seen INTEGER NOT NULL,
    times INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, conn, digest)
) WITHOUT ROWID;
CREATE INDEX c_seen ON conflicts (tenant_id, last_seen);

-- Audit and event in one row, numbered and chained per tenant by the writer.
CREATE TABLE journal (
    tenant_id INTEGER NOT NULL,
    no INTEGER NOT NULL,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    actor TEXT NOT NULL,
    resource TEXT,
    version INTEGER NOT NULL,
    paths TEXT NOT NULL,
    tx TEXT NOT NULL,
    detail TEXT,
    hash BLOB NOT NULL,
    PRIMARY KEY (tenant_id, no)
) WITHOUT ROWID;
