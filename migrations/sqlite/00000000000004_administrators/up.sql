-- Who may sign in to the console: tables of the installation, without a tenant in front.

-- An administrator bound to one tenant names it; one without a password is invited.
CREATE TABLE administrators (
    id TEXT NOT NULL PRIMARY KEY,
    email TEXT NOT NULL,
    email_key TEXT NOT NULL,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    tenant_id INTEGER,
    phc TEXT,
    created INTEGER NOT NULL,
    password_set INTEGER,
    disabled INTEGER
) WITHOUT ROWID;
CREATE UNIQUE INDEX administrators_email_key ON administrators (email_key);

-- Sessions and links are known by the SHA-256 of their secret only.
CREATE TABLE sessions (
    digest BLOB NOT NULL PRIMARY KEY,
    administrator TEXT NOT NULL REFERENCES administrators (id),
    created INTEGER NOT NULL,
    seen INTEGER NOT NULL,
    idle_until INTEGER NOT NULL,
    ends INTEGER NOT NULL,
    authenticated INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX sessions_administrator ON sessions (administrator);

CREATE TABLE links (
    digest BLOB NOT NULL PRIMARY KEY,
    purpose TEXT NOT NULL,
    administrator TEXT REFERENCES administrators (id),
    tenant_id INTEGER,
    conn INTEGER,
    created INTEGER NOT NULL,
    expires INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX links_administrator ON links (administrator);
