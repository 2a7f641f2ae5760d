//! Conditions as they are put together: which are exact, and in which set each is anchored.

use headcount_model::ConnectionKey;

use crate::sql::Sql;

/// The part of a view that a query reads: each part has its own index.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Part {
    /// What the connection owns.
    Owned(ConnectionKey),
    /// Adoptable accounts that the connection does not own.
    Adoptable(ConnectionKey),
    /// Both at once, where an index finds the few rows that may be meant.
    Seen(ConnectionKey),
}

impl Part {
    /// The condition on the row `r`.
    pub(crate) fn on_r(self) -> Sql {
        match self {
            Self::Owned(conn) => Sql::new("r.conn = ").int(conn.0),
            Self::Adoptable(conn) => Sql::new("r.adoptable = 1 AND r.conn <> ").int(conn.0),
            Self::Seen(conn) => Sql::new("(r.conn = ").int(conn.0).raw(" OR r.adoptable = 1)"),
        }
    }

    /// Conditions on the row `q` by which an index led by the owner is read; the rows that they let
    /// through may be others' too.
    pub(super) fn owners(self, tenant: i64) -> Sql {
        match self {
            Self::Owned(conn) => Sql::new("q.conn = ").int(conn.0),
            Self::Adoptable(conn) | Self::Seen(conn) => {
                Sql::new("q.conn IN (SELECT c.conn FROM connections c WHERE c.tenant_id = ")
                    .int(tenant)
                    .raw(" UNION ALL SELECT ")
                    .int(conn.0)
                    .raw(")")
            }
        }
    }
}

/// How the rows that a condition asks for are found.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Anchor {
    /// By reading all rows of the part.
    None,
    /// The condition has a set of sequences from an index.
    Set,
    /// The condition compares the id or the unique key.
    Row,
}

/// What a predicate became.
#[derive(Clone, Debug)]
pub(crate) struct Compiled {
    pub(crate) condition: Condition,
    /// Whether the condition says all that the predicate says.
    pub(crate) exact: bool,
    /// How its rows are found.
    pub(crate) anchor: Anchor,
    /// The set that the condition is anchored in, where it has one.
    pub(super) driver: Option<Driver>,
}

/// A set of sequences by an index, outside of which the condition holds nowhere.
#[derive(Clone, Debug)]
pub(super) struct Driver {
    /// A SELECT of the sequences.
    pub(super) set: Sql,
    pub(super) rank: Rank,
    /// What the condition says beside the set, about the row `r`.
    pub(super) rest: Option<Sql>,
    /// Whether the condition on the row is by the index itself.
    pub(super) anchor: Anchor,
}

/// How selective a set is taken to be, most selective first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Rank {
    /// One row, by a unique key.
    Unique,
    /// As good as one row.
    External,
    /// The rows with one value.
    Value,
    /// The rows with a head of a value.
    Head,
    /// The rows that may have some characters in a value.
    Grams,
    /// The rows within a range.
    Range,
    /// Rows out of a whole index.
    Index,
}

#[derive(Clone, Debug)]
pub(crate) enum Condition {
    True,
    False,
    Sql(Sql),
}

/// Whether a part of a predicate is asked for or its opposite.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Sense {
    Plain,
    Negated,
}

impl Sense {
    pub(super) fn opposite(self) -> Self {
        match self {
            Self::Plain => Self::Negated,
            Self::Negated => Self::Plain,
        }
    }
}

impl Compiled {
    pub(super) fn constant(value: bool) -> Self {
        let condition = if value { Condition::True } else { Condition::False };
        Self { condition, exact: true, anchor: Anchor::None, driver: None }
    }

    pub(super) fn exact(sql: Sql) -> Self {
        Self { condition: Condition::Sql(sql), exact: true, anchor: Anchor::None, driver: None }
    }

    /// A condition on the row, and the same as a set.
    pub(super) fn with_set(sql: Sql, set: Sql, rank: Rank) -> Self {
        Self::driven(sql, Driver { set, rank, rest: None, anchor: Anchor::Set })
    }

    pub(super) fn driven(sql: Sql, driver: Driver) -> Self {
        Self { condition: Condition::Sql(sql), exact: true, anchor: driver.anchor, driver: Some(driver) }
    }

    pub(super) fn necessary(sql: Sql) -> Self {
        Self { condition: Condition::Sql(sql), exact: false, anchor: Anchor::None, driver: None }
    }

    /// Nothing can be said without the document.
    pub(super) fn unknown() -> Self {
        Self { condition: Condition::True, exact: false, anchor: Anchor::None, driver: None }
    }

    pub(super) fn inexact(self) -> Self {
        Self { exact: false, ..self }
    }

    pub(super) fn all(parts: Vec<Self>) -> Self {
        let mut exact = true;
        let mut kept = Vec::new();
        for part in parts {
            exact &= part.exact;
            match part.condition {
                Condition::False => return Self::constant(false),
                Condition::True => {}
                Condition::Sql(sql) => kept.push((sql, part.driver)),
            }
        }
        if kept.is_empty() {
            return Self { condition: Condition::True, exact, anchor: Anchor::None, driver: None };
        }
        let ranks = kept.iter().enumerate().filter_map(|(n, (_, driver))| Some((driver.as_ref()?.rank, n)));
        let best = ranks.min().map(|(_, n)| n);
        let mut driver = None;
        let mut rest = Vec::new();
        let mut conditions = Vec::new();
        for (n, (sql, own)) in kept.into_iter().enumerate() {
            match own {
                Some(own) if best == Some(n) => {
                    rest.extend(own.rest.clone());
                    driver = Some(own);
                }
                _ => rest.push(sql.clone()),
            }
            conditions.push(sql);
        }
        let driver = driver.map(|driver| {
            let rest = (!rest.is_empty()).then(|| Sql::joined(" AND ", rest));
            Driver { rest, ..driver }
        });
        let anchor = driver.as_ref().map_or(Anchor::None, |driver| driver.anchor);
        Self { condition: Condition::Sql(Sql::joined(" AND ", conditions)), exact, anchor, driver }
    }

    /// `whole` makes a set and what is said beside it one set.
    pub(super) fn any(parts: Vec<Self>, whole: &dyn Fn(Driver) -> Sql) -> Self {
        let mut exact = true;
        let mut unbounded = false;
        let mut kept = Vec::new();
        for part in parts {
            exact &= part.exact;
            match part.condition {
                Condition::True if part.exact => return Self::constant(true),
                Condition::True => unbounded = true,
                Condition::False => {}
                Condition::Sql(sql) => kept.push((sql, part.driver)),
            }
        }
        if unbounded {
            return Self::unknown();
        }
        if kept.is_empty() {
            return Self::constant(false);
        }
        if kept.len() == 1 {
            let (sql, driver) = kept.remove(0);
            let anchor = driver.as_ref().map_or(Anchor::None, |driver| driver.anchor);
            return Self { condition: Condition::Sql(sql), exact, anchor, driver };
        }
        let mut rank = Rank::Unique;
        let mut union = Some(Sql::empty());
        let mut conditions = Vec::new();
        for (n, (sql, driver)) in kept.into_iter().enumerate() {
            conditions.push(sql);
            union = match (union, driver) {
                (Some(union), Some(driver)) => {
                    rank = rank.max(driver.rank);
                    // A union of unions needs no brackets: UNION is associative.
                    Some(union.raw(if n > 0 { " UNION " } else { "" }).add(whole(driver)))
                }
                _ => None,
            };
        }
        let sql = Sql::joined(" OR ", conditions);
        match union {
            Some(set) => Self { exact, ..Self::with_set(sql, set, rank) },
            None => Self { condition: Condition::Sql(sql), exact, anchor: Anchor::None, driver: None },
        }
    }
}
