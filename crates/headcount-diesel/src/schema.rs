//! The names of the tables, for tests and guards.

/// Tables whose every key starts with the tenant, on both databases. On PostgreSQL all of them, and
/// [`POSTGRES_ONLY`], have forced row-level security.
pub const TENANT_TABLES: [&str; 14] = [
    "tenants",
    "tenant_hosts",
    "connections",
    "tokens",
    "resources",
    "passwords",
    "unique_values",
    "vals",
    "counts",
    "memberships",
    "unmatched_members",
    "tombstones",
    "conflicts",
    "journal",
];

/// Tenants' tables that only SQLite needs: which resources have given characters in a text (a table of
/// FTS5, whose tokens are led by the tenant), and which of them it does not know yet.
pub const SQLITE_ONLY: [&str; 2] = ["grams", "unindexed"];

/// Tenants' tables on PostgreSQL whose row-level security does not bind their owner, who reads them
/// through functions that show one tenant's rows. They hold no text.
pub const NOT_FORCED: [&str; 1] = ["search_grams"];

/// Tenants' tables that only PostgreSQL needs: what SQLite's one writer does at once is kept apart
/// there, so that writers do not wait for each other.
pub const POSTGRES_ONLY: [&str; 3] = ["group_slots", "journal_numbers", "heads"];

/// Tables without a tenant in front and without row-level security: the indexes by which a request
/// finds its tenant, which hold no personal data, and what belongs to the installation: its settings,
/// its administrators, their sessions and links.
pub const SYSTEM_TABLES: [&str; 8] =
    ["settings", "names", "token_index", "host_index", "connection_index", "administrators", "sessions", "links"];
