//! Statements whose text never changes though they are made of pieces: found among the prepared ones
//! by a type, so that the text is put together once a connection.

use std::marker::PhantomData;

use diesel::{
    QueryResult, RunQueryDsl,
    query_builder::{AstPass, Query, QueryFragment, QueryId},
};

use crate::{
    connection::{AnyConn, Link},
    sql::{Cache, Loads, Sql},
};

/// A statement that is known by the type `K`.
///
/// INVARIANT: all statements with one `K` have one text on a database; debug builds check it.
pub(crate) struct Keyed<'a, K, ST> {
    sql: &'a Sql,
    cache: Cache,
    kind: PhantomData<fn() -> (K, ST)>,
}

impl<K: 'static, ST> QueryId for Keyed<'_, K, ST> {
    type QueryId = K;
}

impl<K, ST> Query for Keyed<'_, K, ST> {
    type SqlType = ST;
}

impl<K, ST, Conn> RunQueryDsl<Conn> for Keyed<'_, K, ST> {}

macro_rules! fragment {
    ($backend:ty) => {
        impl<K, ST> QueryFragment<$backend> for Keyed<'_, K, ST> {
            fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, $backend>) -> QueryResult<()> {
                if self.cache == Cache::Passed {
                    out.unsafe_to_cache_prepared();
                }
                <Sql as QueryFragment<$backend>>::walk_ast(self.sql, out)
            }
        }
    };
}

#[cfg(feature = "postgres")]
fragment!(diesel::pg::Pg);
#[cfg(feature = "sqlite")]
fragment!(diesel::sqlite::Sqlite);

impl Link {
    /// Runs a statement that `K` stands for; returns how many rows it wrote.
    pub(crate) fn run_keyed<K: 'static>(&mut self, sql: &Sql) -> QueryResult<usize> {
        self.has_one_text::<K>(sql);
        let statement = Keyed::<K, ()> { sql, cache: self.cache_fixed(), kind: PhantomData };
        match &mut self.any {
            #[cfg(feature = "sqlite")]
            AnyConn::Sqlite(conn) => statement.execute(conn),
            #[cfg(feature = "postgres")]
            AnyConn::Postgres(conn) => statement.execute(conn),
        }
    }

    /// Runs a statement that `K` stands for and returns its first row.
    pub(crate) fn one_keyed<K: 'static, ST, U>(&mut self, sql: &Sql) -> QueryResult<Option<U>>
    where
        for<'q> Keyed<'q, K, ST>: Loads<'q, U>,
    {
        self.has_one_text::<K>(sql);
        let statement = Keyed::<K, ST> { sql, cache: self.cache_fixed(), kind: PhantomData };
        let rows = match &mut self.any {
            #[cfg(feature = "sqlite")]
            AnyConn::Sqlite(conn) => statement.load::<U>(conn)?,
            #[cfg(feature = "postgres")]
            AnyConn::Postgres(conn) => statement.load::<U>(conn)?,
        };
        Ok(rows.into_iter().next())
    }

    #[cfg(not(debug_assertions))]
    fn has_one_text<K>(&self, _: &Sql) {}

    /// # Panics
    /// In debug builds only, if the key has met another text.
    #[cfg(debug_assertions)]
    fn has_one_text<K: 'static>(&self, sql: &Sql) {
        use std::{
            any::TypeId,
            collections::HashMap,
            sync::{Mutex, PoisonError},
        };
        static TEXTS: Mutex<Option<HashMap<(TypeId, bool), String>>> = Mutex::new(None);
        let key = (TypeId::of::<K>(), self.dialect() == crate::connection::Dialect::Sqlite);
        let mut texts = TEXTS.lock().unwrap_or_else(PoisonError::into_inner);
        let text = sql.outline();
        let first = texts.get_or_insert_default().entry(key).or_insert_with(|| text.clone());
        assert_eq!(*first, text, "one key stands for two statements");
    }
}
