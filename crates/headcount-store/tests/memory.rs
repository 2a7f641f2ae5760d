//! The in-memory store passes the contract of stores.

use std::{collections::BTreeSet, sync::Arc};

use headcount_store::{
    Store,
    testkit::{
        MemoryStore,
        contract::{ALL, Fixture},
    },
};
use scim_schema::Registry;

struct Memory;

impl Fixture for Memory {
    fn open(&self, registry: Arc<Registry>) -> Arc<dyn Store> {
        Arc::new(MemoryStore::new(registry))
    }
}

headcount_store::contract!(Memory);

/// The same with every work run twice: the contract's own work must be fit to be run again.
struct Repeating;

impl Fixture for Repeating {
    fn open(&self, registry: Arc<Registry>) -> Arc<dyn Store> {
        Arc::new(MemoryStore::new(registry).with_repeated_work())
    }
}

mod repeated {
    use super::Repeating;

    headcount_store::contract!(Repeating);
}

#[test]
fn every_property_is_in_the_list_once() {
    let sources = [
        include_str!("../src/testkit/contract/acts.rs"),
        include_str!("../src/testkit/contract/administrators.rs"),
        include_str!("../src/testkit/contract/concurrency.rs"),
        include_str!("../src/testkit/contract/filters.rs"),
        include_str!("../src/testkit/contract/isolation.rs"),
        include_str!("../src/testkit/contract/journal.rs"),
        include_str!("../src/testkit/contract/looks.rs"),
        include_str!("../src/testkit/contract/many.rs"),
        include_str!("../src/testkit/contract/members.rs"),
        include_str!("../src/testkit/contract/pages.rs"),
        include_str!("../src/testkit/contract/passwords.rs"),
        include_str!("../src/testkit/contract/resources.rs"),
        include_str!("../src/testkit/contract/tenants.rs"),
        include_str!("../src/testkit/contract/transactions.rs"),
        include_str!("../src/testkit/contract/uniqueness.rs"),
        include_str!("../src/testkit/contract/views.rs"),
    ];
    let written: BTreeSet<&str> = sources
        .iter()
        .flat_map(|source| source.lines())
        .filter_map(|line| line.strip_prefix("pub fn ")?.split('(').next())
        .collect();
    let listed: BTreeSet<&str> = ALL.iter().map(|(name, _)| *name).collect();
    let in_one: Vec<_> = listed.symmetric_difference(&written).collect();
    assert!(in_one.is_empty(), "only in the list or only written: {in_one:?}");
    assert_eq!(listed.len(), ALL.len());
}
