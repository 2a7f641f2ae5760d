//! A throwaway PostgreSQL for tests: made, used, and removed with everything in it.
//!
//! PostgreSQL refuses to run as root, so root hands the cluster to the user `postgres`.
//! The server is a child in xtask's own process group: Ctrl-C in a terminal reaches both.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use crate::workspace::{Workspace, output};

/// The variable in which tests find the server; each test makes a database of its own from there.
pub(crate) const URL_VARIABLE: &str = "HEADCOUNT_TEST_POSTGRES_URL";

/// How to get what is missing.
pub(crate) const REMEDY: &str = "install PostgreSQL (Debian and Ubuntu: apt-get install postgresql), or set HEADCOUNT_TEST_POSTGRES_URL to a \
     server whose user may create databases and roles";

/// Where Debian puts the servers, one folder a major version.
const DEBIAN: &str = "/usr/lib/postgresql";

/// Folders of clusters of a test run begin so, and end in the process id of their xtask.
const FOLDER: &str = "headcount-postgres-";

/// How long a cluster may take to start; it takes well under a second on an idle machine.
pub(crate) const START_LIMIT: Duration = Duration::from_mins(1);

/// Settings of every cluster. Durability is given up, since nothing in it outlives the run.
const SETTINGS: &[&str] = &[
    "listen_addresses=127.0.0.1",
    "max_connections=200",
    "fsync=off",
    "full_page_writes=off",
    "shared_buffers=128MB",
    "max_wal_size=2GB",
    "timezone=UTC",
];

/// Settings that a cluster has instead when what it does is measured: nothing is given up.
const DURABLE: &[&str] = &["fsync=on", "full_page_writes=on", "synchronous_commit=on"];

/// A server that tests may use.
pub(crate) enum Postgres {
    /// Somebody else's; it is left as it is.
    Given(String),
    /// Ours, removed when this value is dropped.
    Own(Cluster),
}

impl Postgres {
    /// The URL of its database `postgres`.
    pub(crate) fn url(&self) -> String {
        match self {
            Self::Given(url) => url.clone(),
            Self::Own(cluster) => cluster.url("postgres", "postgres"),
        }
    }
}

/// The server named by the environment, or the one that `postgres up` started, or a new one;
/// `None` if there is no PostgreSQL on this machine.
pub(crate) fn acquire(workspace: &Workspace) -> Result<Option<Postgres>> {
    if let Some(url) = std::env::var_os(URL_VARIABLE).filter(|url| !url.is_empty()) {
        let url = url.into_string().ok().context("HEADCOUNT_TEST_POSTGRES_URL is not UTF-8")?;
        return Ok(Some(Postgres::Given(url)));
    }
    if let Some(record) = Record::load(workspace)?
        && record.is_running()?
    {
        return Ok(Some(Postgres::Given(record.url)));
    }
    Ok(start()?.map(Postgres::Own))
}

/// Starts a cluster that lives as long as the value; `None` if there is no PostgreSQL here.
pub(crate) fn start() -> Result<Option<Cluster>> {
    start_with(&[])
}

/// The same with a cluster whose commits are durable, as a customer's is.
pub(crate) fn start_durable() -> Result<Option<Cluster>> {
    start_with(DURABLE)
}

/// Starts a cluster with settings beside [`SETTINGS`], which they override.
fn start_with(settings: &[&str]) -> Result<Option<Cluster>> {
    let Some(install) = Install::find()? else {
        return Ok(None);
    };
    install.sweep()?;
    let folder = std::env::temp_dir().join(format!("{FOLDER}{}", std::process::id()));
    let files = Files::create(install, folder)?;
    // The port is free when it is asked for and may be taken when it is used: then another is tried.
    let mut last = None;
    for _ in 0..3 {
        match files.run(settings) {
            Ok((port, process)) => {
                return Ok(Some(Cluster { files, port, process }));
            }
            Err(error) => last = Some(error),
        }
    }
    drop(files);
    Err(last.unwrap_or_else(|| anyhow::anyhow!("PostgreSQL did not start")))
}

/// Starts a cluster that outlives xtask, unless it runs already, and prints its URL.
pub(crate) fn up(workspace: &Workspace) -> Result<()> {
    if let Some(record) = Record::load(workspace)? {
        if record.is_running()? {
            println!("{}", record.url);
            return Ok(());
        }
        record.remove(workspace)?;
    }
    let Some(install) = Install::find()? else {
        bail!("there is no PostgreSQL on this machine; {REMEDY}");
    };
    let folder = std::env::temp_dir().join(format!("{FOLDER}up-{}", std::process::id()));
    let files = Files::create(install, folder)?;
    let port = free_port()?;
    let options: Vec<String> = files.options(port, &[]).iter().map(|option| format!("'{option}'")).collect();
    let mut command = files.install.command("pg_ctl");
    command.arg("-D").arg(files.data()).arg("-l").arg(files.folder.join("log"));
    command.args(["-w", "-s", "-o"]).arg(options.join(" ")).arg("start");
    // Its output goes to the log: a pipe held open by the server would never end.
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).status().context("cannot run pg_ctl")?;
    if !status.success() {
        bail!("PostgreSQL did not start: {}", files.log());
    }
    let record = Record { folder: files.folder.clone(), url: url(port, "postgres", "postgres") };
    record.save(workspace)?;
    println!("{}", record.url);
    eprintln!("postgres: export {URL_VARIABLE}={} to use it; `cargo xtask postgres down` stops it", record.url);
    files.keep();
    Ok(())
}

/// Stops the cluster that [`up`] started and removes its files.
pub(crate) fn down(workspace: &Workspace) -> Result<()> {
    match Record::load(workspace)? {
        Some(record) => {
            record.remove(workspace)?;
            println!("postgres: stopped");
        }
        None => println!("postgres: none was started here"),
    }
    Ok(())
}

/// A running cluster of our own.
pub(crate) struct Cluster {
    files: Files,
    port: u16,
    process: Child,
}

impl Cluster {
    /// The URL of a database of this cluster for a role.
    pub(crate) fn url(&self, role: &str, database: &str) -> String {
        url(self.port, role, database)
    }

    /// The process id of the server, whose children are its backends.
    pub(crate) fn process(&self) -> u32 {
        self.process.id()
    }

    /// Tidies a database up and lets the planner look at it, as the server does by itself in time.
    pub(crate) fn analyze(&self, database: &str) -> Result<()> {
        let mut command = self.files.install.command("psql");
        command.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d"]).arg(self.url("postgres", database));
        output(command.args(["-c", "VACUUM (ANALYZE)", "-c", "CHECKPOINT"])).map(drop)
    }

    /// Makes an empty database that is owned by a role which is no superuser, so that row-level
    /// security binds it, and gives its URL.
    pub(crate) fn create_database(&self, name: &str) -> Result<String> {
        for statement in [
            format!("CREATE ROLE {name} LOGIN NOSUPERUSER NOBYPASSRLS"),
            format!(
                "CREATE DATABASE {name} OWNER {name} ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
            ),
        ] {
            let mut command = self.files.install.command("psql");
            command.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d"]).arg(self.url("postgres", "postgres"));
            output(command.arg("-c").arg(statement))?;
        }
        Ok(self.url(name, name))
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.files.stop();
        // The server is gone or was never there; either way its exit status tells nothing.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The programs of one PostgreSQL, and the user that may run them.
#[derive(Clone)]
struct Install {
    programs: PathBuf,
    owner: Option<Owner>,
}

/// The user that the programs run as when xtask is root.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Owner {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

impl Install {
    fn find() -> Result<Option<Self>> {
        let Some(programs) = find_programs() else {
            return Ok(None);
        };
        Ok(Some(Self { programs, owner: unprivileged()? }))
    }

    /// A program of PostgreSQL, run as the owner, from a folder that everybody may enter.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        command.current_dir("/").env("LC_ALL", "C").stdin(Stdio::null());
        if let Some(owner) = self.owner {
            command.uid(owner.uid).gid(owner.gid);
        }
        command
    }

    /// Removes clusters whose xtask was killed: their folder names a process that is no more.
    fn sweep(&self) -> Result<()> {
        let processes = Path::new("/proc");
        if !processes.join("self").exists() {
            return Ok(());
        }
        let me = match self.owner {
            Some(owner) => owner.uid,
            None => std::fs::metadata("/proc/self")?.uid(),
        };
        for entry in std::fs::read_dir(std::env::temp_dir())?.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let Some(process) = name.strip_prefix(FOLDER).and_then(|rest| rest.parse::<u32>().ok()) else {
                continue;
            };
            // SECURITY: a folder of this name that somebody else made is not touched.
            let ours = entry.metadata().is_ok_and(|metadata| metadata.is_dir() && metadata.uid() == me);
            if ours && !processes.join(process.to_string()).exists() {
                drop(Files { install: self.clone(), folder: entry.path() });
            }
        }
        Ok(())
    }
}

/// The folder of a cluster: data, socket and log. Dropping it stops what runs there and removes it.
struct Files {
    install: Install,
    folder: PathBuf,
}

impl Files {
    fn create(install: Install, folder: PathBuf) -> Result<Self> {
        std::fs::DirBuilder::new()
            .mode(0o700)
            .create(&folder)
            .with_context(|| format!("cannot make {}", folder.display()))?;
        if let Some(owner) = install.owner {
            std::os::unix::fs::chown(&folder, Some(owner.uid), Some(owner.gid))?;
        }
        let files = Self { install, folder };
        let mut command = files.install.command("initdb");
        command.arg("-D").arg(files.data());
        command.args(["-U", "postgres", "-A", "trust", "--no-sync", "--encoding=UTF8", "--locale=C"]);
        output(&mut command).context("cannot make a PostgreSQL cluster")?;
        Ok(files)
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn log(&self) -> String {
        let text = std::fs::read_to_string(self.folder.join("log")).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        let tail = lines.get(lines.len().saturating_sub(5)..).unwrap_or_default();
        tail.join("; ")
    }

    /// The options of the server; of a setting that is given twice the last counts.
    fn options(&self, port: u16, settings: &[&str]) -> Vec<String> {
        let mut options = vec!["-p".to_owned(), port.to_string()];
        options.extend(["-k".to_owned(), self.folder.display().to_string()]);
        for setting in SETTINGS.iter().chain(settings) {
            options.extend(["-c".to_owned(), (*setting).to_owned()]);
        }
        options
    }

    /// Starts the server as a child and waits until it says that it accepts connections.
    fn run(&self, settings: &[&str]) -> Result<(u16, Child)> {
        let port = free_port()?;
        let mut command = self.install.command("postgres");
        command.arg("-D").arg(self.data()).args(self.options(port, settings));
        let mut process =
            command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().context("cannot run postgres")?;
        let talk = process.stderr.take().context("postgres has no standard error")?;
        let log = File::create(self.folder.join("log"))?;
        let (sender, ready) = mpsc::channel();
        std::thread::spawn(move || follow(talk, log, "database system is ready to accept connections", &sender));
        if ready.recv_timeout(START_LIMIT).is_ok() {
            return Ok((port, process));
        }
        // It ended, or says nothing: its log tells which.
        let _ = process.kill();
        let _ = process.wait();
        bail!("PostgreSQL did not start on port {port}: {}", self.log())
    }

    fn stop(&self) {
        if self.data().join("postmaster.pid").exists() {
            let mut command = self.install.command("pg_ctl");
            command.arg("-D").arg(self.data()).args(["-m", "immediate", "-s", "-w", "stop"]);
            if let Err(error) = output(&mut command) {
                eprintln!("postgres: cannot stop the cluster in {}: {error:#}", self.folder.display());
            }
        }
        if let Err(error) = std::fs::remove_dir_all(&self.folder)
            && self.folder.exists()
        {
            eprintln!("postgres: cannot remove {}: {error}", self.folder.display());
        }
    }

    /// Leaves the cluster running when this value goes.
    fn keep(self) {
        std::mem::forget(self);
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        if self.folder.exists() {
            self.stop();
        }
    }
}

/// What `postgres up` writes down for `postgres down`.
struct Record {
    folder: PathBuf,
    url: String,
}

impl Record {
    fn path(workspace: &Workspace) -> Result<PathBuf> {
        Ok(workspace.target_dir()?.join("postgres.json"))
    }

    fn load(workspace: &Workspace) -> Result<Option<Self>> {
        let Ok(text) = std::fs::read_to_string(Self::path(workspace)?) else {
            return Ok(None);
        };
        let value: Value = serde_json::from_str(&text).context("target/postgres.json is not JSON; remove it")?;
        let member = |name: &str| value.get(name).and_then(Value::as_str);
        match (member("folder"), member("url")) {
            (Some(folder), Some(url)) => Ok(Some(Self { folder: PathBuf::from(folder), url: url.to_owned() })),
            _ => bail!("target/postgres.json names no folder and url; remove it"),
        }
    }

    fn save(&self, workspace: &Workspace) -> Result<()> {
        let path = Self::path(workspace)?;
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        let value = json!({"folder": self.folder.display().to_string(), "url": self.url});
        std::fs::write(path, value.to_string()).context("cannot write target/postgres.json")
    }

    fn is_running(&self) -> Result<bool> {
        let Some(install) = Install::find()? else {
            return Ok(false);
        };
        let mut command = install.command("pg_ctl");
        command.arg("-D").arg(self.folder.join("data")).arg("status");
        let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status().context("cannot run pg_ctl")?;
        Ok(status.success())
    }

    fn remove(self, workspace: &Workspace) -> Result<()> {
        if let Some(install) = Install::find()? {
            drop(Files { install, folder: self.folder });
        }
        std::fs::remove_file(Self::path(workspace)?).context("cannot remove target/postgres.json")
    }
}

/// Copies what a server says into its log, and tells when it says that it accepts connections.
pub(crate) fn follow(talk: ChildStderr, mut log: File, says: &str, ready: &mpsc::Sender<()>) {
    for line in BufReader::new(talk).lines().map_while(Result::ok) {
        if line.contains(says) {
            // Nobody listens any more if the limit has passed.
            let _ = ready.send(());
        }
        // A log that cannot be written is no reason to stop reading: the server would block.
        let _ = writeln!(log, "{line}");
    }
}

pub(crate) fn url(port: u16, role: &str, database: &str) -> String {
    format!("postgres://{role}@127.0.0.1:{port}/{database}")
}

pub(crate) fn free_port() -> Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).context("no free port on the loopback address")?;
    Ok(listener.local_addr()?.port())
}

/// The newest PostgreSQL of Debian's folders, else the one in PATH.
fn find_programs() -> Option<PathBuf> {
    let debian = std::fs::read_dir(DEBIAN).into_iter().flatten().flatten();
    let newest = debian
        .map(|entry| entry.path().join("bin"))
        .filter(|folder| has_server(folder))
        .max_by_key(|folder| version_of(folder));
    newest.or_else(|| {
        let path = std::env::var_os("PATH")?;
        std::env::split_paths(&path).find(|folder| has_server(folder))
    })
}

fn has_server(folder: &Path) -> bool {
    ["initdb", "postgres", "pg_ctl", "psql"].iter().all(|program| folder.join(program).is_file())
}

fn version_of(programs: &Path) -> u32 {
    let version = programs.parent().and_then(Path::file_name).and_then(|name| name.to_str());
    version.and_then(|version| version.parse().ok()).unwrap_or(0)
}

/// Whom root hands its servers to, since they refuse to run as root; `None` for everybody else.
pub(crate) fn unprivileged() -> Result<Option<Owner>> {
    if !is_root()? {
        return Ok(None);
    }
    let users = std::fs::read_to_string("/etc/passwd").context("cannot read /etc/passwd")?;
    let owner = owner_in(&users, "postgres");
    owner.map(Some).context("PostgreSQL does not run as root, and there is no user `postgres` to run it as")
}

fn is_root() -> Result<bool> {
    Ok(output(Command::new("id").arg("-u"))?.trim() == "0")
}

/// The ids of a user in the text of /etc/passwd.
fn owner_in(users: &str, name: &str) -> Option<Owner> {
    users.lines().find_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        match fields.as_slice() {
            [user, _, uid, gid, ..] if *user == name => Some(Owner { uid: uid.parse().ok()?, gid: gid.parse().ok()? }),
            _ => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Owner, owner_in, start, url, version_of};
    use crate::workspace::output;

    #[test]
    fn a_user_is_found_in_the_list_of_users() {
        let users = "root:x:0:0:root:/:/bin/sh\npostgres:x:112:120:,,,:/var/lib/postgresql:/bin/bash\n";
        assert_eq!(owner_in(users, "postgres"), Some(Owner { uid: 112, gid: 120 }));
        assert_eq!(owner_in(users, "post"), None);
        assert_eq!(owner_in("postgres:x:a:b", "postgres"), None);
    }

    #[test]
    fn the_newest_version_wins_by_number() {
        let version = |text: &str| version_of(&Path::new("/usr/lib/postgresql").join(text).join("bin"));
        assert!(version("16") > version("9"));
        assert_eq!(version("not a version"), 0);
    }

    #[test]
    fn a_url_names_role_port_and_database() {
        assert_eq!(url(5000, "a", "b"), "postgres://a@127.0.0.1:5000/b");
    }

    #[test]
    fn a_cluster_lives_as_long_as_its_value() {
        let cluster = start().unwrap().expect("there is no PostgreSQL on this machine");
        let folder = cluster.files.folder.clone();
        let url = cluster.create_database("somebody").unwrap();
        let ask = |question: &str| {
            let mut command = cluster.files.install.command("psql");
            output(command.args(["-X", "-A", "-t", "-d", &url, "-c", question])).unwrap()
        };
        let role = "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user";
        assert_eq!(ask(role).trim(), "f");
        assert_eq!(ask("SELECT datcollate FROM pg_database WHERE datname = current_database()").trim(), "C");
        drop(cluster);
        assert!(!folder.exists());
    }
}
