//! Many new resources in one go: on PostgreSQL one statement inserts their rows, what is indexed of
//! them, their counts and their journal entries, from arrays, so that one trip is all it takes; on
//! SQLite, which is no trip away, they are inserted one after another.

use headcount_model::{Event, Seq};
use headcount_store::{
    StoreError,
    events::JournalTxn,
    resources::{NewResource, ResourceTxn},
};

use crate::{connection::Dialect, txn::DieselTxn};

impl DieselTxn<'_> {
    pub(crate) fn insert_all(&mut self, new: &[(&NewResource, &Event)]) -> Result<Vec<Seq>, StoreError> {
        match self.dialect() {
            Dialect::Sqlite => self.insert_one_by_one(new),
            #[cfg(feature = "postgres")]
            Dialect::Postgres => self.insert_by_arrays(new),
            #[cfg(not(feature = "postgres"))]
            Dialect::Postgres => self.insert_one_by_one(new),
        }
    }

    fn insert_one_by_one(&mut self, new: &[(&NewResource, &Event)]) -> Result<Vec<Seq>, StoreError> {
        let mut seqs = Vec::with_capacity(new.len());
        for (resource, event) in new {
            seqs.push(self.insert_resource(resource)?);
            self.append(event)?;
        }
        Ok(seqs)
    }
}

#[cfg(feature = "postgres")]
mod postgres {
    use std::collections::BTreeMap;

    use diesel::{
        QueryResult, RunQueryDsl,
        pg::Pg,
        query_builder::{AstPass, Query, QueryFragment, QueryId},
        sql_types::{Array, BigInt, Nullable, Text},
    };
    use headcount_model::{Event, Seq};
    use headcount_store::{StoreError, index::cut, resources::NewResource};

    use crate::{
        connection::AnyConn,
        constraint::resource_error,
        grams,
        journal::{Entry, INSERT_PENDING},
        resources::{INSERT_COUNT, INSERT_ROW, MOVE_COUNT, counted, present, scope},
        sql::Cache,
        txn::DieselTxn,
        values::{INSERT_UNIQUE, INSERT_VALUES, NOTHING},
    };

    impl DieselTxn<'_> {
        pub(super) fn insert_by_arrays(&mut self, new: &[(&NewResource, &Event)]) -> Result<Vec<Seq>, StoreError> {
            self.journaled |= !new.is_empty();
            let mut seqs = Vec::with_capacity(new.len());
            for chunk in new.chunks(MOST_AT_ONCE) {
                let mut types = Vec::with_capacity(chunk.len());
                for (row, _) in chunk {
                    types.push(self.number(&row.resource_type)?);
                }
                let entries: Vec<Entry<'_>> = chunk.iter().map(|(_, event)| Entry::of(event)).collect();
                let mut parts = Vec::with_capacity(128);
                let rows: Vec<&NewResource> = chunk.iter().map(|(row, _)| *row).collect();
                self.add_rows(&mut parts, &rows, &types);
                self.add_values(&mut parts, &rows, &types)?;
                self.add_grams(&mut parts, &rows);
                self.add_counts(&mut parts, &rows, &types);
                self.add_entries(&mut parts, &entries);
                parts.push(Part::Raw(" SELECT UNNEST(s.seqs) FROM s"));
                let statement = InsertAll { parts, cache: self.link.cache_fixed() };
                let inserted = match &mut self.link.any {
                    AnyConn::Postgres(conn) => statement.load::<i64>(conn),
                    #[cfg(feature = "sqlite")]
                    AnyConn::Sqlite(_) => Ok(Vec::new()),
                };
                match inserted {
                    Ok(inserted) if inserted.len() == chunk.len() => seqs.extend(inserted.into_iter().map(Seq)),
                    Ok(_) => return Err(StoreError::Backend("not all of many rows were inserted".into())),
                    Err(error) => {
                        self.note(&error);
                        let resource_type = rows.first().map_or("", |row| &row.resource_type);
                        return Err(resource_error(error, resource_type));
                    }
                }
            }
            Ok(seqs)
        }

        /// The rows. `s` is their numbers in order: they are given in the order of the SELECT, and grow.
        fn add_rows<'v>(&self, parts: &mut Vec<Part<'v>>, rows: &[&'v NewResource], types: &[i64]) {
            let ints = |of: &dyn Fn(&NewResource) -> i64| Part::Ints(rows.iter().map(|row| of(row)).collect());
            let texts =
                |of: fn(&'v NewResource) -> Option<&'v str>| Part::MaybeTexts(rows.iter().map(|row| of(row)).collect());
            parts.extend([
                Part::Raw("WITH r AS ("),
                Part::Raw(INSERT_ROW),
                Part::Raw(" SELECT "),
                Part::Int(self.key()),
                Part::Raw(
                    ", x.conn, x.type, x.id, x.version, x.scope, x.key, x.external_id, x.display_key, x.family_key, \
                     x.given_key, x.present, x.adoptable, x.active, x.created, x.modified, x.doc FROM UNNEST(",
                ),
                ints(&|row| row.owner.0),
                Part::Raw(", "),
                Part::Ints(types.to_vec()),
                Part::Raw(", "),
                texts(|row| Some(row.id.as_str())),
                Part::Raw(", "),
                ints(&|row| row.version),
                Part::Raw(", "),
                ints(&|row| scope(row.index.scope, row.owner)),
                Part::Raw(", "),
                texts(|row| row.index.key.as_deref()),
                Part::Raw(", "),
                texts(|row| row.index.external_id.as_deref()),
                Part::Raw(", "),
                texts(|row| row.index.display_key.as_deref().map(cut)),
                Part::Raw(", "),
                texts(|row| row.index.family_key.as_deref().map(cut)),
                Part::Raw(", "),
                texts(|row| row.index.given_key.as_deref().map(cut)),
                Part::Raw(", "),
                ints(&|row| present(&row.index)),
                Part::Raw(", "),
                ints(&|row| row.adoptable.into()),
                Part::Raw(", "),
                Part::MaybeInts(rows.iter().map(|row| row.index.active.map(i64::from)).collect()),
                Part::Raw(", "),
                ints(&|row| row.created.micros()),
                Part::Raw(", "),
                ints(&|row| row.modified.micros()),
                Part::Raw(", "),
                texts(|row| Some(&row.document)),
                Part::Raw(
                    ") WITH ORDINALITY AS x (conn, type, id, version, scope, key, external_id, display_key, \
                     family_key, given_key, present, adoptable, active, created, modified, doc, n) ORDER BY x.n \
                     RETURNING seq), s AS (SELECT ARRAY_AGG(r.seq ORDER BY r.seq) AS seqs FROM r)",
                ),
            ]);
        }

        /// Value rows and unique values; each has the place of its resource in the list.
        fn add_values<'v>(
            &mut self,
            parts: &mut Vec<Part<'v>>,
            rows: &[&'v NewResource],
            types: &[i64],
        ) -> Result<(), StoreError> {
            let tenant = self.key();
            let (mut paths, mut folded, mut places) = (Vec::new(), Vec::new(), Vec::new());
            let (mut elements, mut element_types, mut primary) = (Vec::new(), Vec::new(), Vec::new());
            let mut unique: [Vec<i64>; 4] = Default::default();
            let mut keys = Vec::new();
            for ((place, row), type_number) in (1_i64..).zip(rows).zip(types) {
                for value in &row.index.values {
                    paths.push(self.number(&value.path)?);
                    folded.push(cut(&value.folded));
                    places.push(place);
                    elements.push(i64::from(value.element));
                    element_types.push(value.element_type.as_deref().map(cut));
                    primary.push(i64::from(value.primary));
                }
                for value in &row.index.unique {
                    let path = self.number(&value.path)?;
                    for (column, value) in
                        unique.iter_mut().zip([scope(value.scope, row.owner), *type_number, path, place])
                    {
                        column.push(value);
                    }
                    keys.push(&*value.key);
                }
            }
            let [scopes, types, unique_paths, unique_places] = unique;
            parts.extend([
                Part::Raw(", v AS ("),
                Part::Raw(INSERT_VALUES),
                Part::Raw(" SELECT "),
                Part::Int(tenant),
                Part::Raw(", x.path, x.folded, (SELECT s.seqs FROM s)[CAST(x.n AS INTEGER)], x.element, x.etype, x.is_primary FROM UNNEST("),
                Part::Ints(paths),
                Part::Raw(", "),
                Part::Texts(folded),
                Part::Raw(", "),
                Part::Ints(places),
                Part::Raw(", "),
                Part::Ints(elements),
                Part::Raw(", "),
                Part::MaybeTexts(element_types),
                Part::Raw(", "),
                Part::Ints(primary),
                Part::Raw(") AS x (path, folded, n, element, etype, is_primary)"),
                Part::Raw(NOTHING),
                Part::Raw("), u AS ("),
                Part::Raw(INSERT_UNIQUE),
                Part::Raw(" SELECT "),
                Part::Int(tenant),
                Part::Raw(", x.scope, x.type, x.path, x.key, (SELECT s.seqs FROM s)[CAST(x.n AS INTEGER)] FROM UNNEST("),
                Part::Ints(scopes),
                Part::Raw(", "),
                Part::Ints(types),
                Part::Raw(", "),
                Part::Ints(unique_paths),
                Part::Raw(", "),
                Part::Texts(keys),
                Part::Raw(", "),
                Part::Ints(unique_places),
                Part::Raw(") AS x (scope, type, path, key, n))"),
            ]);
            Ok(())
        }

        fn add_grams(&self, parts: &mut Vec<Part<'_>>, rows: &[&NewResource]) {
            parts.extend([
                Part::Raw(", t AS (INSERT INTO search_grams (tenant_id, resource, grams) SELECT "),
                Part::Int(self.key()),
                Part::Raw(", (SELECT s.seqs FROM s)[CAST(x.n AS INTEGER)], CAST(x.grams AS INTEGER[]) FROM UNNEST("),
                Part::Owned(rows.iter().map(|row| grams::array_of_form(self.key(), &row.index)).collect()),
                Part::Raw(") WITH ORDINALITY AS x (grams, n)"),
                Part::Raw(grams::OVERWRITE),
                Part::Raw(")"),
            ]);
        }

        fn add_counts(&self, parts: &mut Vec<Part<'_>>, rows: &[&NewResource], types: &[i64]) {
            let mut counts: BTreeMap<(i64, i64), i64> = BTreeMap::new();
            for (row, type_number) in rows.iter().zip(types) {
                for conn in counted(row.owner, row.adoptable) {
                    let count = counts.entry((conn, *type_number)).or_default();
                    *count = count.saturating_add(1);
                }
            }
            parts.extend([
                Part::Raw(", c AS ("),
                Part::Raw(INSERT_COUNT),
                Part::Raw(" SELECT "),
                Part::Int(self.key()),
                Part::Raw(", x.conn, x.type, "),
                Part::Int(self.link.slot),
                Part::Raw(", x.n FROM UNNEST("),
                Part::Ints(counts.keys().map(|(conn, _)| *conn).collect()),
                Part::Raw(", "),
                Part::Ints(counts.keys().map(|(_, type_number)| *type_number).collect()),
                Part::Raw(", "),
                Part::Ints(counts.into_values().collect()),
                Part::Raw(") AS x (conn, type, n)"),
                Part::Raw(MOVE_COUNT),
                Part::Raw(")"),
            ]);
        }

        /// Journal entries. Their own numbers are drawn after the rows are there, and in order.
        fn add_entries<'v>(&self, parts: &mut Vec<Part<'v>>, entries: &[Entry<'v>]) {
            let texts = |of: &dyn Fn(&Entry<'v>) -> Option<String>| Part::MaybeOwned(entries.iter().map(of).collect());
            parts.extend([
                Part::Raw(", j AS ("),
                Part::Raw(INSERT_PENDING),
                Part::Raw(" SELECT "),
                Part::Int(self.key()),
                Part::Raw(
                    ", x.at, x.kind, x.actor, x.resource, x.paths, x.tx, x.detail, x.version FROM s CROSS JOIN UNNEST(",
                ),
                Part::Ints(entries.iter().map(|entry| entry.event.at.micros()).collect()),
                Part::Raw(", "),
                Part::Texts(entries.iter().map(|entry| entry.event.kind.as_str()).collect()),
                Part::Raw(", "),
                texts(&|entry| Some(entry.actor.clone())),
                Part::Raw(", "),
                texts(&|entry| entry.resource.clone()),
                Part::Raw(", "),
                texts(&|entry| Some(entry.paths.clone())),
                Part::Raw(", "),
                Part::Texts(entries.iter().map(|entry| entry.event.transaction.as_str()).collect()),
                Part::Raw(", "),
                Part::MaybeTexts(entries.iter().map(|entry| entry.event.detail.as_deref()).collect()),
                Part::Raw(", "),
                Part::Ints(entries.iter().map(|entry| entry.event.version).collect()),
                Part::Raw(
                    ") WITH ORDINALITY AS x (at, kind, actor, resource, paths, tx, detail, version, n) ORDER BY x.n)",
                ),
            ]);
        }
    }

    /// Most rows of one statement, so that it stays within the time that a statement has.
    const MOST_AT_ONCE: usize = 500;

    /// A statement of texts and arrays.
    ///
    /// INVARIANT: its text never changes, so that it is found among the prepared ones by its type.
    struct InsertAll<'v> {
        parts: Vec<Part<'v>>,
        cache: Cache,
    }

    enum Part<'v> {
        Raw(&'static str),
        Int(i64),
        Ints(Vec<i64>),
        MaybeInts(Vec<Option<i64>>),
        Texts(Vec<&'v str>),
        MaybeTexts(Vec<Option<&'v str>>),
        Owned(Vec<String>),
        MaybeOwned(Vec<Option<String>>),
    }

    struct Key;

    impl QueryId for InsertAll<'_> {
        type QueryId = Key;
    }

    impl Query for InsertAll<'_> {
        type SqlType = BigInt;
    }

    impl<Conn> RunQueryDsl<Conn> for InsertAll<'_> {}

    impl QueryFragment<Pg> for InsertAll<'_> {
        fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
            if self.cache == Cache::Passed {
                out.unsafe_to_cache_prepared();
            }
            for part in &self.parts {
                match part {
                    Part::Raw(text) => out.push_sql(text),
                    Part::Int(value) => out.push_bind_param::<BigInt, i64>(value)?,
                    Part::Ints(values) => out.push_bind_param::<Array<BigInt>, _>(values)?,
                    Part::MaybeInts(values) => out.push_bind_param::<Array<Nullable<BigInt>>, _>(values)?,
                    Part::Texts(values) => out.push_bind_param::<Array<Text>, _>(values)?,
                    Part::MaybeTexts(values) => out.push_bind_param::<Array<Nullable<Text>>, _>(values)?,
                    Part::Owned(values) => out.push_bind_param::<Array<Text>, _>(values)?,
                    Part::MaybeOwned(values) => out.push_bind_param::<Array<Nullable<Text>>, _>(values)?,
                }
            }
            Ok(())
        }
    }
}
