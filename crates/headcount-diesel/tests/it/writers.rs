//! Two stores that write one file of SQLite, as two processes do.

use std::sync::Arc;

use headcount_diesel::{DieselStore, migrate};
use headcount_model::{Actor, ConnectionKey, Event, EventKind, PublicId, SystemClock, Timestamp, TokenId};
use headcount_store::{
    Abort, Store, StoreExt, TenantCtx,
    act::{Act, Change, Done},
    events::verify_chain,
    page::Window,
    query::{Adoptable, Query, ScanLimits, Selection, View},
    resources::NewResource,
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
