//! The contract on SQLite.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use headcount_diesel::{DieselStore, StoreOptions, migrate};
use headcount_model::{Secret, SystemClock};
use headcount_store::{Store, testkit::contract::Fixture};
use scim_schema::Registry;

/// A file of its own for each store; it stays, so that what failed can be looked at.
pub(crate) struct Sqlite;

impl Sqlite {
    pub(crate) fn file() -> PathBuf {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("headcount-diesel-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        folder.join(format!("{n}.db"))
    }

    pub(crate) fn options(file: &std::path::Path) -> StoreOptions {
        StoreOptions::new(Secret::new(format!("sqlite:{}", file.display())))
    }

    pub(crate) fn fresh(registry: Arc<Registry>) -> (DieselStore, StoreOptions) {
        let options = Self::options(&Self::file());
        migrate::migrate(&options).unwrap();
        (DieselStore::connect(&options, registry, Arc::new(SystemClock)).unwrap(), options)
    }
}

impl Fixture for Sqlite {
    fn open(&self, registry: Arc<Registry>) -> Arc<dyn Store> {
        Arc::new(Self::fresh(registry).0)
    }
}

headcount_store::contract!(Sqlite);
