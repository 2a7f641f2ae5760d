//! The floor on SQLite: readers from a pool, and one thread that commits whatever waits together.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver, Sender};

use anyhow::{Context as _, Result, anyhow};
use r2d2::{ManageConnection, Pool};
use rusqlite::{Connection, OptionalExtension as _, ToSql, Transaction, TransactionBehavior, params};
use serde_json::Value;
use tokio::sync::oneshot;

use crate::answer::{GroupText, found, list};
use crate::schema::{TENANT, tables};
use crate::work::{Change, Outcome, Person, Read};

/// Settings of every connection. Writes are durable when they are acknowledged, as Headcount's are.
const SETTINGS: &str = "PRAGMA busy_timeout=10000; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; \
     PRAGMA mmap_size=1073741824; PRAGMA cache_size=-16000; PRAGMA wal_autocheckpoint=4000; PRAGMA temp_store=MEMORY;";

/// The most changes that are committed together.
const MOST_TOGETHER: usize = 256;

/// Statements that a connection keeps prepared.
const KEPT_STATEMENTS: usize = 64;

/// A database of SQLite.
pub(crate) struct Sqlite {
    readers: Readers,
    writer: Sender<Waiting>,
}

/// A change and who waits for it.
struct Waiting {
    change: Change,
    told: oneshot::Sender<Result<Outcome>>,
}

impl Sqlite {
    pub(crate) fn open(file: &str, pool: NonZeroU32) -> Result<Self> {
        let manager = Manager { file: PathBuf::from(file) };
        let writer = manager.connect().with_context(|| format!("cannot open {file}"))?;
        writer.execute_batch(&tables("INTEGER PRIMARY KEY", "WITHOUT ROWID"))?;
        writer.execute_batch(
            "CREATE TABLE IF NOT EXISTS counts(tenant BIGINT PRIMARY KEY, n BIGINT NOT NULL); \
             INSERT OR IGNORE INTO counts SELECT 1, (SELECT count(*) FROM users WHERE tenant = 1);",
        )?;
        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || write(writer, &receiver));
        let pool = Pool::builder().max_size(pool.get()).test_on_check_out(false).build(manager)?;
        Ok(Self { readers: Readers { pool }, writer: sender })
    }

    pub(crate) fn readers(&self) -> Readers {
        self.readers.clone()
    }

    /// Makes a change durable.
    pub(crate) async fn change(&self, change: Change) -> Result<Outcome> {
        let (told, outcome) = oneshot::channel();
        self.writer.send(Waiting { change, told }).map_err(|_refused| anyhow!("the writer has ended"))?;
        outcome.await.context("the writer has ended")?
    }
}

/// The connections that read.
#[derive(Clone)]
pub(crate) struct Readers {
    pool: Pool<Manager>,
}

struct Manager {
    file: PathBuf,
}

impl ManageConnection for Manager {
    type Connection = Connection;
    type Error = rusqlite::Error;

    fn connect(&self) -> Result<Connection, rusqlite::Error> {
        let connection = Connection::open(&self.file)?;
        connection.set_prepared_statement_cache_capacity(KEPT_STATEMENTS);
        connection.execute_batch(SETTINGS)?;
        Ok(connection)
    }

    fn is_valid(&self, _: &mut Connection) -> Result<(), rusqlite::Error> {
        Ok(())
    }

    fn has_broken(&self, _: &mut Connection) -> bool {
        false
    }
}

/// Commits what waits, all of it in one transaction, each change under a savepoint of its own.
fn write(mut connection: Connection, waiting: &Receiver<Waiting>) {
    while let Ok(first) = waiting.recv() {
        let together = std::iter::once(first).chain(waiting.try_iter().take(MOST_TOGETHER.saturating_sub(1)));
        let together: Vec<Waiting> = together.collect();
        let (changes, told): (Vec<_>, Vec<_>) =
            together.into_iter().map(|Waiting { change, told }| (change, told)).unzip();
        match commit(&mut connection, &changes) {
            // Whoever went away does not want to know.
            Ok(outcomes) => told.into_iter().zip(outcomes).for_each(|(told, outcome)| drop(told.send(outcome))),
            Err(error) => told.into_iter().for_each(|told| drop(told.send(Err(anyhow!("{error:#}"))))),
        }
    }
}

fn commit(connection: &mut Connection, changes: &[Change]) -> Result<Vec<Result<Outcome>>> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut outcomes = Vec::with_capacity(changes.len());
    for change in changes {
        transaction.execute_batch("SAVEPOINT one")?;
        let outcome = apply(&transaction, change);
        transaction.execute_batch(if outcome.is_ok() { "RELEASE one" } else { "ROLLBACK TO one; RELEASE one" })?;
        outcomes.push(outcome);
    }
    transaction.commit()?;
    Ok(outcomes)
}

fn apply(transaction: &Transaction<'_>, change: &Change) -> Result<Outcome> {
    let run = |sql: &str, values: &[&dyn ToSql]| transaction.prepare_cached(sql)?.execute(values);
    let number = |sql: &str, values: &[&dyn ToSql]| -> rusqlite::Result<Option<i64>> {
        transaction.prepare_cached(sql)?.query_row(values, |row| row.get(0)).optional()
    };
    match change {
        Change::Insert(Person { id, user_name, external_id, family_name, emails, json }) => {
            run("UPDATE counts SET n = n + 1 WHERE tenant = 1", &[])?;
            run(
                "INSERT INTO users(tenant, id, user_name, external_id, family_name, active, json) \
                 VALUES (1, ?, ?, ?, ?, 1, ?)",
                params![id, user_name, external_id, family_name, json],
            )?;
            let user = transaction.last_insert_rowid();
            for email in emails {
                run("INSERT OR IGNORE INTO emails VALUES (1, ?, ?)", params![email, user])?;
            }
            Ok(Outcome::Json(json.clone()))
        }
        Change::Replace(Person { id, user_name, external_id, family_name, emails, json }) => {
            let user = number(
                "UPDATE users SET user_name = ?, external_id = ?, family_name = ?, json = ? \
                 WHERE tenant = 1 AND id = ? RETURNING pk",
                params![user_name, external_id, family_name, json, id],
            )?;
            let Some(user) = user else { return Ok(Outcome::Absent) };
            for email in emails {
                run("INSERT OR IGNORE INTO emails VALUES (1, ?, ?)", params![email, user])?;
            }
            Ok(Outcome::Json(json.clone()))
        }
        Change::Activate { id, active } => {
            let Some(json) = user_by_id(transaction, id)? else { return Ok(Outcome::Absent) };
            let json = with_active(&json, *active)?;
            run("UPDATE users SET active = ?, json = ? WHERE tenant = 1 AND id = ?", params![active, json, id])?;
            Ok(Outcome::Json(json))
        }
        Change::InsertGroup { id, json, members } => {
            run("INSERT INTO grps(tenant, id, json) VALUES (1, ?, ?)", params![id, json])?;
            let group = transaction.last_insert_rowid();
            for member in members {
                run("INSERT OR IGNORE INTO members VALUES (?, ?)", params![group, member])?;
            }
            Ok(Outcome::Json(json.clone()))
        }
        Change::Members { group, add, remove } => {
            let group = number("SELECT pk FROM grps WHERE tenant = 1 AND id = ?", params![group])?;
            let Some(group) = group else { return Ok(Outcome::Absent) };
            for member in add {
                run(
                    "INSERT OR IGNORE INTO members SELECT ?1, ?2 \
                     WHERE EXISTS (SELECT 1 FROM users WHERE tenant = 1 AND id = ?2)",
                    params![group, member],
                )?;
            }
            for member in remove {
                run("DELETE FROM members WHERE group_pk = ? AND user_id = ?", params![group, member])?;
            }
            Ok(Outcome::Done)
        }
        Change::Many(changes) => {
            for change in changes {
                apply(transaction, change)?;
            }
            Ok(Outcome::Done)
        }
    }
}

/// The JSON of a user with another `active`.
pub(crate) fn with_active(json: &str, active: bool) -> Result<String> {
    let mut user: Value = serde_json::from_str(json)?;
    if let Value::Object(members) = &mut user {
        members.insert("active".to_owned(), active.into());
    }
    Ok(user.to_string())
}

fn user_by_id(connection: &Connection, id: &str) -> rusqlite::Result<Option<String>> {
    let mut statement = connection.prepare_cached("SELECT json FROM users WHERE tenant = 1 AND id = ?")?;
    statement.query_row([id], |row| row.get(0)).optional()
}

impl Readers {
    /// Reads.
    pub(crate) fn read(&self, read: &Read) -> Result<Outcome> {
        let connection = self.pool.get()?;
        let many = |sql: &str, values: &[&dyn ToSql]| -> rusqlite::Result<Vec<String>> {
            let mut statement = connection.prepare_cached(sql)?;
            statement.query_map(values, |row| row.get(0))?.collect()
        };
        let outcome = match read {
            Read::User(id) => Outcome::found(user_by_id(&connection, id)?),
            Read::UserName(name) => {
                Outcome::Json(found(many("SELECT json FROM users WHERE tenant = 1 AND user_name = ?", params![name])?))
            }
            Read::Email(email) => Outcome::Json(found(many(
                "SELECT json FROM users WHERE pk IN \
                 (SELECT user_pk FROM emails WHERE tenant = 1 AND value = ?) LIMIT 100",
                params![email],
            )?)),
            Read::UserNameOrExternalId(name, external_id) => Outcome::Json(found(many(
                "SELECT json FROM users WHERE pk IN \
                 (SELECT pk FROM users WHERE tenant = 1 AND user_name = ? \
                  UNION SELECT pk FROM users WHERE tenant = 1 AND external_id = ?)",
                params![name, external_id],
            )?)),
            Read::FamilyName(part) => Outcome::Json(found(many(
                "SELECT json FROM users WHERE pk IN \
                 (SELECT pk FROM users WHERE tenant = 1 AND family_name LIKE '%' || ? || '%')",
                params![part],
            )?)),
            Read::Page { start, count } => Outcome::Json(page(&connection, *start, *count)?),
            Read::Group(id) => match group_by_id(&connection, id)? {
                None => Outcome::Absent,
                Some((group, json)) => {
                    let mut statement = connection.prepare_cached("SELECT user_id FROM members WHERE group_pk = ?")?;
                    let mut rows = statement.query([group])?;
                    let mut text = GroupText::new(&json);
                    while let Some(row) = rows.next()? {
                        text.member(row.get_ref(0)?.as_str()?);
                    }
                    Outcome::Json(text.finish())
                }
            },
            Read::GroupAlone(id) => Outcome::found(group_by_id(&connection, id)?.map(|(_, json)| json)),
        };
        Ok(outcome)
    }
}

fn group_by_id(connection: &Connection, id: &str) -> rusqlite::Result<Option<(i64, String)>> {
    let mut statement = connection.prepare_cached("SELECT pk, json FROM grps WHERE tenant = 1 AND id = ?")?;
    statement.query_row([id], |row| Ok((row.get(0)?, row.get(1)?))).optional()
}

/// A page, read from the nearer end of the list, with the total that is kept.
fn page(connection: &Connection, start: i64, count: i64) -> Result<String> {
    let total: i64 =
        connection.prepare_cached("SELECT n FROM counts WHERE tenant = ?")?.query_row([TENANT], |row| row.get(0))?;
    let before = start.saturating_sub(1);
    let (sql, limit, offset) = if start > total / 2 {
        let limit = count.min(total.saturating_sub(before)).max(0);
        let sql = "SELECT json FROM users WHERE pk IN (SELECT pk FROM users INDEXED BY users_by_tenant \
             WHERE tenant = 1 ORDER BY pk DESC LIMIT ?1 OFFSET ?2) ORDER BY pk";
        (sql, limit, total.saturating_sub(before).saturating_sub(limit))
    } else {
        let sql = "SELECT json FROM users WHERE pk IN (SELECT pk FROM users INDEXED BY users_by_tenant \
             WHERE tenant = 1 ORDER BY pk LIMIT ?1 OFFSET ?2) ORDER BY pk";
        (sql, count, before)
    };
    let mut statement = connection.prepare_cached(sql)?;
    let resources =
        statement.query_map([limit, offset], |row| row.get(0))?.collect::<rusqlite::Result<Vec<String>>>()?;
    Ok(list(&resources, total, start))
}
