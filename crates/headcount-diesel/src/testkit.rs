//! Databases of tests on PostgreSQL: each copied from one that was migrated once.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    path::Path,
    sync::atomic::{AtomicU32, Ordering},
};

use headcount_model::Secret;

use crate::{
    connection::{Database, Link, StoreOptions, Use},
    error::ConnectError,
    migrate,
};

/// The role of the stores: it owns its tables and may not bypass row-level security.
const ROLE: &str = "headcount_test";
/// The lock under which role and template are made, as other processes of a run may make them too.
const LOCK: i64 = 7_166_114;

/// A database for one test.
#[derive(Debug)]
pub struct TestDatabase {
    server: Secret,
    name: String,
    /// How a store opens it, as a role that row-level security binds.
    pub url: Secret,
}

impl TestDatabase {
    /// A fresh, migrated database on the server that this URL names, whose role may make roles and
    /// databases.
    ///
    /// # Errors
    /// [`ConnectError`].
    pub fn fresh(server: &str) -> Result<Self, ConnectError> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let mut link = open(server)?;
        let template = template(&mut link, server)?;
        let name = format!("headcount_testkit_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        run(&mut link, &format!("CREATE DATABASE {name} TEMPLATE {template} OWNER {ROLE}"))?;
        Ok(Self { server: Secret::new(server), url: with_database(server, &name), name })
    }

    /// Removes it, whoever is still connected.
    ///
    /// # Errors
    /// [`ConnectError`].
    pub fn remove(&self) -> Result<(), ConnectError> {
        run(&mut open(self.server.expose())?, &format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name))
    }
}

fn open(url: &str) -> Result<Link, ConnectError> {
    let options = StoreOptions::new(Secret::new(url));
    Link::open(&Database::parse(url)?, Use::Write, &options, 0)
}

fn run(link: &mut Link, text: &str) -> Result<(), ConnectError> {
    link.batch(text).map_err(|error| ConnectError::Migration(error.into()))
}

/// The database that the others are copied from, made if no run with the same migrations did.
fn template(link: &mut Link, server: &str) -> Result<String, ConnectError> {
    let name = format!("headcount_template_{:016x}", migrations());
    run(link, &format!("SELECT pg_advisory_lock({LOCK})"))?;
    let made = make_template(link, server, &name);
    run(link, &format!("SELECT pg_advisory_unlock({LOCK})"))?;
    made.map(|()| name)
}

fn make_template(link: &mut Link, server: &str, name: &str) -> Result<(), ConnectError> {
    run(
        link,
        &format!(
            "DO $$ BEGIN CREATE ROLE {ROLE} LOGIN NOSUPERUSER NOBYPASSRLS; EXCEPTION WHEN duplicate_object THEN NULL; END $$"
        ),
    )?;
    // A template is whole when it has this name; what a run that was killed left behind has another.
    let half = format!("{name}_half");
    let there = run(link, &format!("ALTER DATABASE {name} CONNECTION LIMIT -1")).is_ok();
    if there {
        return Ok(());
    }
    run(link, &format!("DROP DATABASE IF EXISTS {half} WITH (FORCE)"))?;
    run(link, &format!("CREATE DATABASE {half} OWNER {ROLE} TEMPLATE template0 ENCODING 'UTF8'"))?;
    migrate::migrate(&StoreOptions::new(with_database(server, &half)))?;
    run(link, &format!("ALTER DATABASE {half} RENAME TO {name}"))
}

/// Changes with every migration.
fn migrations() -> u64 {
    let mut hasher = DefaultHasher::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations/postgres");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
        .map(|entry| entry.path().join("up.sql"))
        .collect();
    files.sort();
    for file in files {
        file.hash(&mut hasher);
        std::fs::read(&file).unwrap_or_default().hash(&mut hasher);
    }
    hasher.finish()
}

/// The server's URL with another database, and the role of the stores in place of its own.
fn with_database(server: &str, database: &str) -> Secret {
    let (scheme, rest) = server.split_once("://").unwrap_or(("postgres", server));
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    Secret::new(format!("{scheme}://{ROLE}@{host}/{database}"))
}
