//! A server that is measured: started on a fresh database, known by its address, token and users.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use super::client::Client;
use super::guardian::{Guardian, Signal};
use super::process::Processes;
use crate::server::{self, CommandLine};
use crate::stopwatch::{Stopwatch, pause};

/// How long a server may take to start: migrations of a fresh database and a disk under load.
const START_LIMIT: Duration = Duration::from_mins(2);

/// How long it may take to stop.
const STOP_LIMIT: Duration = Duration::from_secs(40);

/// How often a server is looked at while it starts or stops.
const LOOK: Duration = Duration::from_millis(10);

/// A group and how many members it was given.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Group {
    pub(crate) id: String,
    pub(crate) members: usize,
}

/// What a client needs to know of a server.
#[derive(Clone, Default)]
pub(crate) struct Target {
    /// `floor` or `ours`.
    pub(crate) name: &'static str,
    /// `127.0.0.1:PORT`.
    pub(crate) host: String,
    /// The path of its SCIM endpoint.
    pub(crate) base: String,
    pub(crate) token: String,
    /// What its users have in their names.
    pub(crate) prefix: String,
    /// The ids of its users, by number.
    pub(crate) users: Vec<String>,
    pub(crate) groups: Vec<Group>,
    /// The server and its database.
    pub(crate) processes: Processes,
}

impl Target {
    pub(crate) fn client(&self) -> Client {
        Client::new(&self.host, &self.base, &self.token)
    }

    /// The id of a user.
    pub(crate) fn user(&self, number: usize) -> &str {
        self.users.get(number).map_or("", String::as_str)
    }

    /// The group of so many members.
    pub(crate) fn group(&self, members: usize) -> Option<&Group> {
        self.groups.iter().find(|group| group.members == members)
    }
}

/// A running program, ended when dropped.
pub(crate) struct Running {
    process: Child,
    guardian: Rc<Guardian>,
    log: PathBuf,
}

impl Running {
    /// Runs a server; what it says goes to a file, since reading it would cost what is measured.
    pub(crate) fn start(mut command: Command, log: &Path, guardian: &Rc<Guardian>) -> Result<Self> {
        let file = std::fs::File::create(log).with_context(|| format!("cannot make {}", log.display()))?;
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(file);
        let program = command.get_program().to_string_lossy().into_owned();
        let process = command.spawn().with_context(|| format!("cannot run {program}"))?;
        guardian.watch(process.id(), Signal::Term)?;
        Ok(Self { process, guardian: Rc::clone(guardian), log: log.to_owned() })
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Waits until the server says where it listens: `127.0.0.1:PORT`.
    pub(crate) fn host(&mut self) -> Result<String> {
        let watch = Stopwatch::start();
        loop {
            let log = std::fs::read_to_string(&self.log).unwrap_or_default();
            let complete = log.rsplit_once('\n').map_or("", |(complete, _)| complete);
            if let Some(address) = complete.lines().find_map(server::address_in) {
                return Ok(address.trim_start_matches("http://").to_owned());
            }
            let ended = self.process.try_wait().context("cannot ask for the server")?;
            if ended.is_some() || watch.elapsed() > START_LIMIT {
                bail!("the server did not say `listening on http://…`; it said: {}", self.last_words());
            }
            pause(LOOK);
        }
    }

    /// The last lines of its log.
    pub(crate) fn last_words(&self) -> String {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines.get(lines.len().saturating_sub(10)..).unwrap_or_default().join("\n")
    }

    /// Kills it at once, as a failing machine would.
    pub(crate) fn kill(mut self) -> Result<()> {
        self.process.kill().context("cannot kill the server")?;
        self.process.wait().context("the server did not end")?;
        Ok(())
    }

    /// Asks it to end and waits for it.
    fn stop(&mut self) -> Option<ExitStatus> {
        if let Ok(Some(status)) = self.process.try_wait() {
            return Some(status);
        }
        // The shell's own `kill` is there on every machine; the program of that name may not be.
        let id = self.process.id().to_string();
        let _ = Command::new("sh").args(["-c", "kill -TERM \"$1\"", "sh", &id]).status();
        let watch = Stopwatch::start();
        while watch.elapsed() < STOP_LIMIT {
            if let Ok(Some(status)) = self.process.try_wait() {
                return Some(status);
            }
            pause(LOOK);
        }
        None
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.stop().is_none() {
            let _ = self.process.kill();
            let _ = self.process.wait();
        }
        self.guardian.forget(self.process.id());
    }
}

/// The token of every floor.
const FLOOR_TOKEN: &str = "floor";

/// Starts a floor; `mode` is its `--mode`.
pub(crate) fn start_floor(
    binary: &Path,
    mode: &str,
    database: &str,
    log: &Path,
    guardian: &Rc<Guardian>,
) -> Result<(Running, Target)> {
    let mut command = Command::new(binary);
    command.args(["--mode", mode, "--database", database, "--token", FLOOR_TOKEN]);
    let mut running = Running::start(command, log, guardian)?;
    let target = Target {
        name: "floor",
        host: running.host()?,
        base: "/scim/v2".to_owned(),
        token: FLOOR_TOKEN.to_owned(),
        prefix: "floor".to_owned(),
        ..Target::default()
    };
    Ok((running, target))
}

/// Starts Headcount as it is without any settings but where to listen and where the data is.
pub(crate) fn start_headcount(
    binary: &Path,
    database_url: &str,
    folder: &Path,
    log: &Path,
    guardian: &Rc<Guardian>,
) -> Result<(Running, String)> {
    let mut command = Command::new(binary);
    command.current_dir(folder).args(["serve", "--listen", "127.0.0.1:0", "--database-url", database_url]);
    server::forget_settings(&mut command);
    let mut running = Running::start(command, log, guardian)?;
    let host = running.host()?;
    Ok((running, host))
}

/// Starts Headcount and makes a token.
pub(crate) fn start_ours(
    binary: &Path,
    database_url: &str,
    folder: &Path,
    guardian: &Rc<Guardian>,
) -> Result<(Running, Target)> {
    let (running, host) = start_headcount(binary, database_url, folder, &folder.join("ours.log"), guardian)?;
    let target = with_token(binary, database_url, folder, &host)?;
    Ok((running, target))
}

/// Makes a token of the tenant `default` for a server that runs.
pub(crate) fn with_token(binary: &Path, database_url: &str, folder: &Path, host: &str) -> Result<Target> {
    with_token_of(binary, database_url, folder, host, None)
}

/// Makes a tenant, if one is named, with a connection, and a token of it for a server that runs.
pub(crate) fn with_token_of(
    binary: &Path,
    database_url: &str,
    folder: &Path,
    host: &str,
    tenant: Option<&str>,
) -> Result<Target> {
    let operator = CommandLine::new(binary, folder, database_url);
    if let Some(tenant) = tenant {
        operator.run(&["tenant", "create", tenant])?;
        operator.run(&["connection", "create", "--tenant", tenant, "--preset", "generic"])?;
    }
    let access = server::create_token_of(&operator, &format!("http://{host}"), tenant.unwrap_or("default"))?;
    let base = access.base_url.trim_start_matches("http://").trim_start_matches(host).to_owned();
    let (host, prefix) = (host.to_owned(), "ours".to_owned());
    Ok(Target { name: "ours", host, base, token: access.token, prefix, ..Target::default() })
}
