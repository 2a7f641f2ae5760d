//! SQL as pieces: only `&'static str` becomes text, everything else is a bind.

use std::marker::PhantomData;

use diesel::{
    QueryResult, RunQueryDsl,
    query_builder::{AstPass, Query, QueryFragment, QueryId},
    query_dsl::methods::LoadQuery,
    sql_types::{BigInt, Binary, Nullable, Text},
};

/// A statement, or a part of one.
///
/// SECURITY: text that came from outside can only be a bind, so it cannot become SQL.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sql {
    pieces: Vec<Piece>,
    one_off: bool,
}

#[derive(Clone, Debug)]
enum Piece {
    Raw(&'static str),
    Int(i64),
    Text(String),
    MaybeInt(Option<i64>),
    MaybeText(Option<String>),
    Blob(Vec<u8>),
}

impl Sql {
    pub(crate) fn new(text: &'static str) -> Self {
        Self { pieces: vec![Piece::Raw(text)], one_off: false }
    }

    pub(crate) fn empty() -> Self {
        Self::default()
    }

    /// Marks the statement as one whose shape clients decide: its text is not kept in the cache of
    /// prepared statements, which has no bound.
    pub(crate) fn one_off(mut self) -> Self {
        self.one_off = true;
        self
    }

    pub(crate) fn raw(mut self, text: &'static str) -> Self {
        self.pieces.push(Piece::Raw(text));
        self
    }

    pub(crate) fn int(mut self, value: i64) -> Self {
        self.pieces.push(Piece::Int(value));
        self
    }

    pub(crate) fn text(mut self, value: impl Into<String>) -> Self {
        self.pieces.push(Piece::Text(value.into()));
        self
    }

    pub(crate) fn maybe_int(mut self, value: Option<i64>) -> Self {
        self.pieces.push(Piece::MaybeInt(value));
        self
    }

    pub(crate) fn maybe_text(mut self, value: Option<&str>) -> Self {
        self.pieces.push(Piece::MaybeText(value.map(ToOwned::to_owned)));
        self
    }

    pub(crate) fn blob(mut self, value: Vec<u8>) -> Self {
        self.pieces.push(Piece::Blob(value));
        self
    }

    pub(crate) fn add(mut self, other: Self) -> Self {
        self.one_off |= other.one_off;
        self.pieces.extend(other.pieces);
        self
    }

    /// A list of binds between commas.
    pub(crate) fn ints(mut self, values: impl IntoIterator<Item = i64>) -> Self {
        for (n, value) in values.into_iter().enumerate() {
            if n > 0 {
                self = self.raw(", ");
            }
            self = self.int(value);
        }
        self
    }

    /// A list of binds between commas.
    pub(crate) fn texts<'t>(mut self, values: impl IntoIterator<Item = &'t str>) -> Self {
        for (n, value) in values.into_iter().enumerate() {
            if n > 0 {
                self = self.raw(", ");
            }
            self = self.text(value);
        }
        self
    }

    /// Parts joined by an operator, as a balanced tree of brackets, so that long chains stay within
    /// the depth that the databases' parsers accept.
    pub(crate) fn joined(operator: &'static str, mut parts: Vec<Self>) -> Self {
        if parts.len() <= 1 {
            return parts.pop().unwrap_or_default();
        }
        let right = parts.split_off(parts.len().div_euclid(2));
        let left = Self::joined(operator, parts);
        let right = Self::joined(operator, right);
        Self::new("(").add(left).raw(operator).add(right).raw(")")
    }

    /// The raw text with `?` for binds, for messages and tests.
    pub(crate) fn outline(&self) -> String {
        self.pieces
            .iter()
            .map(|piece| match piece {
                Piece::Raw(text) => *text,
                _ => "?",
            })
            .collect()
    }
}

impl QueryId for Sql {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

macro_rules! fragment {
    ($backend:ty) => {
        impl QueryFragment<$backend> for Sql {
            fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, $backend>) -> QueryResult<()> {
                if self.one_off {
                    out.unsafe_to_cache_prepared();
                }
                for piece in &self.pieces {
                    match piece {
                        Piece::Raw(text) => out.push_sql(text),
                        Piece::Int(value) => out.push_bind_param::<BigInt, i64>(value)?,
                        Piece::Text(value) => out.push_bind_param::<Text, String>(value)?,
                        Piece::MaybeInt(value) => out.push_bind_param::<Nullable<BigInt>, Option<i64>>(value)?,
                        Piece::MaybeText(value) => out.push_bind_param::<Nullable<Text>, Option<String>>(value)?,
                        Piece::Blob(value) => out.push_bind_param::<Binary, Vec<u8>>(value)?,
                    }
                }
                Ok(())
            }
        }

        impl<ST> QueryFragment<$backend> for Rows<'_, ST> {
            fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, $backend>) -> QueryResult<()> {
                self.sql.walk_ast(out)
            }
        }
    };
}

#[cfg(feature = "postgres")]
fragment!(diesel::pg::Pg);
#[cfg(feature = "sqlite")]
fragment!(diesel::sqlite::Sqlite);

/// A statement that returns rows of the SQL types `ST`.
pub(crate) struct Rows<'a, ST> {
    sql: &'a Sql,
    kind: PhantomData<fn() -> ST>,
}

impl<'a, ST> Rows<'a, ST> {
    pub(crate) fn of(sql: &'a Sql) -> Self {
        Self { sql, kind: PhantomData }
    }
}

impl<ST> QueryId for Rows<'_, ST> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<ST> Query for Rows<'_, ST> {
    type SqlType = ST;
}

impl<ST, Conn> RunQueryDsl<Conn> for Rows<'_, ST> {}

macro_rules! loads {
    ($($bound:tt)*) => {
        /// Rows that load as `U` on every backend that is built in.
        pub(crate) trait Loads<'q, U>: $($bound)* {}
        impl<'q, U, T: $($bound)*> Loads<'q, U> for T {}
    };
}

#[cfg(all(feature = "sqlite", feature = "postgres"))]
loads!(LoadQuery<'q, diesel::SqliteConnection, U> + LoadQuery<'q, diesel::PgConnection, U>);
#[cfg(all(feature = "sqlite", not(feature = "postgres")))]
loads!(LoadQuery<'q, diesel::SqliteConnection, U>);
#[cfg(all(feature = "postgres", not(feature = "sqlite")))]
loads!(LoadQuery<'q, diesel::PgConnection, U>);
