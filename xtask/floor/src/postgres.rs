//! The floor on PostgreSQL: one statement a read, one transaction a change.

use std::num::NonZeroU32;

use anyhow::{Context as _, Result};
use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use r2d2::{ManageConnection, Pool};

use crate::answer::{GroupText, found, list};
use crate::schema::{TENANT, emails, grps, members, tables, users};
use crate::sqlite::with_active;
use crate::work::{Change, Outcome, Person, Read};

/// The most members of one statement; PostgreSQL numbers parameters up to 65,535.
const MOST_MEMBERS: usize = 5_000;

/// A database of PostgreSQL.
#[derive(Clone)]
pub(crate) struct Postgres {
    pool: Pool<Manager>,
}

struct Manager {
    url: String,
}

impl ManageConnection for Manager {
    type Connection = PgConnection;
    type Error = ConnectionError;

    fn connect(&self) -> Result<PgConnection, ConnectionError> {
        PgConnection::establish(&self.url)
    }

    fn is_valid(&self, _: &mut PgConnection) -> Result<(), ConnectionError> {
        Ok(())
    }

    fn has_broken(&self, _: &mut PgConnection) -> bool {
        false
    }
}

impl Postgres {
    pub(crate) fn open(url: &str, pool: NonZeroU32) -> Result<Self> {
        let manager = Manager { url: url.to_owned() };
        let mut connection = manager.connect().context("cannot reach PostgreSQL")?;
        connection.batch_execute("SET client_min_messages = warning")?;
        connection.batch_execute(&tables("BIGSERIAL PRIMARY KEY", ""))?;
        Ok(Self { pool: Pool::builder().max_size(pool.get()).test_on_check_out(false).build(manager)? })
    }

    /// Makes a change durable.
    pub(crate) fn change(&self, change: &Change) -> Result<Outcome> {
        let mut connection = self.pool.get()?;
        Ok(connection.transaction(|connection| apply(connection, change))?)
    }

    /// Reads.
    pub(crate) fn read(&self, read: &Read) -> Result<Outcome> {
        let connection = &mut *self.pool.get()?;
        let users = users::table.filter(users::tenant.eq(TENANT));
        let outcome = match read {
            Read::User(id) => {
                let user = users.filter(users::id.eq(id)).select(users::json);
                Outcome::found(user.first(connection).optional()?)
            }
            Read::UserName(name) => {
                let named = users.filter(users::user_name.eq(name)).select(users::json);
                Outcome::Json(found(named.load(connection)?))
            }
            Read::Email(email) => {
                let joined = users::table.inner_join(emails::table.on(emails::user_pk.eq(users::pk)));
                let having = joined.filter(emails::tenant.eq(TENANT).and(emails::value.eq(email)));
                Outcome::Json(found(having.select(users::json).load(connection)?))
            }
            Read::UserNameOrExternalId(name, external_id) => {
                let either = users.filter(users::user_name.eq(name).or(users::external_id.eq(external_id)));
                Outcome::Json(found(either.select(users::json).load(connection)?))
            }
            Read::FamilyName(part) => {
                let like = users.filter(users::family_name.like(format!("%{part}%")));
                Outcome::Json(found(like.select(users::json).load(connection)?))
            }
            Read::Page { start, count } => {
                let total: i64 = users.count().get_result(connection)?;
                let page = users.order(users::pk).limit(*count).offset(start.saturating_sub(1));
                let resources: Vec<String> = page.select(users::json).load(connection)?;
                Outcome::Json(list(&resources, total, *start))
            }
            Read::Group(id) => match group_by_id(connection, id)? {
                None => Outcome::Absent,
                Some((group, json)) => {
                    let ids = members::table.filter(members::group_pk.eq(group)).select(members::user_id);
                    let mut text = GroupText::new(&json);
                    ids.load::<String>(connection)?.iter().for_each(|id| text.member(id));
                    Outcome::Json(text.finish())
                }
            },
            Read::GroupAlone(id) => Outcome::found(group_by_id(connection, id)?.map(|(_, json)| json)),
        };
        Ok(outcome)
    }
}

fn group_by_id(connection: &mut PgConnection, id: &str) -> QueryResult<Option<(i64, String)>> {
    let group = grps::table.filter(grps::tenant.eq(TENANT).and(grps::id.eq(id)));
    group.select((grps::pk, grps::json)).first(connection).optional()
}

fn apply(connection: &mut PgConnection, change: &Change) -> Result<Outcome, diesel::result::Error> {
    match change {
        Change::Insert(Person { id, user_name, external_id, family_name, emails, json }) => {
            let user: i64 = diesel::insert_into(users::table)
                .values((
                    users::tenant.eq(TENANT),
                    users::id.eq(id),
                    users::user_name.eq(user_name),
                    users::external_id.eq(external_id),
                    users::family_name.eq(family_name),
                    users::active.eq(true),
                    users::json.eq(json),
                ))
                .returning(users::pk)
                .get_result(connection)?;
            for email in emails {
                let row = (emails::tenant.eq(TENANT), emails::value.eq(email), emails::user_pk.eq(user));
                diesel::insert_into(emails::table).values(row).execute(connection)?;
            }
            Ok(Outcome::Json(json.clone()))
        }
        Change::Replace(Person { id, user_name, external_id, family_name, json, .. }) => {
            let user = users::table.filter(users::tenant.eq(TENANT).and(users::id.eq(id)));
            let values = (
                users::user_name.eq(user_name),
                users::external_id.eq(external_id),
                users::family_name.eq(family_name),
                users::json.eq(json),
            );
            let replaced = diesel::update(user).set(values).execute(connection)?;
            Ok(if replaced > 0 { Outcome::Json(json.clone()) } else { Outcome::Absent })
        }
        Change::Activate { id, active } => {
            let user = users::table.filter(users::tenant.eq(TENANT).and(users::id.eq(id)));
            let json: Option<String> = user.select(users::json).for_update().first(connection).optional()?;
            let Some(json) = json else { return Ok(Outcome::Absent) };
            let json = with_active(&json, *active)
                .map_err(|error| diesel::result::Error::DeserializationError(error.into()))?;
            diesel::update(user).set((users::active.eq(active), users::json.eq(&json))).execute(connection)?;
            Ok(Outcome::Json(json))
        }
        Change::InsertGroup { id, json, members } => {
            let values = (grps::tenant.eq(TENANT), grps::id.eq(id), grps::json.eq(json));
            let group: i64 =
                diesel::insert_into(grps::table).values(values).returning(grps::pk).get_result(connection)?;
            add_members(connection, group, members)?;
            Ok(Outcome::Json(json.clone()))
        }
        Change::Members { group, add, remove } => {
            let known = grps::table.filter(grps::tenant.eq(TENANT).and(grps::id.eq(group))).select(grps::pk);
            let Some(group) = known.first(connection).optional()? else { return Ok(Outcome::Absent) };
            add_members(connection, group, add)?;
            for member in remove {
                let row = members::table.filter(members::group_pk.eq(group).and(members::user_id.eq(member)));
                diesel::delete(row).execute(connection)?;
            }
            Ok(Outcome::Done)
        }
        Change::Many(changes) => {
            for change in changes {
                apply(connection, change)?;
            }
            Ok(Outcome::Done)
        }
    }
}

fn add_members(connection: &mut PgConnection, group: i64, ids: &[String]) -> QueryResult<()> {
    // One row is a statement of its own, which diesel keeps prepared; a list has another text for every length.
    if let [id] = ids {
        let row = (members::group_pk.eq(group), members::user_id.eq(id));
        diesel::insert_into(members::table).values(row).on_conflict_do_nothing().execute(connection)?;
        return Ok(());
    }
    for ids in ids.chunks(MOST_MEMBERS) {
        let rows: Vec<_> = ids.iter().map(|id| (members::group_pk.eq(group), members::user_id.eq(id))).collect();
        diesel::insert_into(members::table).values(rows).on_conflict_do_nothing().execute(connection)?;
    }
    Ok(())
}
