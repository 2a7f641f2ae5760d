//! One test body on every store.

use headcount_model::Preset;
use headcount_testkit::{App, Backend, Client};

/// Every kind of store.
pub(crate) const BACKENDS: [Backend; 3] = [Backend::Memory, Backend::Sqlite, Backend::Postgres];

/// Runs the body with a fresh application on each store.
pub(crate) fn each_store(body: impl Fn(&App)) {
    for backend in BACKENDS.into_iter().filter(|backend| backend.is_available()) {
        body(&App::new(backend));
    }
}

/// Runs the body with a client of a strict connection on each store.
pub(crate) fn each_strict(body: impl Fn(&Client)) {
    each_store(|app| body(&app.client("acme", Preset::Strict)));
}
