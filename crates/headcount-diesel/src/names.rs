//! Names of resource types and attribute paths as small numbers.

use std::{
    collections::HashMap,
    sync::{PoisonError, RwLock},
};

use diesel::sql_types::{BigInt, Text};
use headcount_store::StoreError;

use crate::{connection::Link, constraint::store_error, sql::Sql};

/// The number of `User`, which the first migration gives.
pub(crate) const USER: i64 = 1;

/// The numbers that are known to be committed. They never change.
#[derive(Debug, Default)]
pub(crate) struct Names {
    known: RwLock<Known>,
}

#[derive(Debug, Default)]
struct Known {
    numbers: HashMap<String, i64>,
    names: HashMap<i64, String>,
}

impl Names {
    /// The number of a name, if it is known.
    pub(crate) fn number(&self, name: &str) -> Option<i64> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).numbers.get(name).copied()
    }

    fn name(&self, number: i64) -> Option<String> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).names.get(&number).cloned()
    }

    /// Remembers numbers that are committed.
    pub(crate) fn learn(&self, pairs: impl IntoIterator<Item = (String, i64)>) {
        let mut pairs = pairs.into_iter().peekable();
        if pairs.peek().is_none() {
            return;
        }
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        for (name, number) in pairs {
            known.names.insert(number, name.clone());
            known.numbers.insert(name, number);
        }
    }
}

/// The numbers as one transaction sees them: what it made or met itself is shared only once it is
/// committed, since a number that is rolled back may be given to another name.
pub(crate) struct NamesInTxn<'a> {
    shared: &'a Names,
    own: HashMap<String, i64>,
}

impl<'a> NamesInTxn<'a> {
    pub(crate) fn new(shared: &'a Names) -> Self {
        Self { shared, own: HashMap::new() }
    }

    /// What the transaction has met, to be restored with a savepoint and learned after the commit.
    pub(crate) fn own(&self) -> &HashMap<String, i64> {
        &self.own
    }

    pub(crate) fn restore(&mut self, own: HashMap<String, i64>) {
        self.own = own;
    }

    /// The number of a name, if it has one.
    pub(crate) fn find(&mut self, link: &mut Link, name: &str) -> Result<Option<i64>, StoreError> {
        if let Some(number) = self.shared.number(name).or_else(|| self.own.get(name).copied()) {
            return Ok(Some(number));
        }
        let sql = Sql::new("SELECT number FROM names WHERE name = ").text(name);
        let found = link.one::<BigInt, i64>(&sql).map_err(store_error)?;
        if let Some(number) = found {
            self.own.insert(name.to_owned(), number);
        }
        Ok(found)
    }

    /// The number of a name; a new one if it has none.
    pub(crate) fn intern(&mut self, link: &mut Link, name: &str) -> Result<i64, StoreError> {
        if let Some(number) = self.find(link, name)? {
            return Ok(number);
        }
        let insert = Sql::new("INSERT INTO names (name) VALUES (").text(name).raw(") ON CONFLICT (name) DO NOTHING");
        link.run(&insert).map_err(store_error)?;
        self.find(link, name)?.ok_or(StoreError::NotFound)
    }

    /// The name behind a number.
    pub(crate) fn name(&mut self, link: &mut Link, number: i64) -> Result<String, StoreError> {
        if let Some(name) = self.shared.name(number) {
            return Ok(name);
        }
        if let Some((name, _)) = self.own.iter().find(|(_, own)| **own == number) {
            return Ok(name.clone());
        }
        let sql = Sql::new("SELECT name FROM names WHERE number = ").int(number);
        let name = link.one::<Text, String>(&sql).map_err(store_error)?;
        let name =
            name.ok_or_else(|| StoreError::Corrupt { table: "names", column: "number", row: number.to_string() })?;
        self.own.insert(name.clone(), number);
        Ok(name)
    }
}
