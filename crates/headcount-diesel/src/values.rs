//! Rows of what is indexed of a resource beside its own row.

use std::{collections::BTreeMap, marker::PhantomData};

use diesel::QueryResult;
use headcount_store::index::{UniqueValue, ValueRow, cut};

use crate::{
    connection::{Dialect, Link},
    sql::Sql,
};

/// A value row with the number of its path.
pub(crate) type Valued<'a> = (i64, &'a ValueRow);

/// Which resource rows belong to.
#[derive(Clone, Copy)]
pub(crate) enum Of {
    /// The one of this number.
    Seq(i64),
    /// On SQLite, the one that was inserted last on this connection: tables without row numbers of
    /// their own do not move that.
    Last,
    /// On PostgreSQL, the one that the part `r` of the statement returns.
    Part,
}

impl Of {
    /// Adds the number of the resource's row to a list.
    fn number(self, sql: Sql) -> Sql {
        match self {
            Self::Seq(seq) => sql.raw(", ").int(seq),
            Self::Last => sql.raw(", last_insert_rowid()"),
            Self::Part => sql.raw(", r.seq"),
        }
    }
}

/// What makes a value row another row: path, value, element.
type Key<'a> = (&'a str, &'a str, u32);

fn key(row: &ValueRow) -> Key<'_> {
    (&row.path, cut(&row.folded), row.element)
}

/// The difference between the value rows before and after.
#[derive(Default)]
pub(crate) struct Difference<'a> {
    /// Rows to be deleted.
    pub(crate) gone: Vec<&'a ValueRow>,
    /// Rows to be inserted, or to be written over.
    pub(crate) put: Vec<&'a ValueRow>,
}

pub(crate) fn difference<'a>(old: &'a [ValueRow], new: &'a [ValueRow]) -> Difference<'a> {
    if old == new {
        return Difference::default();
    }
    let before = keyed(old);
    let after = keyed(new);
    let gone = before.iter().filter(|(key, _)| !after.contains_key(*key)).map(|(_, row)| *row).collect();
    let put = after.iter().filter(|(key, row)| before.get(*key) != Some(*row)).map(|(_, row)| *row).collect();
    Difference { gone, put }
}

/// Two values of one element (a multi-valued part) may be equal: one row says as much.
fn keyed(rows: &[ValueRow]) -> BTreeMap<Key<'_>, &ValueRow> {
    rows.iter().rev().map(|row| (key(row), row)).collect()
}

/// Inserts value rows of a resource that has none like them.
pub(crate) fn insert_values(dialect: Dialect, tenant: i64, of: Of, rows: &[Valued<'_>]) -> Sql {
    values(dialect, tenant, of, rows).raw(NOTHING)
}

/// Runs what [`insert_values`] made of so many rows. `K` tells which [`Of`] it was.
pub(crate) fn run_insert<K: 'static>(link: &mut Link, rows: usize, sql: &Sql) -> QueryResult<usize> {
    match rows {
        1 => link.run_keyed::<Insert<K, 1>>(sql),
        2 => link.run_keyed::<Insert<K, 2>>(sql),
        3 => link.run_keyed::<Insert<K, 3>>(sql),
        4 => link.run_keyed::<Insert<K, 4>>(sql),
        _ => link.run(sql),
    }
}

struct Insert<K, const ROWS: usize>(PhantomData<fn() -> K>);

/// The same, over rows that may be there.
pub(crate) fn put_values(dialect: Dialect, tenant: i64, of: Of, rows: &[Valued<'_>]) -> Sql {
    values(dialect, tenant, of, rows).raw(OVERWRITE)
}

/// On SQLite they do not fail, but for a fault of ours or the disk's, which undoes all of the work: see
/// [`crate::resources::insert_row`].
fn values(dialect: Dialect, tenant: i64, of: Of, rows: &[Valued<'_>]) -> Sql {
    let insert = match dialect {
        Dialect::Sqlite => "INSERT OR FAIL INTO vals (tenant_id, path, folded, resource, element, etype, is_primary)",
        Dialect::Postgres => INSERT_VALUES,
    };
    Sql::new(insert).raw(" VALUES ").add(tuples(tenant, of, rows))
}

fn values_of_part(tenant: i64, rows: &[Valued<'_>]) -> Sql {
    Sql::new(INSERT_VALUES)
        .raw(" SELECT x.* FROM r CROSS JOIN LATERAL (VALUES ")
        .add(tuples(tenant, Of::Part, rows))
        .raw(") AS x")
}

/// The rows in brackets, between commas.
fn tuples(tenant: i64, of: Of, rows: &[Valued<'_>]) -> Sql {
    let mut sql = Sql::empty();
    for (n, (path, row)) in rows.iter().enumerate() {
        sql =
            sql.raw(if n > 0 { ", (" } else { "(" }).int(tenant).raw(", ").int(*path).raw(", ").text(cut(&row.folded));
        sql = of
            .number(sql)
            .raw(", ")
            .int(row.element.into())
            .raw(", ")
            .maybe_text(row.element_type.as_deref().map(cut))
            .raw(", ")
            .int(row.primary.into())
            .raw(")");
    }
    sql
}

/// Deletes value rows of a resource.
pub(crate) fn delete_values(tenant: i64, seq: i64, rows: &[Valued<'_>]) -> Sql {
    let mut sql =
        Sql::new("DELETE FROM vals WHERE tenant_id = ").int(tenant).raw(" AND resource = ").int(seq).raw(" AND (");
    for (n, (path, row)) in rows.iter().enumerate() {
        sql = sql
            .raw(if n > 0 { " OR (path = " } else { "(path = " })
            .int(*path)
            .raw(" AND folded = ")
            .text(cut(&row.folded))
            .raw(" AND element = ")
            .int(row.element.into())
            .raw(")");
    }
    sql.raw(")")
}

/// On PostgreSQL, inserts value rows of the resource that the part `r` of the statement returns.
pub(crate) fn insert_values_of_part(tenant: i64, rows: &[Valued<'_>]) -> Sql {
    values_of_part(tenant, rows).raw(NOTHING)
}

/// The same, over rows that may be there.
pub(crate) fn put_values_of_part(tenant: i64, rows: &[Valued<'_>]) -> Sql {
    values_of_part(tenant, rows).raw(OVERWRITE)
}

/// A unique value with the number of its path and the number of its scope.
pub(crate) type Unique<'a> = (i64, i64, &'a UniqueValue);

/// Inserts one unique value.
pub(crate) fn insert_unique(tenant: i64, type_number: i64, of: Of, (path, scope, value): Unique<'_>) -> Sql {
    let sql =
        Sql::new(INSERT_UNIQUE).raw(" VALUES (").ints([tenant, scope, type_number, path]).raw(", ").text(&*value.key);
    of.number(sql).raw(")")
}

/// On PostgreSQL, inserts unique values of the resource that the part `r` of the statement returns.
pub(crate) fn insert_unique_of_part(tenant: i64, type_number: i64, values: &[Unique<'_>]) -> Sql {
    let mut sql = Sql::new(INSERT_UNIQUE).raw(" SELECT x.* FROM r CROSS JOIN LATERAL (VALUES ");
    for (n, (path, scope, value)) in values.iter().enumerate() {
        sql = sql
            .raw(if n > 0 { ", (" } else { "(" })
            .ints([tenant, *scope, type_number, *path])
            .raw(", ")
            .text(&*value.key)
            .raw(", r.seq)");
    }
    sql.raw(") AS x")
}

/// A condition: none of these unique values is taken.
pub(crate) fn none_taken(tenant: i64, type_number: i64, values: &[Unique<'_>]) -> Sql {
    let mut sql = Sql::empty();
    for (n, (path, scope, value)) in values.iter().enumerate() {
        sql = sql
            .raw(if n > 0 { " AND " } else { "" })
            .raw("NOT EXISTS (SELECT 1 FROM unique_values x WHERE x.tenant_id = ")
            .int(tenant)
            .raw(" AND x.scope = ")
            .int(*scope)
            .raw(" AND x.type = ")
            .int(type_number)
            .raw(" AND x.path = ")
            .int(*path)
            .raw(" AND x.key = ")
            .text(&*value.key)
            .raw(")");
    }
    sql
}

pub(crate) const INSERT_VALUES: &str =
    "INSERT INTO vals (tenant_id, path, folded, resource, element, etype, is_primary)";
pub(crate) const NOTHING: &str = " ON CONFLICT DO NOTHING";
const OVERWRITE: &str = " ON CONFLICT (tenant_id, path, folded, resource, element) \
     DO UPDATE SET etype = excluded.etype, is_primary = excluded.is_primary";
pub(crate) const INSERT_UNIQUE: &str = "INSERT INTO unique_values (tenant_id, scope, type, path, key, resource)";
