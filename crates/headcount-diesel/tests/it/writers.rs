//! Two stores that write one file of SQLite, as two processes do.

use std::sync::Arc;

use diesel::{
    Connection as _, QueryableByName, RunQueryDsl as _, sql_query, sql_types::BigInt, sqlite::SqliteConnection,
};
use headcount_diesel::{DieselStore, migrate};
use headcount_model::{Actor, ConnectionKey, Event, EventKind, PublicId, SystemClock, Timestamp, TokenId};
use headcount_store::{
    Abort, Store, StoreExt, TenantCtx,
    act::{Act, Change, Done},
    events::verify_chain,
    page::Window,
    query::{Adoptable, Query, ScanLimits, Selection, View},
    resources::NewResource,
    system::SystemStore as _,
    tokens::Standing,
};
use headcount_token::TokenHash;
use scim_filter::Predicate;
use scim_schema::Registry;

use crate::{beginnings, sqlite::Sqlite};

fn flat<T>(result: Result<T, Abort<()>>) -> T {
    result.unwrap_or_else(|error| panic!("{error:?}"))
}

fn id(n: usize) -> PublicId {
    PublicId::from_text(&format!("018bcfe5-6800-7000-8000-{n:012x}"))
}

fn event(n: usize) -> Event {
    Event {
        at: Timestamp::from_micros(1),
        kind: EventKind::Create,
        actor: Actor::CommandLine,
        resource: Some(("User".to_owned(), id(n))),
        version: 1,
        paths: Vec::new(),
        transaction: id(9_999),
        detail: None,
    }
}

fn user(n: usize, owner: ConnectionKey) -> NewResource {
    NewResource {
        id: id(n),
        resource_type: "User".to_owned(),
        owner,
        adoptable: false,
        version: 1,
        created: Timestamp::from_micros(1),
        modified: Timestamp::from_micros(1),
        document: format!(r#"{{"userName":"user{n}"}}"#),
        index: beginnings::index(Some(format!("user{n}"))),
    }
}

/// A tenant with a token of its application connection.
fn tenant(store: &DieselStore) -> (TenantCtx, ConnectionKey, TokenId, Standing) {
    let made = beginnings::tenant(store, "acme");
    let token = TokenId::from_text("tokenAAAAAAA");
    let record = beginnings::token(&made, &token);
    let standing = flat(store.writing::<_, ()>(&made.ctx, |txn| {
        txn.insert_token(&record, &TokenHash::from_stored("x"))?;
        Ok(txn.standing(&token)?.unwrap())
    }));
    (made.ctx, made.application, token, standing)
}

#[test]
fn two_stores_on_one_file_keep_one_chain_and_true_totals() {
    let sqlite = Sqlite::default();
    let options = Sqlite::options(&sqlite.file());
    migrate::migrate(&options).unwrap();
    let open = || DieselStore::connect(&options, Arc::new(Registry::builtin()), Arc::new(SystemClock)).unwrap();
    let stores = [open(), open()];
    let (ctx, owner, token, standing) = tenant(&stores[0]);
    for n in 1..=40 {
        // One after another, twice the same, in transactions and in acts, kept and undone.
        let store = &stores[n / 2 % 2];
        let (new, event) = (user(n, owner), event(n));
        if n % 3 == 0 {
            flat(store.writing::<_, ()>(&ctx, |txn| {
                txn.insert_resource(&new)?;
                Ok(txn.append(&event)?)
            }));
        } else {
            let act = Act { token: &token, standing: &standing, change: Change::Insert(&new), event: &event };
            let done = store.act(&ctx, &act).unwrap();
            assert!(matches!(done, Done::Inserted(_)), "{done:?}");
        }
        if n % 5 == 0 {
            let undone: Result<(), Abort<()>> = store.writing(&ctx, |txn| {
                txn.append(&event)?;
                Err(Abort::Refuse(()))
            });
            assert!(matches!(undone, Err(Abort::Refuse(()))));
        }
    }
    for store in &stores {
        let query = Query {
            view: View { connection: owner, adoptable: Adoptable::Hidden },
            selections: vec![Selection { resource_type: "User".to_owned(), predicate: Predicate::All }],
            sort: None,
            window: Window::Index { offset: 0, limit: 0 },
            scan: ScanLimits::default(),
        };
        let (total, events) =
            flat(store.reading::<_, ()>(&ctx, |txn| Ok((txn.query(&query)?.total, txn.events(0, 1_000)?))));
        assert_eq!(total, 40);
        assert_eq!(events.len(), 40);
        verify_chain(None, &events).unwrap();
    }
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

/// Whoever searches reads what is not indexed row by row, so it must stay little, also behind an import
/// after which nobody writes.
#[test]
#[expect(clippy::disallowed_methods, reason = "the table is asked what no store tells")]
fn texts_that_are_not_indexed_stay_few_and_end_without_another_write() {
    let sqlite = Sqlite::default();
    let file = sqlite.file();
    let store = Sqlite::at(&file, &Arc::new(Registry::builtin()));
    let (ctx, owner, ..) = tenant(&store);
    let mut file = SqliteConnection::establish(&file.display().to_string()).unwrap();
    let mut waiting = || sql_query("SELECT COUNT(*) AS n FROM unindexed").get_result::<Count>(&mut file).unwrap().n;
    let mut made = 0;
    let mut insert = |many: usize| {
        let users = made..made + many;
        made = users.end;
        flat(store.writing::<_, ()>(&ctx, |txn| {
            for n in users.clone() {
                txn.insert_resource(&user(n, owner))?;
            }
            Ok(())
        }));
    };
    for _ in 0..3 {
        insert(6_000);
        assert!(waiting() < 100, "{}", waiting());
    }
    insert(5);
    assert!(waiting() >= 5);
    for _ in 0..8 {
        store.maintain().unwrap();
    }
    assert_eq!(waiting(), 0);
}
