//! A throwaway pgbouncer in transaction mode in front of a PostgreSQL of the tests.
//!
//! It gives several clients one connection to the server in turn, so that whatever a client leaves
//! behind in a session meets the next one. Like PostgreSQL it refuses to run as root, and root hands
//! it to the user `postgres` too. It is a child in xtask's own process group.

use std::fmt::Write as _;
use std::fs::File;
use std::os::unix::fs::DirBuilderExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;

use anyhow::{Context as _, Result, bail};

use crate::postgres::{START_LIMIT, follow, free_port, unprivileged, url};

/// The variable in which tests find it. Its role is the one that tests make, and the database in the
/// URL, which the tests make too, is the one that has a single connection to the server.
pub(crate) const URL_VARIABLE: &str = "HEADCOUNT_TEST_PGBOUNCER_URL";

/// How to get what is missing.
pub(crate) const REMEDY: &str = "install pgbouncer beside PostgreSQL (Debian and Ubuntu: apt-get install pgbouncer)";

/// The role of the tests' stores, which may not bypass row-level security.
pub(crate) const TEST_ROLE: &str = "headcount_test";

/// Connections to the server for each database: fewer than any test has clients.
const POOL_SIZE: u16 = 3;

/// Most clients at once, over all tests that run beside each other.
const MOST_CLIENTS: u16 = 1_000;

/// The folder of an instance begins so, and ends in the process id of its xtask.
const FOLDER: &str = "headcount-pgbouncer-";

/// A running pgbouncer of our own, removed when this value is dropped.
pub(crate) struct Pgbouncer {
    folder: PathBuf,
    port: u16,
    process: Child,
}

impl Pgbouncer {
    /// The URL of a database for one of the roles that it was started with.
    pub(crate) fn url(&self, role: &str, database: &str) -> String {
        url(self.port, role, database)
    }

    /// The URL of the database that has a single connection to the server.
    pub(crate) fn narrow_url(&self) -> String {
        self.url(TEST_ROLE, &narrow_database())
    }
}

impl Drop for Pgbouncer {
    fn drop(&mut self) {
        // It keeps nothing, so there is nothing to wait for.
        let _ = self.process.kill();
        let _ = self.process.wait();
        if let Err(error) = std::fs::remove_dir_all(&self.folder) {
            eprintln!("pgbouncer: cannot remove {}: {error}", self.folder.display());
        }
    }
}

/// Starts it in front of the server of this URL, for roles that the server trusts without a password;
/// `None` if there is no pgbouncer on this machine.
pub(crate) fn start(server: &str, roles: &[&str]) -> Result<Option<Pgbouncer>> {
    let Some(program) = find_program() else {
        return Ok(None);
    };
    let (host, server_port) = place_in(server).context("the URL of PostgreSQL names no host")?;
    let owner = unprivileged()?;
    let folder = std::env::temp_dir().join(format!("{FOLDER}{}", std::process::id()));
    // Left behind by an xtask that was killed and had the same number.
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::DirBuilder::new()
        .mode(0o700)
        .create(&folder)
        .with_context(|| format!("cannot make {}", folder.display()))?;
    let mut last = None;
    // The port is free when it is asked for and may be taken when it is used: then another is tried.
    for _ in 0..3 {
        let port = free_port()?;
        let users = folder.join("users");
        let lines: Vec<String> = roles.iter().map(|role| format!("\"{role}\" \"\"")).collect();
        std::fs::write(&users, lines.join("\n"))?;
        let settings = folder.join("pgbouncer.ini");
        std::fs::write(&settings, settings_of(&host, server_port, port, &users)?)?;
        let mut command = Command::new(&program);
        command.arg(&settings).current_dir("/").env("LC_ALL", "C").stdin(Stdio::null());
        if let Some(owner) = owner {
            for path in [&folder, &users, &settings] {
                std::os::unix::fs::chown(path, Some(owner.uid), Some(owner.gid))?;
            }
            command.uid(owner.uid).gid(owner.gid);
        }
        let mut process =
            command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().context("cannot run pgbouncer")?;
        let talk = process.stderr.take().context("pgbouncer has no standard error")?;
        let log = folder.join("log");
        let file = File::create(&log)?;
        let (sender, ready) = mpsc::channel();
        std::thread::spawn(move || follow(talk, file, "process up: ", &sender));
        if ready.recv_timeout(START_LIMIT).is_ok() {
            return Ok(Some(Pgbouncer { folder, port, process }));
        }
        let _ = process.kill();
        let _ = process.wait();
        last = Some(std::fs::read_to_string(&log).unwrap_or_default());
    }
    let _ = std::fs::remove_dir_all(&folder);
    bail!("pgbouncer did not start: {}", last.unwrap_or_default().trim())
}

/// The database with a single connection to the server; of this run alone, since others may share
/// the server.
fn narrow_database() -> String {
    format!("headcount_narrow_{}", std::process::id())
}

fn settings_of(host: &str, server_port: u16, port: u16, users: &Path) -> Result<String> {
    let mut text = String::new();
    writeln!(text, "[databases]")?;
    writeln!(text, "{} = host={host} port={server_port} pool_size=1", narrow_database())?;
    writeln!(text, "* = host={host} port={server_port}")?;
    writeln!(text, "[pgbouncer]")?;
    for (name, value) in [
        ("listen_addr", "127.0.0.1".to_owned()),
        ("listen_port", port.to_string()),
        ("unix_socket_dir", String::new()),
        ("auth_type", "trust".to_owned()),
        ("auth_file", users.display().to_string()),
        ("pool_mode", "transaction".to_owned()),
        ("default_pool_size", POOL_SIZE.to_string()),
        ("max_client_conn", MOST_CLIENTS.to_string()),
        // Every test has a database of its own; its connections need not wait for one that comes back.
        ("server_idle_timeout", "10".to_owned()),
        ("log_connections", "0".to_owned()),
        ("log_disconnections", "0".to_owned()),
        ("log_stats", "0".to_owned()),
    ] {
        writeln!(text, "{name} = {value}")?;
    }
    Ok(text)
}

/// The host and the port in the URL of a server.
fn place_in(server: &str) -> Option<(String, u16)> {
    let (_, rest) = server.split_once("://")?;
    let authority = rest.split(['/', '?']).next()?;
    let place = authority.rsplit_once('@').map_or(authority, |(_, place)| place);
    let (host, port) = match place.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()?),
        _ => (place, 5432),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    (!host.is_empty()).then(|| (host.to_owned(), port))
}

/// Debian keeps it where only root's PATH looks.
fn find_program() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from));
    folders.map(|folder| folder.join("pgbouncer")).find(|program| program.is_file())
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;

    use super::{TEST_ROLE, place_in, start};

    #[test]
    fn host_and_port_are_found_in_urls() {
        let place = |url: &str| place_in(url).map(|(host, port)| format!("{host} {port}"));
        assert_eq!(place("postgres://postgres@127.0.0.1:37853/postgres").as_deref(), Some("127.0.0.1 37853"));
        assert_eq!(place("postgresql://a:b@db.example/x?y=z").as_deref(), Some("db.example 5432"));
        assert_eq!(place("postgres://[::1]:5433").as_deref(), Some("::1 5433"));
        assert_eq!(place("postgres://[::1]/x").as_deref(), Some("::1 5432"));
        assert_eq!(place("postgres:///x"), None);
        assert_eq!(place("nothing"), None);
    }

    #[test]
    fn an_instance_lives_as_long_as_its_value() {
        // It connects to the server when a client wants it to.
        let nowhere = "postgres://postgres@127.0.0.1:1/postgres";
        let pgbouncer = start(nowhere, &[TEST_ROLE]).unwrap().expect("there is no pgbouncer on this machine");
        let (folder, port) = (pgbouncer.folder.clone(), pgbouncer.port);
        assert!(TcpStream::connect(("127.0.0.1", port)).is_ok());
        assert!(
            pgbouncer.narrow_url().starts_with(&format!("postgres://{TEST_ROLE}@127.0.0.1:{port}/headcount_narrow_"))
        );
        drop(pgbouncer);
        assert!(!folder.exists());
        assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
    }
}
