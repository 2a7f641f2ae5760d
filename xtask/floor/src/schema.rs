//! The tables: one row a user, its e-mail addresses, one row a group, one row a membership.

diesel::table! {
    users (pk) {
        pk -> BigInt,
        tenant -> BigInt,
        id -> Text,
        user_name -> Text,
        external_id -> Nullable<Text>,
        family_name -> Text,
        active -> Bool,
        json -> Text,
    }
}

diesel::table! {
    emails (tenant, value, user_pk) {
        tenant -> BigInt,
        value -> Text,
        user_pk -> BigInt,
    }
}

diesel::table! {
    grps (pk) {
        pk -> BigInt,
        tenant -> BigInt,
        id -> Text,
        json -> Text,
    }
}

diesel::table! {
    members (group_pk, user_id) {
        group_pk -> BigInt,
        user_id -> Text,
    }
}

diesel::allow_tables_to_appear_in_same_query!(users, emails, grps, members);

/// The tenant of every row; a key starts with it, as any multi-tenant server's does.
pub(crate) const TENANT: i64 = 1;

/// The statements that make the tables; `{key}` is how an engine numbers rows, `{clustered}` how it
/// says that a table is its own index.
pub(crate) fn tables(key: &str, clustered: &str) -> String {
    format!(
        "CREATE TABLE IF NOT EXISTS users(pk {key}, tenant BIGINT NOT NULL, id TEXT NOT NULL, \
             user_name TEXT NOT NULL, external_id TEXT, family_name TEXT NOT NULL, active BOOLEAN NOT NULL, \
             json TEXT NOT NULL); \
         CREATE UNIQUE INDEX IF NOT EXISTS users_by_id ON users(tenant, id); \
         CREATE UNIQUE INDEX IF NOT EXISTS users_by_user_name ON users(tenant, user_name); \
         CREATE INDEX IF NOT EXISTS users_by_external_id ON users(tenant, external_id); \
         CREATE INDEX IF NOT EXISTS users_by_family_name ON users(tenant, family_name); \
         CREATE INDEX IF NOT EXISTS users_by_tenant ON users(tenant, pk); \
         CREATE TABLE IF NOT EXISTS emails(tenant BIGINT NOT NULL, value TEXT NOT NULL, user_pk BIGINT NOT NULL, \
             PRIMARY KEY(tenant, value, user_pk)) {clustered}; \
         CREATE TABLE IF NOT EXISTS grps(pk {key}, tenant BIGINT NOT NULL, id TEXT NOT NULL, json TEXT NOT NULL); \
         CREATE UNIQUE INDEX IF NOT EXISTS grps_by_id ON grps(tenant, id); \
         CREATE TABLE IF NOT EXISTS members(group_pk BIGINT NOT NULL, user_id TEXT NOT NULL, \
             PRIMARY KEY(group_pk, user_id)) {clustered}; \
         CREATE INDEX IF NOT EXISTS members_by_user ON members(user_id);"
    )
}
