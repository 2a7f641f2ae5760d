//! The steps that every change passes, in order, and what `cargo xtask test` runs of them.

use std::fmt;
use std::io::{BufRead as _, BufReader, IsTerminal as _, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use clap::ValueEnum;

use crate::pgbouncer;
use crate::postgres;
use crate::stopwatch::{Stopwatch, seconds};
use crate::workspace::{Workspace, in_ci, succeed};
use crate::{docs, layers, licences, tidy, unused};

/// One step.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, ValueEnum)]
pub(crate) enum Step {
    /// rustfmt would change nothing
    Fmt,
    /// Names, lengths, comments and words of every file
    Tidy,
    /// Who may use whom
    Layers,
    /// Every declared dependency is used
    Unused,
    /// Licences and banned packages
    Licences,
    /// clippy on all targets, warnings are errors
    Clippy,
    /// The store builds for each database alone
    Features,
    /// Generated documents are up to date
    Docs,
    /// The documentation of every item builds, private ones too
    Rustdoc,
    /// Examples in the documentation run
    Doctest,
    /// All tests, on memory, SQLite and PostgreSQL, directly and through pgbouncer
    Tests,
}

/// How much of it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Everything.
    Full,
    /// What a person waits for between two edits.
    Quick,
}

impl Step {
    /// All steps, the cheap ones first and the tests last, so that their summary closes the output.
    const ALL: &[Self] = &[
        Self::Fmt,
        Self::Tidy,
        Self::Layers,
        Self::Unused,
        Self::Licences,
        Self::Clippy,
        Self::Features,
        Self::Docs,
        Self::Rustdoc,
        Self::Doctest,
        Self::Tests,
    ];

    const QUICK: &[Self] = &[Self::Fmt, Self::Tidy, Self::Layers, Self::Clippy, Self::Tests];

    fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

/// Runs the named steps, or all of the scope, goes on after a failure, and sums up at the end.
pub(crate) fn run(workspace: &Workspace, scope: Scope, named: &[Step]) -> Result<()> {
    let mut results = Vec::new();
    let mut summary = Vec::new();
    let mut left_out = Vec::new();
    for step in chosen(scope, named) {
        heading(&format!("{step}"));
        let watch = Stopwatch::start();
        let result = match step {
            Step::Tests => tests(workspace).map(|tests| {
                summary = tests.summary;
                left_out = tests.left_out;
                tests.passed
            }),
            other => run_step(workspace, other).map(|()| true),
        };
        let passed = match result {
            Ok(passed) => passed,
            Err(error) => {
                println!("{step} failed: {error:#}");
                false
            }
        };
        results.push(StepResult { step, passed, duration: watch.elapsed() });
    }
    heading("summary");
    for result in &results {
        println!("{result}");
    }
    for left_out in &left_out {
        println!("\n{left_out}");
    }
    for line in &summary {
        println!("{line}");
    }
    let failed: Vec<String> = results.iter().filter(|result| !result.passed).map(|result| result.step.name()).collect();
    if failed.is_empty() {
        return Ok(());
    }
    bail!("failed: {}; one alone is run by `cargo xtask ci <step>`", failed.join(", "))
}

struct StepResult {
    step: Step,
    passed: bool,
    duration: Duration,
}

impl fmt::Display for StepResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = if self.passed { "ok" } else { "FAILED" };
        write!(f, "  {:<10} {:<7} {}", self.step.name(), word, seconds(self.duration))
    }
}

fn chosen(scope: Scope, named: &[Step]) -> Vec<Step> {
    let wanted = match (named, scope) {
        ([], Scope::Full) => Step::ALL,
        ([], Scope::Quick) => Step::QUICK,
        (named, _) => named,
    };
    Step::ALL.iter().copied().filter(|step| wanted.contains(step)).collect()
}

fn run_step(workspace: &Workspace, step: Step) -> Result<()> {
    match step {
        Step::Fmt => succeed(&mut workspace.cargo(&["fmt", "--all", "--check"])),
        Step::Tidy => tidy::check(workspace),
        Step::Layers => layers::check(workspace),
        Step::Unused => unused::check(workspace),
        Step::Licences => licences::check(workspace),
        Step::Clippy => {
            let mut command = workspace.cargo(&["clippy", "--workspace", "--all-targets"]);
            succeed(command.args(["--", "-D", "warnings"]))
        }
        Step::Features => {
            for feature in ["sqlite", "postgres"] {
                let mut command = workspace.cargo(&["check", "--package", "headcount-diesel", "--lib"]);
                succeed(command.args(["--no-default-features", "--features", feature]))?;
            }
            Ok(())
        }
        Step::Docs => docs::run(workspace, docs::Mode::Check),
        Step::Rustdoc => {
            let mut command = workspace.cargo(&["doc", "--workspace", "--no-deps", "--document-private-items"]);
            succeed(command.env("RUSTDOCFLAGS", "-D warnings"))
        }
        Step::Doctest => succeed(&mut workspace.cargo(&["test", "--workspace", "--doc", "--quiet"])),
        Step::Tests => tests(workspace).map(drop),
    }
}

/// What a run of the tests came to.
struct Tests {
    passed: bool,
    /// The closing lines of the runner, said again at the very end.
    summary: Vec<String>,
    /// What was not run, and how to run it.
    left_out: Vec<String>,
}

/// What there is to test on, in the variables in which the tests find it.
#[derive(Default)]
struct Servers {
    variables: Vec<(&'static str, String)>,
}

impl Servers {
    fn has(&self, variable: &str) -> bool {
        self.variables.iter().any(|(name, _)| *name == variable)
    }

    /// The parts of test names whose tests cannot run: these are in modules that are called so.
    fn missing_modules(&self) -> Vec<&'static str> {
        let all = [(postgres::URL_VARIABLE, "postgres"), (pgbouncer::URL_VARIABLE, "pgbouncer")];
        all.into_iter().filter(|(variable, _)| !self.has(variable)).map(|(_, module)| module).collect()
    }
}

fn tests(workspace: &Workspace) -> Result<Tests> {
    let mut servers = Servers::default();
    let mut left_out = Vec::new();
    let postgres = postgres::acquire(workspace)?;
    let pgbouncer = match &postgres {
        Some(postgres) => pgbouncer::start(&postgres.url(), &[pgbouncer::TEST_ROLE])?,
        None => None,
    };
    if let Some(postgres) = &postgres {
        servers.variables.push((postgres::URL_VARIABLE, postgres.url()));
    } else if in_ci() {
        bail!("there is no PostgreSQL on this machine; {}", postgres::REMEDY);
    } else {
        left_out.push(format!(
            "NOT RUN: every test on PostgreSQL, directly and through pgbouncer, since there is none on this machine.\n\
             To run them, {}.",
            postgres::REMEDY
        ));
    }
    if let Some(pgbouncer) = &pgbouncer {
        servers.variables.push((pgbouncer::URL_VARIABLE, pgbouncer.narrow_url()));
    } else if in_ci() {
        bail!("there is no pgbouncer on this machine; {}", pgbouncer::REMEDY);
    } else if postgres.is_some() {
        left_out.push(format!(
            "NOT RUN: every test through pgbouncer, since there is none on this machine.\nTo run them, {}.",
            pgbouncer::REMEDY
        ));
    }
    for left_out in &left_out {
        println!("{left_out}\n");
    }
    let runner = Runner::find(workspace);
    let mut command = runner.command(workspace, &servers);
    let tests = watch(&mut command, runner)?;
    // They stop here, after the last test, the one in front before the one behind it.
    drop(pgbouncer);
    drop(postgres);
    Ok(Tests { left_out, ..tests })
}

/// The floor is a program to measure with and has no tests; clippy builds it, so that it does not rot.
const LEFT_OUT: [&str; 2] = ["--exclude", "floor"];

/// The program that runs the tests.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Runner {
    Nextest,
    Cargo,
}

impl Runner {
    fn find(workspace: &Workspace) -> Self {
        let mut command = workspace.program(Path::new("cargo-nextest"));
        let found = command.args(["nextest", "--version"]).stdout(Stdio::null()).stderr(Stdio::null()).status();
        if found.is_ok_and(|status| status.success()) {
            return Self::Nextest;
        }
        println!(
            "cargo-nextest is not installed, so cargo test runs the tests; `cargo install cargo-nextest` is faster"
        );
        Self::Cargo
    }

    /// The command; the tests of what is missing are left out.
    fn command(self, workspace: &Workspace, servers: &Servers) -> Command {
        let missing = servers.missing_modules();
        let mut command = match self {
            Self::Nextest => {
                let mut command = workspace.cargo(&["nextest", "run", "--workspace", "--no-fail-fast"]);
                command.args(LEFT_OUT);
                let color = if std::io::stderr().is_terminal() { "always" } else { "never" };
                command.args(["--color", color]);
                if !missing.is_empty() {
                    command.arg("-E").arg(format!("not test(/(^|::)({})::/)", missing.join("|")));
                }
                command
            }
            Self::Cargo => {
                // Benches are no tests, and are checked by clippy.
                let mut command = workspace.cargo(&["test", "--workspace", "--tests", "--examples", "--no-fail-fast"]);
                command.args(LEFT_OUT);
                for (place, module) in missing.iter().enumerate() {
                    command.args(if place == 0 { ["--", "--skip"].as_slice() } else { &["--skip"] });
                    command.arg(format!("{module}::"));
                }
                command
            }
        };
        // What the caller's environment says of another server would be tested instead.
        command.env_remove(pgbouncer::URL_VARIABLE).envs(servers.variables.iter().map(|(name, url)| (name, url)));
        command
    }

    /// Whether a line of the runner's output, without colours, is one of its closing lines.
    fn closes(self, line: &str) -> bool {
        match self {
            Self::Nextest => line.trim_start().starts_with("Summary ["),
            Self::Cargo => line.starts_with("test result: "),
        }
    }
}

/// Runs the tests with their output shown as it comes, and remembers the closing lines.
fn watch(command: &mut Command, runner: Runner) -> Result<Tests> {
    match runner {
        Runner::Nextest => command.stderr(Stdio::piped()),
        Runner::Cargo => command.stdout(Stdio::piped()),
    };
    let mut process = command.spawn().context("cannot run the tests")?;
    let talk: Box<dyn Read> = match (process.stderr.take(), process.stdout.take()) {
        (Some(talk), _) => Box::new(talk),
        (None, Some(talk)) => Box::new(talk),
        (None, None) => bail!("the test runner has no output"),
    };
    let mut summary = Vec::new();
    // Lines are read as bytes: a test may print what is not UTF-8.
    for line in BufReader::new(talk).split(b'\n') {
        let line = line.context("cannot read the test runner's output")?;
        let line = String::from_utf8_lossy(&line).into_owned();
        println!("{line}");
        if runner.closes(&without_colors(&line)) {
            summary.push(without_colors(&line));
        }
    }
    let status = process.wait().context("the test runner did not end")?;
    let summary = match runner {
        Runner::Nextest => summary,
        Runner::Cargo => total(&summary).into_iter().collect(),
    };
    Ok(Tests { passed: status.success(), summary, left_out: Vec::new() })
}

/// One closing line out of the many of `cargo test`, in its own form.
fn total(lines: &[String]) -> Option<String> {
    let sum = |word: &str| -> u64 { lines.iter().map(|line| count(line, word)).sum() };
    let failed = sum("failed");
    let verdict = if failed == 0 { "ok" } else { "FAILED" };
    (!lines.is_empty()).then(|| {
        format!(
            "test result: {verdict}. {} passed; {failed} failed; {} ignored; {} measured; {} filtered out",
            sum("passed"),
            sum("ignored"),
            sum("measured"),
            sum("filtered")
        )
    })
}

/// The number in front of a word: 3 in `ok. 3 passed; 0 failed`.
fn count(line: &str, word: &str) -> u64 {
    let words: Vec<&str> = line.split([' ', ';']).filter(|part| !part.is_empty()).collect();
    let pair = words.windows(2).find_map(|pair| match pair {
        [number, name] if *name == word => number.parse().ok(),
        _ => None,
    });
    pair.unwrap_or(0)
}

/// A line without the escape sequences that colour it.
fn without_colors(line: &str) -> String {
    let mut parts = line.split("\u{1b}[");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        text.push_str(part.split_once('m').map_or("", |(_, rest)| rest));
    }
    text
}

fn heading(name: &str) {
    println!("\n== {name}");
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;

    use super::{Runner, Scope, Step, chosen, total, without_colors};

    #[test]
    fn every_step_has_its_place() {
        assert_eq!(Step::ALL, Step::value_variants());
        assert_eq!(Step::ALL.last(), Some(&Step::Tests));
        assert!(Step::QUICK.iter().all(|step| Step::ALL.contains(step)));
    }

    #[test]
    fn named_steps_run_once_and_in_the_usual_order() {
        assert_eq!(chosen(Scope::Full, &[Step::Tests, Step::Fmt, Step::Fmt]), [Step::Fmt, Step::Tests]);
        assert_eq!(chosen(Scope::Quick, &[]), Step::QUICK);
        assert_eq!(chosen(Scope::Full, &[]), Step::ALL);
    }

    #[test]
    fn closing_lines_are_known_with_and_without_colours() {
        let line = without_colors("\u{1b}[32;1m     Summary\u{1b}[0m [   1.2s] 3 tests run: 3 passed, 0 skipped");
        assert!(Runner::Nextest.closes(&line), "{line}");
        assert!(!Runner::Nextest.closes("        PASS [   0.1s] a b"));
        assert!(Runner::Cargo.closes("test result: ok. 3 passed; 0 failed"));
    }

    #[test]
    fn the_results_of_cargo_test_are_added_up() {
        let lines = [
            "test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 1 filtered out; finished in 0.1s".to_owned(),
            "test result: FAILED. 4 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.1s"
                .to_owned(),
        ];
        let expected = "test result: FAILED. 7 passed; 2 failed; 0 ignored; 0 measured; 1 filtered out";
        assert_eq!(total(&lines).as_deref(), Some(expected));
        assert_eq!(total(&[]), None);
    }
}
