-- Who may sign in to the console: tables of the installation, without a tenant in front.

-- An administrator bound to one tenant names it; one without a password is invited.
CREATE TABLE administrators (
    id TEXT NOT NULL PRIMARY KEY,
    email TEXT NOT NULL,
    email_key TEXT NOT NULL,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    tenant_id BIGINT,
    phc TEXT,
    created BIGINT NOT NULL,
    password_set BIGINT,
    disabled BIGINT
);
CREATE UNIQUE INDEX administrators_email_key ON administrators (email_key);

-- Sessions and links are known by the SHA-256 of their secret only.
CREATE TABLE sessions (
    digest BYTEA NOT NULL PRIMARY KEY,
    administrator TEXT NOT NULL REFERENCES administrators (id),
    created BIGINT NOT NULL,
    seen BIGINT NOT NULL,
    idle_until BIGINT NOT NULL,
    ends BIGINT NOT NULL,
    authenticated BIGINT NOT NULL
);
CREATE INDEX sessions_administrator ON sessions (administrator);

CREATE TABLE links (
    digest BYTEA NOT NULL PRIMARY KEY,
    purpose TEXT NOT NULL,
    administrator TEXT REFERENCES administrators (id),
    tenant_id BIGINT,
    conn BIGINT,
    created BIGINT NOT NULL,
    expires BIGINT NOT NULL
);
CREATE INDEX links_administrator ON links (administrator);
