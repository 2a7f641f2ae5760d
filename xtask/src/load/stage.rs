//! What a run needs around it: the programs, a folder, databases, and the servers on them.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::rc::Rc;

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::guardian::{Guardian, Signal};
use super::process::Processes;
use super::progress::say;
use super::results::Results;
use super::target::{Running, Target, start_floor, start_headcount, start_ours};
use super::{Choice, Options};
use crate::postgres::{self, Cluster};
use crate::workspace::{Workspace, output};

/// A database engine.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Engine {
    Sqlite,
    Postgres,
}

impl Engine {
    /// Its name in results, and the mode of the floor.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        }
    }

    /// Its name for a reader.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        }
    }
}

/// Whether the floor is wanted beside Headcount.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Beside {
    Floor,
    Nothing,
}

/// A run's surroundings; everything that was started ends with it.
pub(crate) struct Stage {
    pub(crate) engines: Vec<Engine>,
    pub(crate) results: Results,
    pub(crate) headcount: PathBuf,
    pub(crate) guardian: Rc<Guardian>,
    floor: Option<PathBuf>,
    cluster: Option<Cluster>,
    folder: PathBuf,
}

impl Stage {
    /// Builds what is not given, makes the folder, and starts PostgreSQL if it is wanted.
    pub(crate) fn open(workspace: &Workspace, options: &Options, beside: Beside, run: &str) -> Result<Self> {
        let engines = match options.database {
            Choice::Sqlite => vec![Engine::Sqlite],
            Choice::Postgres => vec![Engine::Postgres],
            Choice::Both => vec![Engine::Sqlite, Engine::Postgres],
        };
        let headcount = obtain(workspace, options.server.as_deref(), "headcount")?;
        let floor = match beside {
            Beside::Floor => Some(obtain(workspace, options.floor.as_deref(), "floor")?),
            Beside::Nothing => None,
        };
        let out = results_folder(workspace, options)?;
        let results = Results::new(&out)?;
        results.begin(run)?;
        sweep(&out);
        let folder = out.join(format!("{RUN}{}", std::process::id()));
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        if options.keep {
            std::fs::write(folder.join("keep"), "")?;
            say(&format!("databases and logs stay in {}", folder.display()));
        }
        let guardian = Rc::new(Guardian::start((!options.keep).then_some(folder.as_path()))?);
        let mut cluster = None;
        if engines.contains(&Engine::Postgres) {
            let missing = || format!("there is no PostgreSQL on this machine; {}", postgres::REMEDY);
            let started = postgres::start_durable()?.with_context(missing)?;
            guardian.watch(started.process(), Signal::Int)?;
            cluster = Some(started);
        }
        Ok(Self { engines, results, headcount, guardian, floor, cluster, folder })
    }

    /// An empty folder of a name.
    pub(crate) fn subfolder(&self, name: &str) -> Result<PathBuf> {
        let folder = self.folder.join(name);
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        Ok(folder)
    }

    /// Starts the floor on a fresh database.
    pub(crate) fn floor(&self, engine: Engine, name: &str) -> Result<(Running, Target)> {
        let folder = self.subfolder(name)?;
        let database = match engine {
            Engine::Sqlite => folder.join("floor.db").display().to_string(),
            Engine::Postgres => self.cluster()?.create_database(&format!("{name}_floor"))?,
        };
        let binary = self.floor.as_deref().context("this run has no floor")?;
        let log = folder.join("floor.log");
        let (running, mut target) = start_floor(binary, engine.name(), &database, &log, &self.guardian)?;
        target.processes = self.processes(&[running.id()], engine);
        Ok((running, target))
    }

    /// Starts Headcount on a fresh database and makes a token.
    pub(crate) fn ours(&self, engine: Engine, name: &str) -> Result<(Running, Target)> {
        let (running, target, _) = self.ours_at(engine, name)?;
        Ok((running, target))
    }

    /// The same, with the URL of the database.
    pub(crate) fn ours_at(&self, engine: Engine, name: &str) -> Result<(Running, Target, String)> {
        let url = self.database_url(engine, name)?;
        let folder = self.subfolder(name)?;
        let (running, mut target) = start_ours(&self.headcount, &url, &folder, &self.guardian)?;
        target.processes = self.processes(&[running.id()], engine);
        Ok((running, target, url))
    }

    /// Starts another server on a database that is there; its address.
    pub(crate) fn again(&self, database_url: &str, name: &str, log: &str) -> Result<(Running, String)> {
        let folder = self.subfolder(name)?;
        start_headcount(&self.headcount, database_url, &folder, &folder.join(log), &self.guardian)
    }

    /// The URL of a fresh database for Headcount.
    pub(crate) fn database_url(&self, engine: Engine, name: &str) -> Result<String> {
        match engine {
            Engine::Sqlite => Ok(format!("sqlite:{}", self.subfolder(name)?.join("ours.db").display())),
            Engine::Postgres => self.cluster()?.create_database(&format!("{name}_ours")),
        }
    }

    /// Lets PostgreSQL do now what it does in time by itself, so that every round finds the same.
    pub(crate) fn settle(&self, engine: Engine, name: &str, beside: Beside) -> Result<()> {
        if engine == Engine::Sqlite {
            return Ok(());
        }
        if beside == Beside::Floor {
            self.cluster()?.analyze(&format!("{name}_floor"))?;
        }
        self.cluster()?.analyze(&format!("{name}_ours"))
    }

    /// Servers and what works for them: on PostgreSQL its backends too.
    pub(crate) fn processes(&self, servers: &[u32], engine: Engine) -> Processes {
        let mut roots = servers.to_vec();
        if engine == Engine::Postgres {
            roots.extend(self.cluster.as_ref().map(Cluster::process));
        }
        Processes::new(&roots)
    }

    fn cluster(&self) -> Result<&Cluster> {
        self.cluster.as_ref().context("this run has no PostgreSQL")
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if let Some(cluster) = self.cluster.take() {
            let process = cluster.process();
            drop(cluster);
            self.guardian.forget(process);
        }
    }
}

/// Where results go.
pub(crate) fn results_folder(workspace: &Workspace, options: &Options) -> Result<PathBuf> {
    match &options.out {
        Some(folder) => std::path::absolute(folder).context("cannot tell the current directory"),
        None => Ok(workspace.target_dir()?.join("load")),
    }
}

/// Folders of runs begin so, and end in the process id of their xtask.
const RUN: &str = "run-";

/// Removes what runs left that were killed together with their guardian.
fn sweep(folder: &Path) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let process = name.strip_prefix(RUN).and_then(|rest| rest.parse::<u32>().ok());
        let kept = entry.path().join("keep").exists();
        if process.is_some_and(|process| !Path::new("/proc").join(process.to_string()).exists()) && !kept {
            // What cannot be removed only takes room.
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

/// A program that is given, or built as it is shipped.
pub(crate) fn obtain(workspace: &Workspace, given: Option<&Path>, package: &str) -> Result<PathBuf> {
    if let Some(binary) = given {
        return binary.canonicalize().with_context(|| format!("there is no {}", binary.display()));
    }
    say(&format!("building {package}"));
    let mut command = workspace.cargo(&["build", "--release", "--package", package, "--bin", package]);
    command.arg("--message-format=json-render-diagnostics").stderr(Stdio::inherit());
    let text = output(&mut command).with_context(|| format!("{package} does not build"))?;
    let executable = text.lines().rev().find_map(|line| {
        let message: Value = serde_json::from_str(line).ok()?;
        let name = message.pointer("/target/name").and_then(Value::as_str)?;
        let path = message.get("executable").and_then(Value::as_str)?;
        (name == package).then(|| PathBuf::from(path))
    });
    executable.with_context(|| format!("cargo built no executable `{package}`"))
}
