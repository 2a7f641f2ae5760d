//! Where the workspace is, what is in it, and how cargo is called there.

use std::cell::OnceCell;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

/// The checkout that xtask works on.
pub(crate) struct Workspace {
    root: PathBuf,
    metadata: OnceCell<Metadata>,
}

impl Workspace {
    /// Finds the workspace from the directory that cargo runs xtask for.
    pub(crate) fn locate() -> Result<Self> {
        let start = match std::env::var_os("CARGO_MANIFEST_DIR") {
            Some(directory) => PathBuf::from(directory),
            None => std::env::current_dir().context("cannot tell the current directory")?,
        };
        for directory in start.ancestors() {
            if directory.join("Cargo.toml").is_file() && directory.join("xtask").is_dir() {
                return Ok(Self { root: directory.to_owned(), metadata: OnceCell::new() });
            }
        }
        bail!("no workspace found above {}; run xtask inside a checkout", start.display())
    }

    /// The directory of the workspace's `Cargo.toml`.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// A cargo command that runs at the root; in CI it refuses to change `Cargo.lock`.
    pub(crate) fn cargo(&self, verb: &[&str]) -> Command {
        let mut command = self.program(&cargo_path());
        command.args(verb);
        // `cargo fmt` has no lock file to keep.
        if in_ci() && verb.first() != Some(&"fmt") {
            command.arg("--locked");
        }
        command
    }

    /// A command that runs at the root.
    pub(crate) fn program(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.root);
        command
    }

    /// Every file that git knows or would add, relative to the root.
    pub(crate) fn files(&self) -> Result<Vec<PathBuf>> {
        // A clone made by another user is still read: nothing of it is executed by this call.
        let mut command = self.program(Path::new("git"));
        command.args(["-c", "safe.directory=*", "ls-files", "-z"]);
        command.args(["--cached", "--others", "--exclude-standard"]);
        let text = output(&mut command)?;
        let mut files: Vec<PathBuf> = text
            .split('\0')
            .filter(|name| !name.is_empty())
            .map(PathBuf::from)
            .filter(|path| self.root.join(path).is_file())
            .collect();
        files.sort();
        files.dedup();
        Ok(files)
    }

    /// The text of a file relative to the root, or `None` if it is not UTF-8.
    pub(crate) fn read(&self, file: &Path) -> Result<Option<String>> {
        let bytes = std::fs::read(self.root.join(file)).with_context(|| format!("cannot read {}", file.display()))?;
        Ok(String::from_utf8(bytes).ok())
    }

    /// What `cargo metadata` says of this workspace on this platform, asked once.
    pub(crate) fn metadata(&self) -> Result<&Metadata> {
        if let Some(metadata) = self.metadata.get() {
            return Ok(metadata);
        }
        let host = host_triple(self)?;
        let mut command = self.cargo(&["metadata", "--format-version", "1"]);
        command.args(["--filter-platform", &host]);
        let text = output(&mut command)?;
        let value = serde_json::from_str(&text).context("cargo metadata printed no JSON")?;
        Ok(self.metadata.get_or_init(|| Metadata { value }))
    }

    /// Where cargo puts what it builds.
    pub(crate) fn target_dir(&self) -> Result<PathBuf> {
        let metadata = self.metadata()?;
        let directory = metadata.value.get("target_directory").and_then(Value::as_str);
        directory.map(PathBuf::from).context("cargo metadata names no target_directory")
    }
}

/// The answer of `cargo metadata`.
pub(crate) struct Metadata {
    value: Value,
}

impl Metadata {
    /// Wraps an answer; for tests.
    #[cfg(test)]
    pub(crate) fn new(value: Value) -> Self {
        Self { value }
    }

    /// Every package, members and dependencies.
    pub(crate) fn packages(&self) -> Vec<Package<'_>> {
        let members = texts(self.value.get("workspace_members"));
        let packages = self.value.get("packages").and_then(Value::as_array);
        packages
            .into_iter()
            .flatten()
            .map(|value| Package { value, member: members.contains(&text(value, "id")) })
            .collect()
    }

    /// The members of the workspace, by name.
    pub(crate) fn members(&self) -> Vec<Package<'_>> {
        let mut members: Vec<_> = self.packages();
        members.retain(|package| package.member);
        members.sort_by_key(|package| package.name().to_owned());
        members
    }

    /// The ids of the packages that are built on this platform.
    pub(crate) fn resolved_ids(&self) -> Vec<&str> {
        let nodes = self.value.pointer("/resolve/nodes").and_then(Value::as_array);
        nodes.into_iter().flatten().map(|node| text(node, "id")).collect()
    }
}

/// One package of `cargo metadata`.
#[derive(Clone, Copy)]
pub(crate) struct Package<'a> {
    value: &'a Value,
    member: bool,
}

impl<'a> Package<'a> {
    pub(crate) fn id(&self) -> &'a str {
        text(self.value, "id")
    }

    pub(crate) fn name(&self) -> &'a str {
        text(self.value, "name")
    }

    pub(crate) fn version(&self) -> &'a str {
        text(self.value, "version")
    }

    pub(crate) fn is_member(&self) -> bool {
        self.member
    }

    /// The licence expression, as the package declares it.
    pub(crate) fn license(&self) -> Option<&'a str> {
        self.value.get("license").and_then(Value::as_str)
    }

    /// The directory of the package.
    pub(crate) fn directory(&self) -> PathBuf {
        let mut manifest = PathBuf::from(text(self.value, "manifest_path"));
        manifest.pop();
        manifest
    }

    /// The dependencies of one kind.
    pub(crate) fn dependencies(&self, kind: DependencyKind) -> Vec<Dependency<'a>> {
        let declared = self.value.get("dependencies").and_then(Value::as_array);
        declared
            .into_iter()
            .flatten()
            .filter(|value| DependencyKind::of(value) == kind)
            .map(|value| Dependency { value })
            .collect()
    }
}

/// How a package is used by another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum DependencyKind {
    Normal,
    Build,
    Dev,
}

impl DependencyKind {
    fn of(value: &Value) -> Self {
        match value.get("kind").and_then(Value::as_str) {
            Some("dev") => Self::Dev,
            Some("build") => Self::Build,
            _ => Self::Normal,
        }
    }
}

/// One declared dependency.
#[derive(Clone, Copy)]
pub(crate) struct Dependency<'a> {
    value: &'a Value,
}

impl<'a> Dependency<'a> {
    /// The name of the package that is used.
    pub(crate) fn name(self) -> &'a str {
        text(self.value, "name")
    }

    /// The name by which the source refers to it.
    pub(crate) fn ident(self) -> String {
        let renamed = self.value.get("rename").and_then(Value::as_str);
        renamed.unwrap_or(self.name()).replace('-', "_")
    }
}

/// Whether this is a run of continuous integration: nothing may then be left out.
pub(crate) fn in_ci() -> bool {
    std::env::var_os("CI").is_some_and(|value| value != "false" && !value.is_empty())
}

/// Runs a command to its end and gives back its standard output.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().with_context(|| format!("cannot run {name}"))?;
    if !output.status.success() {
        let talk = String::from_utf8_lossy(&output.stderr).into_owned();
        bail!("{name} failed ({}): {}", output.status, talk.trim());
    }
    String::from_utf8(output.stdout).with_context(|| format!("{name} printed text that is not UTF-8"))
}

/// Runs a command with its output shown, and fails if it does.
pub(crate) fn succeed(command: &mut Command) -> Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let status = command.status().with_context(|| format!("cannot run {name}"))?;
    if !status.success() {
        let first = command.get_args().next().map(|arg| arg.to_string_lossy().into_owned());
        bail!("`{} {}` failed ({status})", name, first.unwrap_or_default());
    }
    Ok(())
}

/// The cargo that runs xtask, so that all steps use one toolchain.
fn cargo_path() -> PathBuf {
    std::env::var_os("CARGO").map_or_else(|| PathBuf::from("cargo"), PathBuf::from)
}

fn host_triple(workspace: &Workspace) -> Result<String> {
    let mut rustc = workspace.program(Path::new("rustc"));
    let text = output(rustc.arg("-vV"))?;
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("rustc -vV names no host")
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn texts(value: Option<&Value>) -> Vec<&str> {
    let items = value.and_then(Value::as_array);
    items.into_iter().flatten().filter_map(Value::as_str).collect()
}
