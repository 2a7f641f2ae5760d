//! A transaction of one tenant, the same for both databases.

use std::sync::Arc;

use diesel::QueryResult;
use headcount_model::{Clock, Event, Seq, TenantKey};
use headcount_store::{
    StoreError, Txn, Verdict,
    query::{Adoptable, View},
    resources::NewResource,
    store::Work,
};
use scim_schema::Registry;

use crate::{
    connection::{Dialect, Link, Use},
    constraint::{is_conflict, is_lost, store_error},
    names::{Names, NamesInTxn},
    sql::{Bind, Fixed, FixedRows, Loads, Rows, Sql},
};

/// What transactions share.
pub(crate) struct Shared {
    pub(crate) names: Names,
    pub(crate) registry: Arc<Registry>,
    pub(crate) clock: Arc<dyn Clock>,
}

/// A transaction.
pub(crate) struct DieselTxn<'a> {
    pub(crate) link: &'a mut Link,
    pub(crate) tenant: TenantKey,
    pub(crate) shared: &'a Shared,
    pub(crate) names: NamesInTxn<'a>,
    pub(crate) usage: Use,
    /// Whether it wrote to the journal.
    pub(crate) journaled: bool,
    /// Whether statements are refused, while something is prepared that must need none.
    pub(crate) silent: bool,
    pub(crate) failures: Failures,
    depth: usize,
}

/// What the failed statements of a transaction came to.
#[derive(Clone, Copy, Default)]
pub(crate) struct Failures {
    /// Whether the database chose it to give way, so that running the work again helps.
    pub(crate) conflicted: bool,
    /// Whether its connection is gone.
    pub(crate) lost: bool,
    /// Whether a statement failed since the last savepoint that was undone: PostgreSQL answers a
    /// COMMIT with a rollback then, and no error.
    pending: bool,
}

impl<'a> DieselTxn<'a> {
    pub(crate) fn new(link: &'a mut Link, tenant: TenantKey, shared: &'a Shared, usage: Use) -> Self {
        let names = NamesInTxn::new(&shared.names);
        Self {
            link,
            tenant,
            shared,
            names,
            usage,
            journaled: false,
            silent: false,
            failures: Failures::default(),
            depth: 0,
        }
    }

    pub(crate) fn dialect(&self) -> Dialect {
        self.link.dialect()
    }

    pub(crate) fn key(&self) -> i64 {
        self.tenant.0
    }

    /// Notes what an error says about the whole transaction, and makes it the store's.
    pub(crate) fn fault(&mut self, error: diesel::result::Error) -> StoreError {
        self.note(&error);
        store_error(error)
    }

    /// Notes what an error says about the whole transaction.
    pub(crate) fn note(&mut self, error: &diesel::result::Error) {
        self.failures.pending = true;
        self.failures.conflicted |= is_conflict(error);
        self.failures.lost |= is_lost(error);
    }

    /// What the work's result means for the transaction: one in which a statement failed is not kept.
    pub(crate) fn verdict(&self, result: Result<Verdict, StoreError>) -> Result<Verdict, StoreError> {
        match result {
            Ok(Verdict::Commit) if self.failures.pending => Err(StoreError::Backend(
                "a statement failed and the work wants the transaction kept, which it cannot be".into(),
            )),
            result => result,
        }
    }

    /// Turns to another tenant, in transactions of the system only.
    pub(crate) fn turn_to(&mut self, tenant: TenantKey) -> Result<(), StoreError> {
        self.tenant = tenant;
        if self.dialect() == Dialect::Postgres {
            let sql = Sql::new("SELECT set_config('app.tenant', ").text(tenant.0.to_string()).raw(", true)");
            self.load::<diesel::sql_types::Text, String>(&sql)?;
        }
        Ok(())
    }

    pub(crate) fn run(&mut self, sql: &Sql) -> Result<usize, StoreError> {
        guard(self.usage, sql);
        self.link.run(sql).map_err(|error| self.fault(error))
    }

    pub(crate) fn load<ST, U>(&mut self, sql: &Sql) -> Result<Vec<U>, StoreError>
    where
        for<'q> Rows<'q, ST>: Loads<'q, U>,
    {
        guard(self.usage, sql);
        if self.silent {
            return Err(silence());
        }
        self.link.load::<ST, U>(sql).map_err(|error| self.fault(error))
    }

    pub(crate) fn load_fixed<K: Fixed, ST, U>(&mut self, binds: &[Bind<'_>]) -> Result<Vec<U>, StoreError>
    where
        for<'q> FixedRows<'q, K, ST>: Loads<'q, U>,
    {
        self.link.load_fixed::<K, ST, U>(binds).map_err(|error| self.fault(error))
    }

    pub(crate) fn one<ST, U>(&mut self, sql: &Sql) -> Result<Option<U>, StoreError>
    where
        for<'q> Rows<'q, ST>: Loads<'q, U>,
    {
        Ok(self.load::<ST, U>(sql)?.into_iter().next())
    }

    pub(crate) fn find_number(&mut self, name: &str) -> Result<Option<i64>, StoreError> {
        if self.silent {
            return self.shared.names.number(name).map(Some).ok_or_else(silence);
        }
        let found = self.names.find(self.link, name);
        self.failures.pending |= found.is_err();
        found
    }

    pub(crate) fn number(&mut self, name: &str) -> Result<i64, StoreError> {
        let number = self.names.intern(self.link, name);
        self.failures.pending |= number.is_err();
        number
    }

    pub(crate) fn name_of(&mut self, number: i64) -> Result<String, StoreError> {
        let name = self.names.name(self.link, number);
        self.failures.pending |= name.is_err();
        name
    }
}

impl Txn for DieselTxn<'_> {
    fn insert_many(&mut self, new: &[(&NewResource, &Event)]) -> Result<Vec<Seq>, StoreError> {
        self.insert_all(new)
    }

    fn nested(&mut self, work: &mut Work<'_>) -> Result<Verdict, StoreError> {
        let names = self.names.own().clone();
        let (journaled, failed) = (self.journaled, self.failures.pending);
        let mark = self.link.ledger.mark();
        let Savepoint { set, release, undo } = savepoint(self.depth);
        set(self.link).map_err(|error| self.fault(error))?;
        self.depth = self.depth.saturating_add(1);
        let mut result = work(self);
        if !failed {
            result = self.verdict(result);
        }
        self.depth = self.depth.saturating_sub(1);
        if matches!(result, Ok(Verdict::Commit)) {
            release(self.link).map_err(|error| self.fault(error))?;
        } else {
            self.names.restore(names);
            self.link.ledger.go_back(mark);
            self.journaled = journaled;
            // A savepoint that cannot be undone means that the whole transaction is lost; that is
            // the greater error.
            undo(self.link).map_err(|error| self.fault(error))?;
            release(self.link).map_err(|error| self.fault(error))?;
            self.failures.pending = failed;
        }
        result
    }
}

/// What is said in place of a statement while there must be none; it goes no further than to whoever
/// asked for the silence.
fn silence() -> StoreError {
    StoreError::Busy(None)
}

/// What a view shows, as a condition on the row `r`, which an id or a number has found already. The signs
/// keep it out of the choice of an index: a new database has no statistics, and PostgreSQL would take all
/// of a tenant's rows for one.
pub(crate) fn sees(view: &View) -> Sql {
    match view.adoptable {
        Adoptable::Seen => Sql::new("(+r.conn = ").int(view.connection.0).raw(" OR +r.adoptable = 1)"),
        Adoptable::Hidden => Sql::new("+r.conn = ").int(view.connection.0),
    }
}

/// The statements of a savepoint.
struct Savepoint {
    set: fn(&mut Link) -> QueryResult<usize>,
    release: fn(&mut Link) -> QueryResult<usize>,
    undo: fn(&mut Link) -> QueryResult<usize>,
}

/// The savepoint at a depth inside a transaction; deeper nesting than anybody uses shares one name,
/// which both databases resolve to the innermost.
fn savepoint(depth: usize) -> Savepoint {
    match depth {
        0 => Savepoint {
            set: |link| link.run_keyed::<Set<0>>(&Sql::new("SAVEPOINT n0")),
            release: |link| link.run_keyed::<Release<0>>(&Sql::new("RELEASE SAVEPOINT n0")),
            undo: |link| link.run_keyed::<Undo<0>>(&Sql::new("ROLLBACK TO SAVEPOINT n0")),
        },
        1 => Savepoint {
            set: |link| link.run_keyed::<Set<1>>(&Sql::new("SAVEPOINT n1")),
            release: |link| link.run_keyed::<Release<1>>(&Sql::new("RELEASE SAVEPOINT n1")),
            undo: |link| link.run_keyed::<Undo<1>>(&Sql::new("ROLLBACK TO SAVEPOINT n1")),
        },
        _ => Savepoint {
            set: |link| link.run_keyed::<Set<2>>(&Sql::new("SAVEPOINT n2")),
            release: |link| link.run_keyed::<Release<2>>(&Sql::new("RELEASE SAVEPOINT n2")),
            undo: |link| link.run_keyed::<Undo<2>>(&Sql::new("ROLLBACK TO SAVEPOINT n2")),
        },
    }
}

struct Set<const DEPTH: usize>;
struct Release<const DEPTH: usize>;
struct Undo<const DEPTH: usize>;

/// In debug builds, a statement on a tenant's table that does not name the tenant is a bug that
/// SQLite, which has no second wall, would not catch.
///
/// # Panics
/// In debug builds only, on such a statement.
pub(crate) fn guard(usage: Use, sql: &Sql) {
    let _ = usage;
    if cfg!(debug_assertions) {
        let text = sql.outline();
        let touched = crate::schema::TENANT_TABLES.iter().find(|table| mentions(&text, table));
        assert!(
            touched.is_none() || text.contains("tenant_id"),
            "a statement on {} does not name the tenant: {text}",
            touched.unwrap_or(&"")
        );
    }
}

/// Whether a statement names a table, as a whole word.
fn mentions(text: &str, table: &str) -> bool {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').any(|word| word == table)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "does not name the tenant")]
    fn a_statement_without_the_tenant_is_caught() {
        guard(Use::Read, &Sql::new("SELECT seq FROM resources WHERE id = ").text("x"));
    }

    #[test]
    fn statements_with_the_tenant_or_on_system_tables_pass() {
        guard(Use::Read, &Sql::new("SELECT seq FROM resources WHERE tenant_id = ").int(1));
        guard(Use::Read, &Sql::new("SELECT number FROM names"));
        guard(Use::Read, &Sql::new("SAVEPOINT n0"));
    }
}
