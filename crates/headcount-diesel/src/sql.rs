//! SQL as pieces: only `&'static str` becomes text, everything else is a bind.
//!
//! Prepared statements are found by their text, which [`Sql`] makes anew each time; those of the hot
//! paths are [`Fixed`], and found by their type. Nothing here is cached without a bound: what clients
//! decide the shape of is [`Sql::one_off`], and [`Shapes`] says which of it is kept.
//!
//! SQLite looks into some binds when it plans, and then prepares the statement anew each time another
//! value is bound there, which costs ten times as much as the statement: a bind behind LIMIT, and one
//! that is compared for equality with the column of a partial index. So it is always `LIMIT 0 + ?`.

use std::{
    collections::HashSet,
    hash::{DefaultHasher, Hash, Hasher},
    marker::PhantomData,
    sync::Arc,
};

use diesel::{
    QueryResult, RunQueryDsl,
    backend::Backend,
    deserialize::{self, FromSql, FromStaticSqlRow, Queryable},
    query_builder::{AstPass, Query, QueryFragment, QueryId},
    query_dsl::methods::LoadQuery,
    sql_types::{BigInt, Binary, Nullable, Text},
};
use headcount_model::PublicId;

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
        let mut pieces = Vec::with_capacity(16);
        pieces.push(Piece::Raw(text));
        Self { pieces, one_off: false }
    }

    pub(crate) fn empty() -> Self {
        Self::default()
    }

    /// Marks the statement as one whose shape clients decide: a connection keeps a bounded number of
    /// such shapes prepared ([`Shapes`]).
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

    /// What tells this shape from others; `None`: it may be kept prepared whatever it is.
    pub(crate) fn shape(&self) -> Option<Shape> {
        if !self.one_off {
            return None;
        }
        if self.pieces.len() > MOST_PIECES {
            return Some(Shape::Long);
        }
        let mut hasher = DefaultHasher::new();
        for piece in &self.pieces {
            match piece {
                // Two texts at one place are one text, and one text at two places is merely two shapes.
                Piece::Raw(text) => (text.as_ptr(), text.len()).hash(&mut hasher),
                piece => std::mem::discriminant(piece).hash(&mut hasher),
            }
        }
        Some(Shape::Of(hasher.finish()))
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

/// The shape of a statement whose shape clients decide.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Shape {
    /// Too long to be kept.
    Long,
    /// The fingerprint of its text.
    Of(u64),
}

/// Which shapes of clients' making a connection keeps prepared: those that come a second time, and no
/// more than [`MOST_SHAPES`].
#[derive(Debug)]
pub(crate) struct Shapes {
    kept: HashSet<u64>,
    /// The last shape that was seen once, by the end of its fingerprint.
    seen: Box<[u64; 256]>,
}

/// What to do with a statement.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Keep {
    /// It is prepared, or will be kept.
    Yes,
    /// It is prepared for this once.
    No,
    /// It will be kept, but everything that is kept so far must be given up before.
    AfterAllElse,
}

impl Default for Shapes {
    fn default() -> Self {
        Self { kept: HashSet::new(), seen: Box::new([0; 256]) }
    }
}

impl Shapes {
    pub(crate) fn keep(&mut self, shape: Shape) -> Keep {
        let Shape::Of(print) = shape else { return Keep::No };
        if self.kept.contains(&print) {
            return Keep::Yes;
        }
        let Some(seen) = self.seen.get_mut(usize::from(print.to_le_bytes()[0])) else { return Keep::No };
        if *seen != print {
            *seen = print;
            return Keep::No;
        }
        let is_full = self.kept.len() >= MOST_SHAPES;
        if is_full {
            self.kept.clear();
        }
        self.kept.insert(print);
        if is_full { Keep::AfterAllElse } else { Keep::Yes }
    }
}

/// Most shapes of clients' making that a connection keeps prepared.
const MOST_SHAPES: usize = 64;

/// A longer statement is not kept: lists of binds have another text for each length.
const MOST_PIECES: usize = 192;

/// Whether a statement is looked for among the prepared ones.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Cache {
    /// It is, and it stays there.
    Kept,
    /// It is prepared for this once.
    Passed,
}

/// A statement whose text never changes; it is found among the prepared ones by its type.
pub(crate) trait Fixed: 'static {
    /// The text on SQLite between the binds.
    const SQLITE: &'static [&'static str];
    /// The same on PostgreSQL.
    #[cfg_attr(not(feature = "postgres"), expect(dead_code, reason = "it is read where there is PostgreSQL"))]
    const POSTGRES: &'static [&'static str];
}

/// A bind of a [`Fixed`] statement.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Bind<'a> {
    Int(i64),
    Text(&'a str),
}

/// A [`Fixed`] statement that returns rows of the SQL types `ST`.
pub(crate) struct FixedRows<'a, K, ST> {
    binds: &'a [Bind<'a>],
    cache: Cache,
    kind: PhantomData<fn() -> (K, ST)>,
}

impl<'a, K, ST> FixedRows<'a, K, ST> {
    pub(crate) fn of(binds: &'a [Bind<'a>], cache: Cache) -> Self {
        Self { binds, cache, kind: PhantomData }
    }
}

impl<K: Fixed, ST> QueryId for FixedRows<'_, K, ST> {
    type QueryId = K;
}

impl<K, ST> Query for FixedRows<'_, K, ST> {
    type SqlType = ST;
}

impl<K, ST, Conn> RunQueryDsl<Conn> for FixedRows<'_, K, ST> {}

macro_rules! fragment {
    ($backend:ty, $text:ident) => {
        impl<K: Fixed, ST> QueryFragment<$backend> for FixedRows<'_, K, ST> {
            fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, $backend>) -> QueryResult<()> {
                if self.cache == Cache::Passed {
                    out.unsafe_to_cache_prepared();
                }
                let mut binds = self.binds.iter();
                for (n, text) in K::$text.iter().enumerate() {
                    match if n > 0 { binds.next() } else { None } {
                        Some(Bind::Int(value)) => out.push_bind_param::<BigInt, i64>(value)?,
                        Some(Bind::Text(value)) => out.push_bind_param::<Text, str>(value)?,
                        None => {}
                    }
                    out.push_sql(text);
                }
                Ok(())
            }
        }

        impl QueryFragment<$backend> for Sql {
            fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, $backend>) -> QueryResult<()> {
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
            fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, $backend>) -> QueryResult<()> {
                if self.cache == Cache::Passed {
                    out.unsafe_to_cache_prepared();
                }
                self.sql.walk_ast(out)
            }
        }
    };
}

#[cfg(feature = "postgres")]
fragment!(diesel::pg::Pg, POSTGRES);
#[cfg(feature = "sqlite")]
fragment!(diesel::sqlite::Sqlite, SQLITE);

/// Text that is copied but once, from the database's buffer into where it stays.
macro_rules! copied {
    ($(#[$doc:meta])* $name:ident($inner:ty), $make:expr) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub(crate) struct $name(pub(crate) $inner);

        #[cfg(feature = "sqlite")]
        impl FromSql<Text, diesel::sqlite::Sqlite> for $name {
            fn from_sql(
                mut value: <diesel::sqlite::Sqlite as Backend>::RawValue<'_>,
            ) -> deserialize::Result<Self> {
                Ok(Self($make(value.read_text())))
            }
        }

        #[cfg(feature = "postgres")]
        impl FromSql<Text, diesel::pg::Pg> for $name {
            fn from_sql(value: <diesel::pg::Pg as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
                Ok(Self($make(std::str::from_utf8(value.as_bytes())?)))
            }
        }

        impl<ST, DB: Backend> Queryable<ST, DB> for $name
        where
            Self: FromStaticSqlRow<ST, DB>,
        {
            type Row = Self;

            fn build(row: Self) -> deserialize::Result<Self> {
                Ok(row)
            }
        }
    };
}

copied! {
    /// A document.
    Document(Arc<str>), Arc::from
}
copied! {
    /// A public id.
    Id(PublicId), PublicId::from_text
}

/// A statement that returns rows of the SQL types `ST`.
pub(crate) struct Rows<'a, ST> {
    sql: &'a Sql,
    cache: Cache,
    kind: PhantomData<fn() -> ST>,
}

impl<'a, ST> Rows<'a, ST> {
    pub(crate) fn of(sql: &'a Sql, cache: Cache) -> Self {
        Self { sql, cache, kind: PhantomData }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_kept_from_the_second_time_on_and_their_number_is_bounded() {
        let mut shapes = Shapes::default();
        let shape = Sql::new("SELECT ").int(1).one_off().shape().unwrap();
        assert_eq!(shapes.keep(shape), Keep::No);
        assert_eq!(shapes.keep(shape), Keep::Yes);
        assert_eq!(shapes.keep(shape), Keep::Yes);
        let mut afresh = 0;
        for n in 1..=1_000 {
            assert_eq!(shapes.keep(Shape::Of(n << 8)), Keep::No);
            afresh += usize::from(shapes.keep(Shape::Of(n << 8)) == Keep::AfterAllElse);
            assert!(shapes.kept.len() <= MOST_SHAPES);
        }
        assert_eq!(afresh, 1_000 / MOST_SHAPES);
        assert_eq!(shapes.keep(Shape::Long), Keep::No);
    }

    #[test]
    fn values_are_no_part_of_a_shape_and_texts_and_kinds_are() {
        let shape = |sql: Sql| sql.one_off().shape();
        let text = "SELECT ";
        let one = shape(Sql::new(text).int(1).raw(" FROM t WHERE a = ").text("x"));
        assert_eq!(one, shape(Sql::new(text).int(2).raw(" FROM t WHERE a = ").text("y")));
        assert_ne!(one, shape(Sql::new(text).int(1).raw(" FROM t WHERE b = ").text("x")));
        assert_ne!(one, shape(Sql::new(text).int(1).raw(" FROM t WHERE a = ").int(7)));
        assert_eq!(shape(Sql::new(text).ints(0..200)), Some(Shape::Long));
        assert_eq!(Sql::new(text).shape(), None);
    }
}
