//! The conformance tools of others, run against a real server on each database.
//!
//! scim2-tester and scim-sanity come from `PyPI` into a virtual environment under `target/`.
//! A failed check is either explained by a row of docs/conformance-deviations.toml, with the text of
//! the RFC, or fails the run; a row that explains nothing any more fails it too.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::deviations::{self, Deviation, Finding, Outcome};
use crate::postgres::{self, Cluster};
use crate::server::{self, Access, CommandLine, Server};
use crate::stopwatch::{Stopwatch, seconds};
use crate::workspace::{Workspace, in_ci, output, succeed};

/// What the virtual environment holds.
const REQUIREMENTS: &str = include_str!("conformance/requirements.txt");

/// Runs one tool and prints its results as lines of JSON.
const PROBE: &str = include_str!("conformance/probe.py");

/// Schemas and a resource type with every type, mutability and returned value of RFC 7643.
const TEST_RESOURCE: &str = "crates/headcount-testkit/fixtures/test-resource";

/// The tools by the names that probe.py knows.
const TESTER: &str = "scim2-tester";
const SANITY: &str = "scim-sanity";

/// One server to be probed, and with what.
struct Run {
    /// How the run is called in the output.
    name: String,
    database_url: String,
    schemas: Option<PathBuf>,
    tools: &'static [&'static str],
}

/// Runs every tool on every database.
pub(crate) fn run(workspace: &Workspace, binary: Option<&Path>) -> Result<()> {
    let deviations = deviations::parse(
        &std::fs::read_to_string(workspace.root().join("docs/conformance-deviations.toml"))
            .context("cannot read docs/conformance-deviations.toml")?,
    )?;
    let folder = fresh_folder(workspace)?;
    let python = virtual_environment(workspace)?;
    let probe = folder.join("probe.py");
    std::fs::write(&probe, PROBE)?;
    let binary = server::obtain(workspace, binary)?;
    let cluster = postgres::start()?;
    if cluster.is_none() && in_ci() {
        bail!("there is no PostgreSQL on this machine; {}", postgres::REMEDY);
    }
    let schemas = workspace.root().join(TEST_RESOURCE);
    let mut tally = Tally::default();
    for run in runs(&folder, &schemas, cluster.as_ref())? {
        for finding in probe_server(&run, &binary, &folder, &python, &probe)? {
            tally.add(&run.name, finding, &deviations);
        }
    }
    if cluster.is_none() {
        println!("\nNOT RUN: the conformance tools on PostgreSQL. To run them, {}.", postgres::REMEDY);
    }
    tally.conclude(&deviations)
}

/// The servers to probe: each database, as it comes and with the resource type of the fixtures.
fn runs(folder: &Path, schemas: &Path, cluster: Option<&Cluster>) -> Result<Vec<Run>> {
    let mut runs = Vec::new();
    for (name, schemas, tools) in
        [("", None, [TESTER, SANITY].as_slice()), (" with TestResource", Some(schemas.to_owned()), [TESTER].as_slice())]
    {
        let file = if schemas.is_some() { "test-resource" } else { "plain" };
        runs.push(Run {
            name: format!("SQLite{name}"),
            database_url: format!("sqlite:{}", folder.join(format!("{file}.db")).display()),
            schemas: schemas.clone(),
            tools,
        });
        if let Some(cluster) = cluster {
            let database = if schemas.is_some() { "conformance_test_resource" } else { "conformance" };
            let database_url = cluster.create_database(database)?;
            runs.push(Run { name: format!("PostgreSQL{name}"), database_url, schemas, tools });
        }
    }
    Ok(runs)
}

/// Starts the server of a run, lets the tools at it, and stops it.
fn probe_server(run: &Run, binary: &Path, folder: &Path, python: &Path, probe: &Path) -> Result<Vec<Finding>> {
    let watch = Stopwatch::start();
    let server = Server::start(binary, folder, &run.database_url, run.schemas.as_deref())?;
    let command_line = CommandLine::new(binary, folder, &run.database_url);
    let access = server::create_token(&command_line, &server)?;
    let mut findings = Vec::new();
    for tool in run.tools {
        let found = run_tool(tool, &access, python, probe).with_context(|| {
            format!("{tool} did not finish on {}; the server said:\n{}", run.name, server.last_words())
        })?;
        if found.iter().all(|finding| finding.outcome == Outcome::Skipped) {
            bail!("{tool} checked nothing on {}; the server said:\n{}", run.name, server.last_words());
        }
        println!("{tool} on {}: {}", run.name, counts(&found));
        findings.extend(found);
    }
    println!("{} took {}", run.name, seconds(watch.elapsed()));
    Ok(findings)
}

fn run_tool(tool: &str, access: &Access, python: &Path, probe: &Path) -> Result<Vec<Finding>> {
    let mut command = std::process::Command::new(python);
    // `-P` keeps the folder of the script out of the search for modules.
    command.arg("-P").arg(probe).args([tool, &access.base_url]);
    command.env("HEADCOUNT_CONFORMANCE_TOKEN", &access.token).env("PYTHONIOENCODING", "utf-8");
    for variable in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"] {
        command.env_remove(variable);
    }
    findings_in(tool, &output(&mut command)?)
}

/// Reads the lines that probe.py prints.
fn findings_in(tool: &str, text: &str) -> Result<Vec<Finding>> {
    text.lines().map(|line| finding_of(tool, line)).collect()
}

fn finding_of(tool: &str, line: &str) -> Result<Finding> {
    let value: Value = serde_json::from_str(line).with_context(|| format!("{tool} printed {line:?}"))?;
    let member = |name: &str| {
        let text = value.get(name).and_then(Value::as_str);
        text.map(str::to_owned).with_context(|| format!("{tool} printed no `{name}`: {line}"))
    };
    let outcome = match member("outcome")?.as_str() {
        "passed" => Outcome::Passed,
        "failed" => Outcome::Failed,
        "skipped" => Outcome::Skipped,
        other => bail!("{tool} printed the unknown outcome {other:?}"),
    };
    Ok(Finding {
        tool: tool.to_owned(),
        name: member("name")?,
        subject: member("subject")?,
        outcome,
        detail: member("detail")?,
    })
}

fn counts(findings: &[Finding]) -> String {
    let count = |outcome| findings.iter().filter(|finding| finding.outcome == outcome).count();
    let (passed, failed, skipped) = (count(Outcome::Passed), count(Outcome::Failed), count(Outcome::Skipped));
    format!("{passed} passed, {failed} failed, {skipped} skipped")
}

/// What all runs together found.
#[derive(Default)]
struct Tally {
    passed: usize,
    skipped: usize,
    expected: usize,
    unexpected: Vec<(String, Finding)>,
    /// Which rows of the list explained something, by index.
    used: Vec<usize>,
}

impl Tally {
    fn add(&mut self, run: &str, finding: Finding, deviations: &[Deviation]) {
        match finding.outcome {
            Outcome::Passed => self.passed += 1,
            Outcome::Skipped => {
                self.skipped += 1;
                println!("  skipped: {} {}: {}", finding.name, finding.subject, finding.detail);
            }
            Outcome::Failed => match deviations.iter().position(|deviation| deviation.explains(&finding)) {
                Some(index) => {
                    self.expected += 1;
                    self.used.push(index);
                    println!("  expected: {} {}: {}", finding.name, finding.subject, first_line(&finding.detail));
                }
                None => self.unexpected.push((run.to_owned(), finding)),
            },
        }
    }

    fn conclude(self, deviations: &[Deviation]) -> Result<()> {
        for (run, finding) in &self.unexpected {
            println!("\nFAILED on {run}: {} {} {}\n{}", finding.tool, finding.name, finding.subject, finding.detail);
        }
        let stale: Vec<&Deviation> =
            deviations.iter().enumerate().filter(|(index, _)| !self.used.contains(index)).map(|(_, row)| row).collect();
        for deviation in &stale {
            println!(
                "\nSTALE: no check fails any more as docs/conformance-deviations.toml expects: {}",
                deviation.title()
            );
        }
        println!(
            "\n{} checks passed, {} failed as docs/conformance-deviations.toml expects, {} failed, {} skipped",
            self.passed,
            self.expected,
            self.unexpected.len(),
            self.skipped
        );
        let failed = self.unexpected.len() + stale.len();
        println!("conformance: {} passed, {failed} failed, {} skipped", self.passed, self.skipped + self.expected);
        if failed > 0 {
            bail!(
                "{} unexpected failures and {} stale rows; mend the server, or, where the RFC is on its side, the list \
                 in docs/conformance-deviations.toml",
                self.unexpected.len(),
                stale.len()
            );
        }
        Ok(())
    }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

/// An empty folder for databases and the script.
fn fresh_folder(workspace: &Workspace) -> Result<PathBuf> {
    let folder = workspace.target_dir()?.join("conformance");
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

/// A virtual environment with the tools, made anew when the list of versions has changed; gives its
/// Python.
fn virtual_environment(workspace: &Workspace) -> Result<PathBuf> {
    let folder = workspace.target_dir()?.join("conformance-venv");
    let python = folder.join("bin/python");
    let stamp = folder.join("requirements.txt");
    if python.exists() && std::fs::read_to_string(&stamp).is_ok_and(|present| present == REQUIREMENTS) {
        return Ok(python);
    }
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    let mut make = workspace.program(Path::new("python3"));
    succeed(make.args(["-m", "venv"]).arg(&folder)).context(
        "the conformance tools need Python 3.11 or later with venv (Debian and Ubuntu: apt-get install python3-venv)",
    )?;
    // pip reads its own copy; the stamp is written last, so that a broken install is made anew.
    let list = folder.join("wanted.txt");
    std::fs::write(&list, REQUIREMENTS)?;
    let mut install = workspace.program(&python);
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "--no-deps"]);
    succeed(install.arg("--requirement").arg(&list)).context("cannot install the conformance tools from PyPI")?;
    std::fs::write(&stamp, REQUIREMENTS)?;
    Ok(python)
}

#[cfg(test)]
mod tests {
    use super::{Tally, counts, findings_in, runs};
    use crate::deviations;

    const LINES: &str = r#"{"outcome": "passed", "name": "a", "subject": "", "detail": ""}
{"outcome": "failed", "name": "b", "subject": "User", "detail": "why 1"}
{"outcome": "skipped", "name": "c", "subject": "", "detail": "not supported"}"#;

    const ROW: &str =
        "[[deviation]]\ntool = \"t\"\ncheck = \"b\"\ncontains = \"why\"\nrfc = \"RFC 7644 §1\"\nwhy = \"x\"\n";

    fn conclude(lines: &str, rows: &str) -> bool {
        let deviations = deviations::parse(rows).unwrap();
        let mut tally = Tally::default();
        for finding in findings_in("t", lines).unwrap() {
            tally.add("SQLite", finding, &deviations);
        }
        tally.conclude(&deviations).is_ok()
    }

    #[test]
    fn findings_are_read_and_counted() {
        let findings = findings_in("t", LINES).unwrap();
        assert_eq!(counts(&findings), "1 passed, 1 failed, 1 skipped");
        assert_eq!(findings[1].subject, "User");
    }

    #[test]
    fn lines_of_another_shape_are_an_error() {
        assert!(findings_in("t", "Traceback").is_err());
        assert!(findings_in("t", r#"{"outcome": "odd", "name": "a", "subject": "", "detail": ""}"#).is_err());
        assert!(findings_in("t", r#"{"outcome": "passed"}"#).is_err());
    }

    #[test]
    fn an_unexpected_failure_fails_the_run_and_an_expected_one_does_not() {
        assert!(!conclude(LINES, ""));
        assert!(conclude(LINES, ROW));
    }

    #[test]
    fn a_row_that_explains_nothing_fails_the_run() {
        let only_passed = LINES.lines().next().unwrap();
        assert!(conclude(only_passed, ""));
        assert!(!conclude(only_passed, ROW));
    }

    #[test]
    fn without_postgresql_sqlite_is_still_probed() {
        let runs = runs("folder".as_ref(), "schemas".as_ref(), None).unwrap();
        let names: Vec<&str> = runs.iter().map(|run| run.name.as_str()).collect();
        assert_eq!(names, ["SQLite", "SQLite with TestResource"]);
    }
}
