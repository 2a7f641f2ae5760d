//! Which resources have texts with given characters in a row, for `co` and `ew`.
//!
//! A gram is the fingerprint of a tenant and three characters of an indexed text. A text that
//! contains another has all its grams; whether it does contain it is checked on the row, so that
//! grams may say too much and never too little.
//!
//! On SQLite they stand in `grams`, an FTS5 table, and triggers note in `unindexed` what it does not
//! know yet: whoever searches reads both, and the writer takes over many at once. On PostgreSQL they
//! stand in `search_grams`, written with the row.

use std::collections::{BTreeMap, BTreeSet};

use diesel::{
    QueryResult,
    sql_types::{BigInt, Nullable, Text},
};
use headcount_store::index::{IndexForm, cut};

use crate::{
    connection::{Dialect, Link},
    sql::Sql,
};

/// The value rows whose texts have grams beside those of the columns.
pub(crate) const VALUES: &str = "emails.value";

/// Grams that every text has which contains this one; `None` if it is too short to have any. A few
/// from all over it say nearly as much as all of them, and each costs a walk through its resources.
pub(crate) fn wanted(tenant: i64, text: &str) -> Option<BTreeSet<u32>> {
    let characters: Vec<char> = text.chars().collect();
    let windows: Vec<&[char]> = characters.windows(3).collect();
    let last = windows.len().checked_sub(1)?;
    let steps = match last {
        0..=6 => 1,
        7..=12 => 2,
        _ => 3,
    };
    let mut grams = BTreeSet::new();
    for step in 0..=steps {
        if let Some([first, second, third]) = windows.get(last.saturating_mul(step).div_euclid(steps)) {
            grams.insert(gram(tenant, [*first, *second, *third]));
        }
    }
    Some(grams)
}

/// A SELECT of the resources that may have a text with these grams, and perhaps of others.
pub(crate) fn candidates(dialect: Dialect, tenant: i64, wanted: &BTreeSet<u32>) -> Sql {
    match dialect {
        Dialect::Sqlite => Sql::new("SELECT rowid FROM grams WHERE grams MATCH ")
            .text(tokens(wanted))
            .raw(" UNION ALL SELECT resource FROM unindexed WHERE tenant_id = ")
            .int(tenant),
        Dialect::Postgres => Sql::new("SELECT with_grams(CAST(").text(array(wanted)).raw(" AS INTEGER[]))"),
    }
}

/// On PostgreSQL, a part of a statement that writes the grams of the resource that its part `r`
/// returns, over those it may have.
pub(crate) fn grams_of_part(tenant: i64, index: &IndexForm) -> Sql {
    Sql::new(", t AS (INSERT INTO search_grams (tenant_id, resource, grams) SELECT ")
        .int(tenant)
        .raw(", r.seq, CAST(")
        .text(array_of_form(tenant, index))
        .raw(" AS INTEGER[]) FROM r")
        .raw(OVERWRITE)
        .raw(")")
}

/// Grams of a resource, as the text of an array.
pub(crate) fn array_of_form(tenant: i64, index: &IndexForm) -> String {
    array(&of_form(tenant, index))
}

/// On PostgreSQL, writes the grams of a resource, over those it may have.
pub(crate) fn put_grams(tenant: i64, seq: i64, index: &IndexForm) -> Sql {
    put(tenant, seq, &of_form(tenant, index))
}

/// On PostgreSQL, deletes the grams of a resource.
pub(crate) fn delete_grams(tenant: i64, seq: i64) -> Sql {
    Sql::new("DELETE FROM search_grams WHERE tenant_id = ").int(tenant).raw(" AND resource = ").int(seq)
}

/// Whether the two forms have other grams.
pub(crate) fn differ(old: &IndexForm, new: &IndexForm) -> bool {
    texts(old).ne(texts(new))
}

fn put(tenant: i64, seq: i64, grams: &BTreeSet<u32>) -> Sql {
    Sql::new("INSERT INTO search_grams (tenant_id, resource, grams) VALUES (")
        .ints([tenant, seq])
        .raw(", CAST(")
        .text(array(grams))
        .raw(" AS INTEGER[]))")
        .raw(OVERWRITE)
}

fn of_form(tenant: i64, index: &IndexForm) -> BTreeSet<u32> {
    let mut grams = BTreeSet::new();
    for text in texts(index) {
        add_grams(&mut grams, tenant, text);
    }
    grams
}

/// The texts as they stand in columns and value rows.
fn texts(index: &IndexForm) -> impl Iterator<Item = &str> {
    let columns = [&index.display_key, &index.family_key, &index.given_key];
    let values = index.values.iter().filter(|row| row.path == VALUES).map(|row| row.folded.as_str());
    index.key.as_deref().into_iter().chain(columns.into_iter().flatten().map(String::as_str).chain(values).map(cut))
}

fn add_grams(grams: &mut BTreeSet<u32>, tenant: i64, text: &str) {
    let (mut first, mut second) = (None, None);
    for third in text.chars() {
        if let (Some(first), Some(second)) = (first, second) {
            grams.insert(gram(tenant, [first, second, third]));
        }
        (first, second) = (second, Some(third));
    }
}

/// The fingerprint of three characters in a tenant. It stands in databases: another one needs a
/// migration that fills them anew.
fn gram(tenant: i64, characters: [char; 3]) -> u32 {
    let words = [tenant.cast_unsigned()].into_iter().chain(characters.map(|character| u64::from(u32::from(character))));
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for word in words {
        // As in splitmix64: each word is stirred until all its bits have moved all others.
        state = (state ^ word).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        state = (state ^ (state >> 29)).wrapping_mul(0x94d0_49bb_1331_11eb);
        state ^= state >> 32;
    }
    u32::try_from(state & u64::from(u32::MAX)).unwrap_or_default()
}

/// Grams as the tokens of a text, which FTS5 takes for a search of them all, too.
fn tokens(grams: &BTreeSet<u32>) -> String {
    let mut text = String::with_capacity(grams.len().saturating_mul(9));
    for gram in grams {
        for shift in (0..8_u32).rev() {
            let digit = gram >> shift.saturating_mul(4) & 0xf;
            text.push(char::from_digit(digit, 16).unwrap_or('0'));
        }
        text.push(' ');
    }
    text
}

/// Grams as the text of an array.
fn array(grams: &BTreeSet<u32>) -> String {
    let mut text = String::with_capacity(grams.len().saturating_mul(12).saturating_add(2));
    text.push('{');
    for (n, gram) in grams.iter().enumerate() {
        if n > 0 {
            text.push(',');
        }
        text.push_str(&gram.cast_signed().to_string());
    }
    text.push('}');
    text
}

type TextsSql = (BigInt, BigInt, Nullable<Text>, Nullable<Text>, Nullable<Text>, Nullable<Text>, Nullable<BigInt>);
type TextsRow = (i64, i64, Option<String>, Option<String>, Option<String>, Option<String>, Option<i64>);

impl Link {
    /// On SQLite, inside a transaction that ends a round after which so many resources are new: takes
    /// over into `grams` what it does not know yet, if that is enough to be worth it. What waits never
    /// grows, since more than the new is taken over.
    pub(crate) fn index_texts(&mut self, fresh: i64) -> QueryResult<()> {
        if self.texts_waiting(WORTH_IT)? < WORTH_IT {
            return Ok(());
        }
        for _ in 0..MOST_CHUNKS.max(fresh.saturating_mul(2).div_euclid(CHUNK)) {
            if self.index_some_texts()? < CHUNK {
                break;
            }
        }
        Ok(())
    }

    /// How many resources wait to be taken over, counted up to a limit.
    pub(crate) fn texts_waiting(&mut self, limit: i64) -> QueryResult<i64> {
        let waiting = Sql::new("SELECT COUNT(*) FROM (SELECT 1 FROM unindexed WHERE tenant_id > 0 LIMIT 0 + ");
        Ok(self.one::<BigInt, i64>(&waiting.int(limit).raw(")"))?.unwrap_or(0))
    }

    /// Takes over some; returns how many.
    pub(crate) fn index_some_texts(&mut self) -> QueryResult<i64> {
        let some = Sql::new(
            "(SELECT tenant_id, resource FROM unindexed WHERE tenant_id > 0 ORDER BY tenant_id, resource LIMIT 0 + ",
        )
        .int(CHUNK)
        .raw(")");
        let rows =
            Sql::new("SELECT u.tenant_id, u.resource, r.key, r.display_key, r.family_key, r.given_key, r.seq FROM ")
                .add(some.clone())
                .raw(" u LEFT JOIN resources r ON r.seq = u.resource AND +r.tenant_id = u.tenant_id ORDER BY 1, 2");
        let rows = self.load::<TextsSql, TextsRow>(&rows)?;
        let values = Sql::new("SELECT u.resource, v.folded FROM ")
            .add(some)
            .raw(
                " u CROSS JOIN vals v INDEXED BY v_resource ON v.tenant_id = u.tenant_id AND v.resource = u.resource \
                 AND v.path = (SELECT number FROM names WHERE name = ",
            )
            .text(VALUES)
            .raw(")");
        let mut values_of: BTreeMap<i64, Vec<String>> = BTreeMap::new();
        for (resource, value) in self.load::<(BigInt, Text), (i64, String)>(&values)? {
            values_of.entry(resource).or_default().push(value);
        }
        let Some((last_tenant, last, ..)) = rows.last() else { return Ok(0) };
        let (last_tenant, last) = (*last_tenant, *last);
        let taken = i64::try_from(rows.len()).unwrap_or(i64::MAX);
        let done = || Sql::empty().raw("(tenant_id, resource) <= (").ints([last_tenant, last]).raw(")");
        let sql =
            Sql::new("DELETE FROM grams WHERE rowid IN (SELECT resource FROM unindexed WHERE ").add(done()).raw(")");
        self.run(&sql)?;
        for (tenant, resource, key, display, family, given, is_there) in rows {
            if is_there.is_none() {
                continue;
            }
            let mut grams = BTreeSet::new();
            let values = values_of.remove(&resource).unwrap_or_default();
            for text in [key, display, family, given].into_iter().flatten().chain(values) {
                add_grams(&mut grams, tenant, &text);
            }
            if !grams.is_empty() {
                let sql = Sql::new("INSERT INTO grams (rowid, tokens) VALUES (").int(resource).raw(", ");
                self.run(&sql.text(tokens(&grams)).raw(")"))?;
            }
        }
        self.run(&Sql::new("DELETE FROM unindexed WHERE ").add(done()))?;
        Ok(taken)
    }

    /// Writes the grams of a database that was made before there were any, in small transactions.
    pub(crate) fn fill_grams(&mut self) -> QueryResult<()> {
        match self.dialect() {
            Dialect::Sqlite => loop {
                self.batch("BEGIN IMMEDIATE")?;
                let taken = self.index_some_texts();
                self.batch(if taken.is_ok() { "COMMIT" } else { "ROLLBACK" })?;
                if taken? < CHUNK {
                    return Ok(());
                }
            },
            Dialect::Postgres => {
                let filled = Sql::new("SELECT value FROM settings WHERE name = ").text(FILLED);
                if self.one::<Text, String>(&filled)?.is_some() {
                    return Ok(());
                }
                let tenants = Sql::new("SELECT DISTINCT tenant_id FROM host_index ORDER BY 1");
                for tenant in self.load::<BigInt, i64>(&tenants)? {
                    let mut after = 0;
                    while let Some(last) = self.fill_grams_of(tenant, after)? {
                        after = last;
                    }
                }
                let filled = Sql::new("INSERT INTO settings (name, value) VALUES (").texts([FILLED, "1"]);
                self.run(&filled.raw(") ON CONFLICT DO NOTHING")).map(|_| ())
            }
        }
    }

    /// On PostgreSQL, writes the grams of a tenant's next resources behind a number; returns the last.
    fn fill_grams_of(&mut self, tenant: i64, after: i64) -> QueryResult<Option<i64>> {
        self.batch(&format!("BEGIN; SELECT set_config('app.tenant', '{tenant}', true)"))?;
        let filled = self.fill_some_grams(tenant, after);
        self.batch(if filled.is_ok() { "COMMIT" } else { "ROLLBACK" })?;
        filled
    }

    fn fill_some_grams(&mut self, tenant: i64, after: i64) -> QueryResult<Option<i64>> {
        let rows = Sql::new(
            "SELECT r.tenant_id, r.seq, r.key, r.display_key, r.family_key, r.given_key, r.seq FROM resources r \
             WHERE r.tenant_id = ",
        )
        .int(tenant)
        .raw(" AND r.seq > ")
        .int(after)
        .raw(" ORDER BY r.seq LIMIT 0 + ")
        .int(CHUNK)
        // A server of this version may write beside it.
        .raw(" FOR SHARE");
        let rows = self.load::<TextsSql, TextsRow>(&rows)?;
        let mut last = None;
        for (_, seq, key, display, family, given, _) in rows {
            let mut grams = BTreeSet::new();
            let values = Sql::new("SELECT v.folded FROM vals v WHERE v.tenant_id = ")
                .int(tenant)
                .raw(" AND v.resource = ")
                .int(seq)
                .raw(" AND v.path = (SELECT number FROM names WHERE name = ")
                .text(VALUES)
                .raw(")");
            let values = self.load::<Text, String>(&values)?;
            for text in [key, display, family, given].into_iter().flatten().chain(values) {
                add_grams(&mut grams, tenant, &text);
            }
            self.run(&put(tenant, seq, &grams))?;
            last = Some(seq);
        }
        Ok(last)
    }
}

/// How many resources must wait before they are taken over.
pub(crate) const WORTH_IT: i64 = 64;
/// How many are taken over with one statement for each step.
pub(crate) const CHUNK: i64 = 256;
/// How often in a row that is done before other writers have their turn, if few resources are new.
const MOST_CHUNKS: i64 = 16;
/// The setting that tells that the grams of all resources are there.
const FILLED: &str = "grams";
pub(crate) const OVERWRITE: &str = " ON CONFLICT (tenant_id, resource) DO UPDATE SET grams = excluded.grams";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_has_all_grams_of_what_it_contains_and_of_other_tenants_none() {
        let of = |tenant, text: &str| {
            let mut grams = BTreeSet::new();
            add_grams(&mut grams, tenant, text);
            grams
        };
        let text = of(7, "ren\u{e9} o'neil-\u{1f600}\u{1f600}x");
        for part in ["ren\u{e9}", "o'n", "\u{1f600}\u{1f600}x", "-\u{1f600}\u{1f600}"] {
            assert!(wanted(7, part).unwrap().is_subset(&text), "{part}");
            assert!(wanted(8, part).unwrap().is_disjoint(&text), "{part}");
        }
        for short in ["", "a", "ab", "\u{1f600}\u{1f600}"] {
            assert_eq!(wanted(7, short), None, "{short}");
        }
        let long: String = ('a'..='z').chain('0'..='9').collect();
        let some = wanted(7, &long).unwrap();
        assert!(some.len() == 4 && some.is_subset(&of(7, &long)));
        let ends = BTreeSet::from([gram(7, ['a', 'r', 'c']), gram(7, ['a', '0', '7'])]);
        assert_eq!(wanted(7, "arcia07").unwrap(), ends);
        assert_eq!(wanted(7, "abc").unwrap(), BTreeSet::from([gram(7, ['a', 'b', 'c'])]));
    }

    #[test]
    fn fingerprints_stay_as_databases_hold_them() {
        assert_eq!(tokens(&BTreeSet::from([0x0a, 0xffff_ffff])), "0000000a ffffffff ");
        assert_eq!(array(&BTreeSet::from([0x0a, 0xffff_ffff])), "{10,-1}");
        assert_eq!([gram(1, ['a', 'b', 'c']), gram(2, ['a', 'b', 'c'])], [2_403_769_983, 3_895_758_530]);
    }
}
