//! Both engines' migrations give the same tables and columns, and each `down` reverses its `up`.

use std::collections::{BTreeMap, BTreeSet};

use diesel::{
    Connection, QueryableByName, RunQueryDsl, SqliteConnection,
    sql_types::{BigInt, Text},
};
use headcount_diesel::{
    ConnectError, migrate,
    schema::{SQLITE_ONLY, SYSTEM_TABLES, TENANT_TABLES},
};

use crate::sqlite::Sqlite;

#[derive(QueryableByName)]
struct Pair {
    #[diesel(sql_type = Text)]
    a: String,
    #[diesel(sql_type = Text)]
    b: String,
}

#[derive(QueryableByName)]
struct One {
    #[diesel(sql_type = Text)]
    a: String,
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

/// How many migrations there are: both databases have the same.
fn migrations() -> usize {
    let counts = ["sqlite", "postgres"].map(|database| {
        let folder = format!("{}/../../migrations/{database}", env!("CARGO_MANIFEST_DIR"));
        std::fs::read_dir(folder).unwrap().count()
    });
    assert_eq!(counts[0], counts[1]);
    counts[0]
}

type Columns = BTreeMap<String, BTreeSet<String>>;

fn by_table(pairs: Vec<Pair>) -> Columns {
    let mut columns = Columns::new();
    for Pair { a, b } in pairs {
        columns.entry(a).or_default().insert(b);
    }
    columns
}

#[expect(clippy::disallowed_methods, reason = "tests of the schema ask the catalogue")]
fn sqlite_columns(conn: &mut SqliteConnection) -> Columns {
    by_table(
        diesel::sql_query(
            "SELECT m.name AS a, c.name AS b FROM sqlite_master m JOIN pragma_table_info(m.name) c \
             WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' AND m.name NOT LIKE '\\_\\_%' ESCAPE '\\' \
             AND m.name NOT LIKE 'grams\\_%' ESCAPE '\\'",
        )
        .load(conn)
        .unwrap(),
    )
}

#[test]
#[expect(clippy::disallowed_methods, reason = "no version of this program makes such a row")]
fn a_database_of_a_newer_version_is_refused_and_a_new_file_is_private() {
    let sqlite_files = Sqlite::default();
    let file = sqlite_files.file();
    let options = Sqlite::options(&file);
    migrate::migrate(&options).unwrap();
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&file).unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600);
    }
    let mut conn = SqliteConnection::establish(file.to_str().unwrap()).unwrap();
    diesel::sql_query("INSERT INTO __diesel_schema_migrations (version) VALUES ('99999999999999')")
        .execute(&mut conn)
        .unwrap();
    let refused = migrate::migrate(&options).unwrap_err();
    assert!(matches!(&refused, ConnectError::Newer { version } if version == "99999999999999"), "{refused}");
}

#[test]
fn sqlite_has_the_named_tables_and_down_reverses_up() {
    let sqlite_files = Sqlite::default();
    let file = sqlite_files.file();
    let options = Sqlite::options(&file);
    assert_eq!(migrate::pending(&options).unwrap().len(), migrations());
    assert_eq!(migrate::migrate(&options).unwrap().len(), migrations());
    assert_eq!(migrate::migrate(&options).unwrap(), Vec::<String>::new(), "there is nothing more to do");
    let mut conn = SqliteConnection::establish(file.to_str().unwrap()).unwrap();
    let columns = sqlite_columns(&mut conn);
    let named: BTreeSet<&str> = TENANT_TABLES.into_iter().chain(SQLITE_ONLY).chain(SYSTEM_TABLES).collect();
    assert_eq!(columns.keys().map(String::as_str).collect::<BTreeSet<_>>(), named);
    for table in TENANT_TABLES {
        assert!(columns[table].contains("tenant_id"), "{table} has no tenant");
    }
    assert_eq!(migrate::revert(&options).unwrap().len(), migrations());
    assert_eq!(sqlite_columns(&mut conn), Columns::new());
    migrate::migrate(&options).unwrap();
    assert_eq!(sqlite_columns(&mut conn), columns);
}

#[test]
#[expect(clippy::disallowed_methods, reason = "tests of the schema ask the catalogue")]
fn sqlite_keys_start_with_the_tenant() {
    let sqlite_files = Sqlite::default();
    let file = sqlite_files.file();
    migrate::migrate(&Sqlite::options(&file)).unwrap();
    let mut conn = SqliteConnection::establish(file.to_str().unwrap()).unwrap();
    for table in TENANT_TABLES {
        let others: Vec<One> = diesel::sql_query(format!(
            "SELECT i.name AS a FROM pragma_index_list('{table}') i JOIN pragma_index_info(i.name) c \
             WHERE c.seqno = 0 AND c.name <> 'tenant_id'"
        ))
        .load(&mut conn)
        .unwrap();
        let others: Vec<String> = others.into_iter().map(|one| one.a).collect();
        // The row's own number is the one exception, and has no index beside the table.
        assert_eq!(others, Vec::<String>::new(), "{table}");
    }
}

mod postgres {
    use std::collections::BTreeSet;

    use diesel::{Connection, RunQueryDsl, SqliteConnection, connection::SimpleConnection, pg::PgConnection};
    use headcount_diesel::{
        RowLevelSecurity, StoreOptions, migrate,
        schema::{NOT_FORCED, POSTGRES_ONLY, SQLITE_ONLY, SYSTEM_TABLES, TENANT_TABLES},
    };

    use super::{Columns, Number, One, Pair, by_table, migrations, sqlite_columns};
    use crate::{postgres::Postgres, sqlite::Sqlite};

    #[expect(clippy::disallowed_methods, reason = "tests of the schema ask the catalogue")]
    fn columns(conn: &mut PgConnection) -> Columns {
        by_table(
            diesel::sql_query(
                "SELECT table_name::text AS a, column_name::text AS b FROM information_schema.columns \
                 WHERE table_schema = 'public' AND table_name NOT LIKE '\\_\\_%'",
            )
            .load::<Pair>(conn)
            .unwrap(),
        )
    }

    #[expect(clippy::disallowed_methods, reason = "tests of the schema ask the catalogue")]
    fn texts(conn: &mut PgConnection, query: &str) -> Vec<String> {
        let rows: Vec<One> = diesel::sql_query(query).load(conn).unwrap();
        rows.into_iter().map(|row| row.a).collect()
    }

    #[expect(clippy::disallowed_methods, reason = "the second wall is tried by raw statements")]
    fn number(conn: &mut PgConnection, query: &str) -> i64 {
        diesel::sql_query(query).get_result::<Number>(conn).unwrap().n
    }

    #[test]
    fn both_databases_have_the_same_tables_and_columns() {
        let Some(postgres) = Postgres::from_environment() else { return };
        let sqlite_files = Sqlite::default();
        let file = sqlite_files.file();
        migrate::migrate(&Sqlite::options(&file)).unwrap();
        let mut sqlite = sqlite_columns(&mut SqliteConnection::establish(file.to_str().unwrap()).unwrap());
        let name = postgres.migrated();
        let mut found = columns(&mut postgres.superuser(Some(&name)));
        for table in SQLITE_ONLY {
            assert!(sqlite.remove(table).is_some(), "{table}");
        }
        for table in POSTGRES_ONLY.into_iter().chain(NOT_FORCED) {
            assert!(found.remove(table).is_some(), "{table}");
        }
        // What SQLite's writer numbers at once has its number in another table on PostgreSQL.
        let numbered: BTreeSet<String> =
            sqlite.get_mut("journal").unwrap().extract_if(.., |name| matches!(name.as_str(), "no" | "hash")).collect();
        let pending: BTreeSet<String> =
            found.get_mut("journal").unwrap().extract_if(.., |name| matches!(name.as_str(), "xid" | "n")).collect();
        assert_eq!((numbered.len(), pending.len()), (2, 2));
        assert_eq!(found, sqlite);
    }

    #[test]
    fn postgres_down_reverses_up() {
        let Some(postgres) = Postgres::from_environment() else { return };
        let name = postgres.empty();
        let options = postgres.options(&name);
        assert_eq!(migrate::migrate(&options).unwrap().len(), migrations());
        let mut conn = postgres.superuser(Some(&name));
        let before = columns(&mut conn);
        assert_eq!(migrate::revert(&options).unwrap().len(), migrations());
        assert_eq!(columns(&mut conn), Columns::new());
        assert_eq!(number(&mut conn, "SELECT COUNT(*) AS n FROM pg_policies"), 0);
        migrate::migrate(&options).unwrap();
        assert_eq!(columns(&mut conn), before);
    }

    #[test]
    fn every_table_of_tenants_forces_row_level_security_and_leads_its_keys_with_the_tenant() {
        let Some(postgres) = Postgres::from_environment() else { return };
        let name = postgres.migrated();
        let mut conn = postgres.superuser(Some(&name));
        let mut tables = texts(
            &mut conn,
            "SELECT relname::text AS a FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace \
             AND relname NOT LIKE '\\_\\_%' ORDER BY 1",
        );
        let forced = texts(
            &mut conn,
            "SELECT relname::text AS a FROM pg_class WHERE relkind = 'r' AND relrowsecurity AND relforcerowsecurity",
        );
        let policy = "(tenant_id = ( SELECT (NULLIF(current_setting('app.tenant'::text, true), ''::text))::bigint";
        let policies = texts(
            &mut conn,
            "SELECT tablename || ' ' || split_part(qual, ' AS ', 1) || ' ' || (qual = with_check)::text AS a FROM pg_policies",
        );
        for table in TENANT_TABLES.into_iter().chain(POSTGRES_ONLY) {
            assert!(forced.iter().any(|forced| forced == table), "{table} does not force row-level security");
            assert!(policies.contains(&format!("{table} {policy} true")), "{table}: {policies:?}");
            tables.retain(|named| named != table);
        }
        for table in NOT_FORCED {
            assert!(policies.contains(&format!("{table} {policy} true")), "{table}: {policies:?}");
            tables.retain(|named| named != table);
        }
        let mut exceptions: Vec<&str> = SYSTEM_TABLES.to_vec();
        exceptions.sort_unstable();
        assert_eq!(tables, exceptions, "tables without a tenant are named");
        let others = texts(
            &mut conn,
            "SELECT c.relname || ' on ' || t.relname AS a FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid \
             JOIN pg_class t ON t.oid = i.indrelid JOIN pg_attribute a ON a.attrelid = t.oid AND a.attname = 'tenant_id' \
             WHERE t.relrowsecurity AND i.indkey[0] <> a.attnum AND c.relname <> 's_grams'",
        );
        assert_eq!(
            others,
            Vec::<String>::new(),
            "every index of a tenant's table is led by the tenant, the one of grams within them"
        );
    }

    /// Raw statements as the role of the store, which owns the tables.
    #[test]
    fn without_a_tenant_or_with_another_one_nothing_is_seen_or_written() {
        let Some(postgres) = Postgres::from_environment() else { return };
        let name = postgres.migrated();
        let mut conn = postgres.plain_role(&name);
        // One row of tenant 1 in every table that a test may fill without a reference.
        conn.batch_execute(
            "BEGIN; SELECT set_config('app.tenant', '1', true);
             INSERT INTO tenants VALUES (1, 'id', 'slug', 'name', 1, 0);
             INSERT INTO tenant_hosts VALUES (1, 'host');
             INSERT INTO connections VALUES (1, 1, 'id', 'application', 'name', 'generic', 'on', '{}', 1, 0);
             INSERT INTO tokens VALUES (1, 'id', 1, 1, 'name', '', 0, 'x', NULL, NULL, NULL);
             INSERT INTO resources (seq, tenant_id, conn, type, id, version, scope, present, adoptable, active, created, modified, doc)
                 VALUES (1, 1, 1, 2, 'a', 1, 0, 0, 0, 1, 0, 0, '{}'), (2, 1, 1, 1, 'b', 1, 0, 0, 0, 1, 0, 0, '{}');
             INSERT INTO passwords VALUES (1, 2, 'phc');
             INSERT INTO unique_values VALUES (1, 0, 1, 1, 'key', 2);
             INSERT INTO vals VALUES (1, 1, 'x', 2, 0, NULL, 0);
             INSERT INTO counts VALUES (1, 1, 1, 0, 1);
             INSERT INTO memberships VALUES (1, 1, 2, 'b', 1);
             INSERT INTO unmatched_members VALUES (1, 1, 'x', 0);
             INSERT INTO tombstones VALUES (1, 't', 1, 1, 'key', 1, 0, 0, '{}', '[]');
             INSERT INTO conflicts VALUES (1, 1, 'd', 'userName', 'k', NULL, 'r', 0, 0, 1);
             INSERT INTO group_slots VALUES (1, 1, 0, 1, 0);
             INSERT INTO journal (tenant_id, at, kind, actor, version, paths, tx) VALUES (1, 0, 'k', 'a', 0, '[]', 't');
             INSERT INTO journal_numbers VALUES (1, 1, 1, 1, 0, '');
             INSERT INTO heads VALUES (1, 1, 1);
             COMMIT;",
        )
        .unwrap();
        // The table that does not force it is read through a function.
        conn.batch_execute("INSERT INTO search_grams VALUES (1, 2, '{7, 8}')").unwrap();
        let found = "SELECT COUNT(*) AS n FROM with_grams('{7}')";
        for (setting, seen) in [("1", 1), ("2", 0), ("", 0)] {
            conn.batch_execute(&format!("BEGIN; SELECT set_config('app.tenant', '{setting}', true)")).unwrap();
            assert_eq!(number(&mut conn, found), seen, "with the tenant {setting:?}");
            conn.batch_execute("ROLLBACK").unwrap();
        }
        assert_eq!(number(&mut conn, found), 0, "without a tenant");
        for table in TENANT_TABLES.into_iter().chain(POSTGRES_ONLY) {
            let count = format!("SELECT COUNT(*) AS n FROM {table}");
            for (setting, seen) in [("1", true), ("2", false), ("", false)] {
                conn.batch_execute(&format!("BEGIN; SELECT set_config('app.tenant', '{setting}', true)")).unwrap();
                assert_eq!(number(&mut conn, &count) > 0, seen, "{table} with the tenant {setting:?}");
                if !seen {
                    // No row can be changed or taken away, and none made or moved into another tenant.
                    #[expect(clippy::disallowed_methods, reason = "the second wall is tried by raw statements")]
                    let mut written = |text: String| diesel::sql_query(text).execute(&mut conn);
                    assert_eq!(written(format!("UPDATE {table} SET tenant_id = tenant_id")).unwrap(), 0, "{table}");
                    assert_eq!(written(format!("DELETE FROM {table}")).unwrap(), 0, "{table}");
                }
                conn.batch_execute("ROLLBACK").unwrap();
            }
            // Outside a transaction the setting of the last one is an empty text, not NULL.
            assert_eq!(number(&mut conn, &count), 0, "{table} without a tenant");
            for setting in ["2", ""] {
                conn.batch_execute(&format!("BEGIN; SELECT set_config('app.tenant', '{setting}', true)")).unwrap();
                let refused = conn.batch_execute(&format!(
                    "INSERT INTO {table} SELECT (jsonb_populate_record(NULL::{table}, '{{\"tenant_id\": 1}}'::jsonb)).*"
                ));
                assert!(refused.is_err(), "{table} with the tenant {setting:?}");
                conn.batch_execute("ROLLBACK").unwrap();
            }
        }
    }

    #[test]
    fn a_role_that_may_bypass_row_level_security_is_told_of_or_refused() {
        let Some(postgres) = Postgres::from_environment() else { return };
        let registry = std::sync::Arc::new(scim_schema::Registry::builtin());
        let clock = std::sync::Arc::new(headcount_model::SystemClock);
        let (store, name) = postgres.fresh(std::sync::Arc::clone(&registry));
        assert_eq!(store.row_level_security(), RowLevelSecurity::Enforced);
        let superuser = StoreOptions::new(headcount_model::Secret::new(postgres.superuser_url(&name)));
        let store = headcount_diesel::DieselStore::connect(&superuser, std::sync::Arc::clone(&registry), clock.clone());
        assert_eq!(store.unwrap().row_level_security(), RowLevelSecurity::Bypassed);
        let strict =
            StoreOptions { require_row_level_security: headcount_diesel::RequireRowLevelSecurity::Yes, ..superuser };
        let refused = headcount_diesel::DieselStore::connect(&strict, registry, clock);
        assert!(matches!(refused, Err(headcount_diesel::ConnectError::BypassesRowLevelSecurity { .. })));
    }
}
