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
use crate::pgbouncer::{self, Pgbouncer};
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
    /// PostgreSQL through pgbouncer in transaction mode
    Pgbouncer,
    All,
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
    let servers = Servers::start(database)?;
    let mut failed = Vec::new();
    for idp in IdentityProvider::value_variants() {
        if one.is_some_and(|one| one != *idp) {
            continue;
        }
        for place in servers.places(*idp, &folder)? {
            let name = format!("{idp} on {}", place.name);
            if !play(*idp, &name, &place, &binary)? {
                failed.push(name);
            }
        }
    }
    servers.tell_what_is_missing();
    if failed.is_empty() {
        return Ok(());
    }
    bail!("steps failed in {}; each line that ends in FAILED says what was expected", failed.join(", "))
}

/// What the journeys are played on.
struct Servers {
    wanted: Database,
    // Dropped in this order: the one in front before the one behind it.
    pgbouncer: Option<Pgbouncer>,
    cluster: Option<Cluster>,
}

/// One database of a journey.
struct Place {
    name: &'static str,
    url: String,
    /// Where the server and the commands run, with their settings and imports.
    folder: PathBuf,
}

impl Servers {
    fn start(wanted: Database) -> Result<Self> {
        let cluster = if wanted == Database::Sqlite { None } else { postgres::start()? };
        let is_asked_for = |one| wanted == one || (wanted == Database::All && in_ci());
        if cluster.is_none() && (is_asked_for(Database::Postgres) || is_asked_for(Database::Pgbouncer)) {
            bail!("there is no PostgreSQL on this machine; {}", postgres::REMEDY);
        }
        let pgbouncer = match &cluster {
            Some(cluster) if wanted != Database::Postgres => {
                let roles: Vec<String> =
                    IdentityProvider::value_variants().iter().map(|idp| pooled_role(*idp)).collect();
                let roles: Vec<&str> = roles.iter().map(String::as_str).collect();
                pgbouncer::start(&cluster.url("postgres", "postgres"), &roles)?
            }
            _ => None,
        };
        if pgbouncer.is_none() && is_asked_for(Database::Pgbouncer) {
            bail!("there is no pgbouncer on this machine; {}", pgbouncer::REMEDY);
        }
        Ok(Self { wanted, pgbouncer, cluster })
    }

    /// The databases of a journey, empty.
    fn places(&self, idp: IdentityProvider, folder: &Path) -> Result<Vec<Place>> {
        let mut places = Vec::new();
        if matches!(self.wanted, Database::Sqlite | Database::All) {
            let url = format!("sqlite:{}", folder.join(format!("{idp}.db")).display());
            places.push(Place { name: "sqlite", url, folder: folder.to_owned() });
        }
        let Some(cluster) = &self.cluster else {
            return Ok(places);
        };
        if matches!(self.wanted, Database::Postgres | Database::All) {
            let url = cluster.create_database(&format!("integration_{idp}"))?;
            places.push(Place { name: "postgres", url, folder: folder.to_owned() });
        }
        if let Some(pgbouncer) = &self.pgbouncer {
            let role = pooled_role(idp);
            cluster.create_database(&role)?;
            let folder = folder.join(format!("{idp}-pgbouncer"));
            std::fs::create_dir_all(&folder)?;
            // As an operator sets it: the server and the commands find the file where they run.
            std::fs::write(folder.join("headcount.toml"), "[database]\nstatements = \"unnamed\"\n")?;
            places.push(Place { name: "pgbouncer", url: pgbouncer.url(&role, &role), folder });
        }
        Ok(places)
    }

    fn tell_what_is_missing(&self) {
        if self.wanted != Database::All {
            return;
        }
        if self.cluster.is_none() {
            println!(
                "\nNOT RUN: the journeys on PostgreSQL, since there is none on this machine. To run them, {}.",
                postgres::REMEDY
            );
        } else if self.pgbouncer.is_none() {
            println!(
                "\nNOT RUN: the journeys through pgbouncer, since there is none on this machine. To run them, {}.",
                pgbouncer::REMEDY
            );
        }
    }
}

/// The role, and the database that it owns, of a journey through pgbouncer.
fn pooled_role(idp: IdentityProvider) -> String {
    format!("integration_{idp}_pgbouncer")
}

/// Starts the server and plays; whether every step went well.
fn play(idp: IdentityProvider, name: &str, place: &Place, binary: &Path) -> Result<bool> {
    let watch = Stopwatch::start();
    let server = Server::start(binary, &place.folder, &place.url, None)?;
    let operator = CommandLine::new(binary, &place.folder, &place.url);
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
