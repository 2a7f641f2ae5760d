//! The small benchmarks of the crates (`crates/*/benches`), alone or beside those of another revision.
//!
//! A figure of one machine and minute means little, a ratio does: `--against` builds the benchmarks of
//! both revisions, runs them in turns, and compares the medians bench by bench.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use serde_json::Value;

use crate::workspace::{Workspace, succeed};

/// A ratio of the medians beyond which a bench counts as slower.
const SLOWER: f64 = 1.1;

/// Rounds of which the median ratio is taken.
const ROUNDS: usize = 5;

#[derive(Args)]
pub(crate) struct Bench {
    /// Only benches whose path holds this text
    filter: Option<String>,
    /// Compare with this revision; without a name with the last tag, or else with main~1
    #[arg(long, value_name = "REVISION", num_args = 0..=1, default_missing_value = "")]
    against: Option<String>,
    /// Fail if a bench is slower than 1.1 times what it was
    #[arg(long, requires = "against")]
    strict: bool,
}

/// Runs the benches.
pub(crate) fn run(workspace: &Workspace, options: &Bench) -> Result<()> {
    let filter = options.filter.as_deref();
    let Some(against) = &options.against else {
        let mut command = workspace.cargo(&["bench"]);
        command.args(selection(workspace.root())?);
        return succeed(command.arg("--").args(filter));
    };
    let revision = if against.is_empty() { last_release(workspace)? } else { against.clone() };
    let folder = workspace.target_dir()?.join("bench");
    let then = Worktree::add(workspace, &folder.join("then"), &revision)?;
    // Both are built into one folder, so that what neither changed is built once.
    let built = folder.join("build");
    println!("bench: building the benches of {revision}");
    let old = build(then.root(), &built)?;
    println!("bench: building the benches of this checkout");
    let new = build(workspace.root(), &built)?;
    let mut ratios: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for round in 1..=ROUNDS {
        println!("bench: round {round} of {ROUNDS}");
        let before = measure(&old, filter)?;
        let after = measure(&new, filter)?;
        for (name, nanos) in after {
            if let Some(earlier) = before.get(&name).filter(|earlier| **earlier > 0.0) {
                ratios.entry(name).or_default().push(nanos / earlier);
            }
        }
    }
    report(&revision, ratios, options.strict)
}

/// Prints the median ratio of each bench, and judges it.
fn report(revision: &str, ratios: BTreeMap<String, Vec<f64>>, strict: bool) -> Result<()> {
    if ratios.is_empty() {
        bail!("no bench is both in {revision} and in this checkout; choose an earlier text or a later revision");
    }
    let mut slower = 0_usize;
    println!("bench: time now / time of {revision}, median (least to most)");
    for (name, mut ratios) in ratios {
        ratios.sort_by(f64::total_cmp);
        let middle = median(&ratios);
        let (least, most) = (ratios.first().copied().unwrap_or(middle), ratios.last().copied().unwrap_or(middle));
        let mark = if middle > SLOWER { "  SLOWER" } else { "" };
        slower += usize::from(middle > SLOWER);
        println!("  {middle:5.2} ({least:.2} to {most:.2})  {name}{mark}");
    }
    if slower == 0 {
        return Ok(());
    }
    let verdict = format!("{slower} benches are slower than {SLOWER} times what they were");
    if strict {
        bail!("{verdict}; mend them, or say in the commit why they have to be");
    }
    println!("bench: {verdict}");
    Ok(())
}

fn median(sorted: &[f64]) -> f64 {
    sorted.get(sorted.len() / 2).copied().unwrap_or(1.0)
}

/// The last tag, else the commit before the last.
fn last_release(workspace: &Workspace) -> Result<String> {
    let mut command = workspace.program(Path::new("git"));
    let output = command.args(["describe", "--tags", "--abbrev=0"]).output().context("cannot run git")?;
    let tag = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    Ok(if output.status.success() && !tag.is_empty() { tag } else { "main~1".to_owned() })
}

/// `--package X --bench Y` for every file in a `benches` folder.
fn selection(root: &Path) -> Result<Vec<String>> {
    let mut chosen = Vec::new();
    let crates = root.join("crates");
    let mut packages: Vec<PathBuf> = Vec::new();
    for entry in std::fs::read_dir(&crates).with_context(|| format!("cannot read {}", crates.display()))? {
        packages.push(entry?.path());
    }
    packages.sort();
    for package in packages {
        let name = package.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let Ok(benches) = std::fs::read_dir(package.join("benches")) else { continue };
        for bench in benches {
            let bench = bench?.path();
            let stem = bench.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
            if bench.extension().is_some_and(|extension| extension == "rs") {
                chosen.extend(["--package".to_owned(), name.clone(), "--bench".to_owned(), stem]);
            }
        }
    }
    if chosen.is_empty() {
        bail!("{} has no benches; compare with a later revision", root.display());
    }
    Ok(chosen)
}

/// Builds the benches of a checkout: their names and programs.
fn build(root: &Path, target: &Path) -> Result<Vec<(String, PathBuf)>> {
    let mut command = Command::new("cargo");
    command.current_dir(root).env("CARGO_TARGET_DIR", target);
    command.args(["bench", "--no-run", "--message-format", "json-render-diagnostics"]);
    command.args(selection(root)?);
    let output = command.stderr(std::process::Stdio::inherit()).output().context("cannot run cargo")?;
    if !output.status.success() {
        bail!("the benches of {} cannot be built", root.display());
    }
    let messages = String::from_utf8_lossy(&output.stdout);
    let mut programs: Vec<(String, PathBuf)> = messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message.pointer("/target/kind/0").and_then(Value::as_str) == Some("bench"))
        .filter_map(|message| {
            let name = message.pointer("/target/name")?.as_str()?.to_owned();
            Some((name, PathBuf::from(message.get("executable")?.as_str()?)))
        })
        .collect();
    programs.sort();
    Ok(programs)
}

/// Runs all programs once: the median of each bench in nanoseconds.
fn measure(programs: &[(String, PathBuf)], filter: Option<&str>) -> Result<BTreeMap<String, f64>> {
    let mut medians = BTreeMap::new();
    for (name, program) in programs {
        let output = Command::new(program).args(["--bench", "--color", "never"]).args(filter).output();
        let output = output.with_context(|| format!("cannot run {}", program.display()))?;
        if !output.status.success() {
            bail!("the bench {name} failed: {}", String::from_utf8_lossy(&output.stderr));
        }
        let found = medians_of(&String::from_utf8_lossy(&output.stdout));
        medians.extend(found.into_iter().map(|(path, nanos)| (format!("{name}: {path}"), nanos)));
    }
    Ok(medians)
}

/// Reads the tree that the benches print: the path of each bench and the third of its columns.
fn medians_of(text: &str) -> Vec<(String, f64)> {
    let mut found = Vec::new();
    let mut column = None;
    let mut path: Vec<String> = Vec::new();
    for line in text.lines() {
        if let Some(at) = line.find("fastest") {
            column = Some(line.get(..at).unwrap_or_default().chars().count());
            continue;
        }
        let Some(column) = column else { continue };
        let head: String = line.chars().take(column).collect();
        let is_branch = |c: char| matches!(c, '│' | '├' | '╰' | '─' | ' ');
        let name = head.trim_start_matches(is_branch).trim_end();
        if name.is_empty() {
            continue;
        }
        // Each level of the tree takes three characters.
        let level = head.chars().take_while(|c| is_branch(*c)).count() / 3;
        path.truncate(level.saturating_sub(1));
        path.push(name.to_owned());
        let tail: String = line.chars().skip(column).collect();
        if let Some(nanos) = tail.split('│').nth(2).and_then(nanos) {
            found.push((path.join(" "), nanos));
        }
    }
    found
}

/// `12.3 µs` in nanoseconds.
fn nanos(text: &str) -> Option<f64> {
    let (number, unit) = text.trim().split_once(' ')?;
    let factor = match unit {
        "ps" => 0.001,
        "ns" => 1.0,
        "µs" => 1_000.0,
        "ms" => 1_000_000.0,
        "s" => 1_000_000_000.0,
        _ => return None,
    };
    Some(number.parse::<f64>().ok()? * factor)
}

/// Another revision of this repository in a folder of its own, for as long as it lives.
struct Worktree<'a> {
    workspace: &'a Workspace,
    root: PathBuf,
}

impl<'a> Worktree<'a> {
    fn add(workspace: &'a Workspace, root: &Path, revision: &str) -> Result<Self> {
        let this = Self { workspace, root: root.to_owned() };
        // One that a run which was interrupted has left.
        this.remove();
        let mut command = workspace.program(Path::new("git"));
        command.args(["worktree", "add", "--quiet", "--detach"]).arg(root).arg(revision);
        succeed(&mut command)?;
        Ok(this)
    }

    fn root(&self) -> &Path {
        &self.root
    }

    fn remove(&self) {
        let mut command = self.workspace.program(Path::new("git"));
        // There is nobody to tell, and the next run removes it.
        let _ = command.args(["worktree", "remove", "--force"]).arg(&self.root).output();
    }
}

impl Drop for Worktree<'_> {
    fn drop(&mut self) {
        self.remove();
    }
}

#[cfg(test)]
mod tests {
    use super::{median, medians_of, nanos, report};

    const PRINTED: &str = "\
Timer precision: 20 ns
scim_filter                fastest       │ slowest       │ median        │ mean          │ samples │ iters
├─ compile                               │               │               │               │         │
│  ├─ userName eq \"ada\"    100 ns        │ 300 ns        │ 110.5 ns      │ 120 ns        │ 100     │ 3200
│  ╰─ emails pr            1.2 µs        │ 3 µs          │ 1.5 µs        │ 2 µs          │ 100     │ 100
╰─ parse_path              2 ms          │ 9 ms          │ 3 ms          │ 3 ms          │ 100     │ 100
";

    #[test]
    fn the_printed_tree_is_read_to_paths_and_medians() {
        let expected = [
            ("compile userName eq \"ada\"".to_owned(), 110.5),
            ("compile emails pr".to_owned(), 1_500.0),
            ("parse_path".to_owned(), 3_000_000.0),
        ];
        assert_eq!(medians_of(PRINTED), expected);
        assert_eq!(medians_of("running 0 tests"), []);
    }

    #[test]
    fn times_have_units() {
        assert_eq!(nanos(" 1.5 s "), Some(1_500_000_000.0));
        assert_eq!(nanos("7 ps"), Some(0.007));
        assert_eq!(nanos("7 h"), None);
        assert_eq!(nanos(""), None);
    }

    #[test]
    fn a_slower_bench_fails_a_strict_comparison_only() {
        let ratios = |ratio: f64| [("fold".to_owned(), vec![0.9, ratio, 3.0])].into();
        assert!((median(&[0.9, 1.2, 3.0]) - 1.2).abs() < f64::EPSILON);
        assert!(report("v1", ratios(1.2), false).is_ok());
        assert!(report("v1", ratios(1.2), true).is_err());
        assert!(report("v1", ratios(1.05), true).is_ok());
        assert!(report("v1", [].into(), false).is_err());
    }
}
