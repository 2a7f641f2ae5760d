//! The contract on SQLite.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
};

use headcount_diesel::{DieselStore, StoreOptions, migrate};
use headcount_model::{Secret, SystemClock};
use headcount_store::{Store, testkit::contract::Fixture};
use scim_schema::Registry;

/// A file of its own for each store; those of a test that failed stay, to be looked at.
#[derive(Default)]
pub(crate) struct Sqlite {
    made: Mutex<Vec<PathBuf>>,
}

impl Sqlite {
    /// A path where no file is yet.
    pub(crate) fn file(&self) -> PathBuf {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let file = std::env::temp_dir().join(format!("headcount-diesel-{}-{n}.db", std::process::id()));
        // A process of another run may have had the same number.
        remove(&file);
        self.made.lock().unwrap().push(file.clone());
        file
    }

    pub(crate) fn options(file: &Path) -> StoreOptions {
        StoreOptions::new(Secret::new(format!("sqlite:{}", file.display())))
    }

    pub(crate) fn fresh(&self, registry: &Arc<Registry>) -> DieselStore {
        Self::at(&self.file(), registry)
    }

    /// A store of its own in this file.
    pub(crate) fn at(file: &Path, registry: &Arc<Registry>) -> DieselStore {
        let options = Self::options(file);
        migrate::migrate(&options).unwrap();
        DieselStore::connect(&options, Arc::clone(registry), Arc::new(SystemClock)).unwrap()
    }
}

impl Drop for Sqlite {
    fn drop(&mut self) {
        let made = std::mem::take(&mut *self.made.lock().unwrap());
        if std::thread::panicking() {
            #[expect(clippy::print_stderr, reason = "whoever looks into the failure wants the files")]
            {
                eprintln!("the files of this test are {made:?}");
            }
            return;
        }
        for file in &made {
            remove(file);
        }
    }
}

impl Fixture for Sqlite {
    fn open(&self, registry: Arc<Registry>) -> Arc<dyn Store> {
        Arc::new(self.fresh(&registry))
    }
}

headcount_store::contract!(Sqlite::default());

/// Removes a database with its journal files, if it is there.
fn remove(file: &Path) {
    for suffix in ["", "-wal", "-shm"] {
        let mut name = file.as_os_str().to_owned();
        name.push(suffix);
        let _ = std::fs::remove_file(name);
    }
}
