//! Whole lives of a customer, replayed over HTTP as an identity provider plays them.
//!
//! Each journey starts a server on a fresh database and does everything that the administrator, the
//! operator and the identity provider do, in their order and with the identity provider's own
//! headers and bodies: the test of the connection, import, push, link, update, deactivation, groups,
//! conflicts, rotation of the token, and whatever must not be seen across the borders of connections
//! and tenants. Every step is a line; a journey goes on after a step that failed.
//!
//! To add an identity provider: a variant of [`IdentityProvider`] and a module with its `play`.

mod borders;
mod entra;
mod gate;
mod http;
mod import;
mod journey;
mod okta;
mod reply;
mod tokens;

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use clap::ValueEnum;

use self::journey::Journey;
use crate::postgres::{self, Cluster};
use crate::server::{self, CommandLine, Server};
use crate::stopwatch::{Stopwatch, seconds};
use crate::workspace::{Workspace, in_ci};

/// Whose journey.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum IdentityProvider {
    /// Okta: applications of the wizard (PUT) and of the catalogue (PATCH)
    Okta,
    /// Microsoft Entra ID, with and without the feature flag
    Entra,
}

/// On which database.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Database {
    Sqlite,
    Postgres,
    Both,
}

impl fmt::Display for IdentityProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Okta => "okta",
            Self::Entra => "entra",
        })
    }
}

/// Plays one identity provider's journey, or all of them.
pub(crate) fn run(
    workspace: &Workspace,
    one: Option<IdentityProvider>,
    database: Database,
    binary: Option<&Path>,
) -> Result<()> {
    let binary = server::obtain(workspace, binary)?;
    let folder = fresh_folder(workspace)?;
    let cluster = match database {
        Database::Sqlite => None,
        Database::Postgres | Database::Both => postgres::start()?,
    };
    if cluster.is_none() && (database == Database::Postgres || (database == Database::Both && in_ci())) {
        bail!("there is no PostgreSQL on this machine; {}", postgres::REMEDY);
    }
    let mut failed = Vec::new();
    for idp in IdentityProvider::value_variants() {
        if one.is_some_and(|one| one != *idp) {
            continue;
        }
        for (name, url) in databases(*idp, database, &folder, cluster.as_ref())? {
            let name = format!("{idp} on {name}");
            if !play(*idp, &name, &url, &binary, &folder)? {
                failed.push(name);
            }
        }
    }
    if cluster.is_none() && database == Database::Both {
        println!(
            "\nNOT RUN: the journeys on PostgreSQL, since there is none on this machine. To run them, {}.",
            postgres::REMEDY
        );
    }
    if failed.is_empty() {
        return Ok(());
    }
    bail!("steps failed in {}; each line that ends in FAILED says what was expected", failed.join(", "))
}

/// The databases of a journey: names and URLs.
fn databases(
    idp: IdentityProvider,
    database: Database,
    folder: &Path,
    cluster: Option<&Cluster>,
) -> Result<Vec<(&'static str, String)>> {
    let mut databases = Vec::new();
    if database != Database::Postgres {
        databases.push(("sqlite", format!("sqlite:{}", folder.join(format!("{idp}.db")).display())));
    }
    if let Some(cluster) = cluster {
        databases.push(("postgres", cluster.create_database(&format!("integration_{idp}"))?));
    }
    Ok(databases)
}

/// Starts the server and plays; whether every step went well.
fn play(idp: IdentityProvider, name: &str, url: &str, binary: &Path, folder: &Path) -> Result<bool> {
    let watch = Stopwatch::start();
    let server = Server::start(binary, folder, url, None)?;
    let operator = CommandLine::new(binary, folder, url);
    let mut journey = Journey::new(name.to_owned(), &server, operator);
    let outcome = match idp {
        IdentityProvider::Okta => okta::play(&mut journey),
        IdentityProvider::Entra => entra::play(&mut journey),
    };
    println!("     {name} took {}", seconds(watch.elapsed()));
    Ok(journey.conclude(outcome))
}

/// An empty folder for databases and imports.
fn fresh_folder(workspace: &Workspace) -> Result<PathBuf> {
    let folder = workspace.target_dir()?.join("integration");
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    Ok(folder)
}
