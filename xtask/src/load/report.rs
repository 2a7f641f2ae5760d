//! Writes docs/performance.md and its images from the lines of results.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::Options;
use super::bounds::bound;
use super::compare::table_of;
use super::plot::{Curve, Plot};
use super::results::{Results, number, text};
use super::stage::{Engine, results_folder};
use super::statistics::grouped;
use super::table::Table;
use super::workload::Workload;
use crate::workspace::Workspace;

/// The document.
const DOCUMENT: &str = "docs/performance.md";

/// Where its images lie, beside it.
const IMAGES: &str = "performance";

/// What people write of bounds that are missed: a section for each database, in it a heading that
/// lists workloads, and under it where their time goes and what was tried.
const MISSED: &str = "docs/performance/missed.md";

const ENGINES: [Engine; 2] = [Engine::Sqlite, Engine::Postgres];

/// Writes the document.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let results = Results::new(&results_folder(workspace, options)?)?;
    let images = workspace.root().join("docs").join(IMAGES);
    std::fs::create_dir_all(&images).with_context(|| format!("cannot make {}", images.display()))?;
    let mut document = Document { text: String::new(), images: &images };
    document.beginning(&results)?;
    document.compared(&results)?;
    document.missed(&results, workspace)?;
    document.growth(&results)?;
    document.memory(&results)?;
    document.crashes(&results)?;
    document.replicas(&results)?;
    let file = workspace.root().join(DOCUMENT);
    std::fs::write(&file, document.text).with_context(|| format!("cannot write {}", file.display()))?;
    println!("{DOCUMENT} is written from {}", results.path().display());
    Ok(())
}

struct Document<'a> {
    text: String,
    images: &'a Path,
}

impl Document<'_> {
    /// A paragraph, or lines of one.
    fn say(&mut self, paragraph: &str) {
        self.text.push_str(paragraph.trim());
        self.text.push_str("\n\n");
    }

    fn table(&mut self, table: &Table) {
        self.text.push_str(&table.markdown());
        self.text.push('\n');
    }

    fn beginning(&mut self, results: &Results) -> Result<()> {
        self.say("# Performance");
        self.say(
            "This file is written by `cargo xtask load report` from the results of `cargo xtask load`; do not edit it.\n\
             Read the ratios: an absolute figure of one machine means nothing on another, and often nothing a minute later.",
        );
        if let Some(machine) = results.latest("machine", &[])?.last() {
            self.say(&format!(
                "Measured on {} with {} cores ({}), {} GiB of memory, Linux {}, {}, Headcount at commit `{}`.\n\
                 Client, server and database share these cores, and talk over the loopback address.",
                text(machine, "/day"),
                number(machine, "/cores"),
                text(machine, "/processor"),
                number(machine, "/memory_gib"),
                text(machine, "/kernel"),
                text(machine, "/rustc"),
                text(machine, "/commit"),
            ));
        }
        self.say("## Workloads");
        self.say(
            "Eight clients ask over connections that they keep, each as soon as it was answered; W7 and W8 are four.\n\
             One answer in eight is checked, one in 64 where answers are long, and a run with one error or one wrong \
             answer fails.",
        );
        let mut table = Table::new(&["workload", "request", "bound on SQLite", "bound on PostgreSQL"]);
        let mut workloads = Workload::ALL;
        workloads.sort_by_key(|workload| order_of(workload.code()));
        for workload in workloads {
            let members = (workload == Workload::GetGroup).then_some(100_000);
            let of = |engine| bound(engine, workload, members).map(|bound| format!("{bound}")).unwrap_or_default();
            table.row(vec![
                workload.code().to_owned(),
                workload.request().to_owned(),
                of(Engine::Sqlite),
                of(Engine::Postgres),
            ]);
        }
        self.table(&table);
        self.say(
            "A bound is how many times slower than the floor Headcount may be, by the median ratio of requests a second \
             in interleaved rounds; that of W9 holds for a group of 100,000.\n\
             The floor (`xtask/floor`) is the least work that answers a request of that shape: actix-web, one indexed \
             statement or one durable change, stored JSON copied out.\n\
             It has no authentication, no filter language, no projection, no validation, no version and no journal; on \
             SQLite it keeps totals and commits what waits together.\n\
             Headcount does all of these, with every check on.",
        );
        Ok(())
    }

    fn compared(&mut self, results: &Results) -> Result<()> {
        let mut lines = results.latest("compare", &["database", "users", "workload", "members"])?;
        if lines.is_empty() {
            return Ok(());
        }
        self.say("## Beside the floor");
        self.say(
            "M is the number of members of the group, µs is processor time of the server and its database per request, \
             and p50 and p99 are latencies over all rounds.",
        );
        lines.sort_by_key(|line| order_of(text(line, "/workload")));
        for engine in ENGINES {
            let mut users: Vec<u64> = lines
                .iter()
                .filter(|line| text(line, "/database") == engine.name())
                .filter_map(|line| line.get("users").and_then(Value::as_u64))
                .collect();
            users.sort_unstable();
            users.dedup();
            for users in users {
                let of = |line: &&Value| {
                    text(line, "/database") == engine.name() && line.get("users").and_then(Value::as_u64) == Some(users)
                };
                let lines: Vec<Value> = lines.iter().filter(of).cloned().collect();
                self.say(&format!("### {}, {} users", engine.title(), grouped(super::statistics::real(users))));
                self.table(&table_of(&lines));
            }
        }
        Ok(())
    }

    /// Where the time goes of what misses its bound; it is an error if that is not told.
    fn missed(&mut self, results: &Results, workspace: &Workspace) -> Result<()> {
        let lines = results.latest("compare", &["database", "users", "workload", "members"])?;
        let missed: BTreeSet<(&str, &str)> = lines
            .iter()
            .filter(|line| text(line, "/verdict") == "missed")
            .map(|line| (title_of(text(line, "/database")), text(line, "/workload")))
            .collect();
        if missed.is_empty() {
            return Ok(());
        }
        let file = workspace.root().join(MISSED);
        let notes = std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        let told = told_of(&notes);
        let untold: Vec<String> =
            missed.difference(&told).map(|(database, workload)| format!("{workload} on {database}")).collect();
        if !untold.is_empty() {
            bail!(
                "{MISSED} does not say where the time goes of {}; profile a build with symbols, and \
                 write it there",
                untold.join(", ")
            );
        }
        self.say(&notes);
        Ok(())
    }

    fn growth(&mut self, results: &Results) -> Result<()> {
        let lines = results.latest("growth", &["database", "of", "size", "workload"])?;
        if lines.is_empty() {
            return Ok(());
        }
        self.say("## Growth");
        self.say("Headcount alone: the median latency, and the processor time per request, as the data grows.");
        for (of, title) in [
            ("users", "users in one tenant"),
            ("members", "members of one group"),
            ("tenants", "tenants of 100 users each"),
        ] {
            for engine in ENGINES {
                let of_this = |line: &&Value| text(line, "/database") == engine.name() && text(line, "/of") == of;
                let lines: Vec<&Value> = lines.iter().filter(of_this).collect();
                if lines.is_empty() {
                    continue;
                }
                self.say(&format!("### {}, {title}", engine.title()));
                let curves = curves_of(&lines);
                let plot = Plot {
                    title: format!("{}: median latency by {title}", engine.title()),
                    across: title.to_owned(),
                    upwards: "milliseconds".to_owned(),
                    curves: curves.clone(),
                };
                if let Some(svg) = plot.svg() {
                    let name = format!("growth-{}-{of}.svg", engine.name());
                    let file = self.images.join(&name);
                    std::fs::write(&file, svg).with_context(|| format!("cannot write {}", file.display()))?;
                    self.say(&format!("![{}]({IMAGES}/{name})", plot.title));
                }
                self.table(&growth_table(&lines, &curves));
            }
        }
        Ok(())
    }

    fn memory(&mut self, results: &Results) -> Result<()> {
        let lines = results.latest("memory", &["database", "when"])?;
        if !lines.is_empty() {
            self.say("## Memory");
            self.say(
                "The server's own, in MiB; resident counts pages of files too, such as those of the program, \
                 and anonymous does not.\n\
                 The peak is the highest since the step before.",
            );
            let mut table = Table::new(&[
                "database",
                "when",
                "resident",
                "proportional",
                "anonymous",
                "peak",
                "judged",
                "bound",
                "verdict",
            ]);
            for line in &lines {
                let size = |key: &str| format!("{:.1}", number(line, &format!("/{key}")));
                let bound = line.get("bound_mib").and_then(Value::as_f64);
                let judged = line.get("judged_mib").and_then(Value::as_f64);
                table.row(vec![
                    title_of(text(line, "/database")).to_owned(),
                    text(line, "/when").to_owned(),
                    size("resident_mib"),
                    size("proportional_mib"),
                    size("anonymous_mib"),
                    size("peak_mib"),
                    judged.map(|size| format!("{size:.1}")).unwrap_or_default(),
                    bound.map(|size| format!("{size}")).unwrap_or_default(),
                    text(line, "/verdict").to_owned(),
                ]);
            }
            self.table(&table);
        }
        for line in results.latest("shapes", &["database"])? {
            self.say(&format!(
                "{}: under {} filters a minute, each of a shape of its own, anonymous memory went from {:.1} to {:.1} MiB \
                 in {} minutes, by {:.2} MiB a minute.",
                title_of(text(&line, "/database")),
                grouped(number(&line, "/shapes_a_minute")),
                number(&line, "/first_mib"),
                number(&line, "/last_mib"),
                number(&line, "/minutes"),
                number(&line, "/slope_mib_a_minute"),
            ));
        }
        Ok(())
    }

    fn crashes(&mut self, results: &Results) -> Result<()> {
        let lines = results.latest("crash", &[])?;
        let Some(line) = lines.last() else { return Ok(()) };
        self.say("## Crashes");
        self.say(&format!(
            "On SQLite the server was killed (SIGKILL) {} times while {} clients made users, changed users and added members.\n\
             Of {} acknowledged writes {} were lost, and {} things were half done: after each restart every resource was \
             compared with the journal and its hash chain, with the counts, the members and the values that are searched, \
             and SQLite's own check was run.\n\
             A killed process shows what a crash of the server loses; what a loss of power loses depends on the disk, too.",
            number(line, "/times"),
            number(line, "/writers"),
            grouped(number(line, "/acknowledged")),
            number(line, "/lost"),
            number(line, "/half"),
        ));
        Ok(())
    }

    fn replicas(&mut self, results: &Results) -> Result<()> {
        let lines = results.latest("replicas", &["workload"])?;
        if lines.is_empty() {
            return Ok(());
        }
        self.say("## Two servers on one PostgreSQL");
        self.say(
            "The same clients at one server, and half of them at each of two, on the same cores.\n\
             Two have to serve at least as much as one.",
        );
        let mut table =
            Table::new(&["workload", "one/s", "two/s", "two/one [least..most]", "verdict", "one p99 ms", "two p99 ms"]);
        for line in &lines {
            let at = |pointer: &str| number(line, pointer);
            table.row(vec![
                text(line, "/workload").to_owned(),
                grouped(at("/one/per_second")),
                grouped(at("/two/per_second")),
                format!("{:.2} [{:.2}..{:.2}]", at("/ratio/median"), at("/ratio/least"), at("/ratio/most")),
                text(line, "/verdict").to_owned(),
                format!("{:.2}", at("/one/p99_ms")),
                format!("{:.2}", at("/two/p99_ms")),
            ]);
        }
        self.table(&table);
        Ok(())
    }
}

/// The databases and workloads that have a heading: `#### W1, W2` under `### SQLite`.
fn told_of(notes: &str) -> BTreeSet<(&str, &str)> {
    let mut told = BTreeSet::new();
    let mut database = "";
    for line in notes.lines() {
        if let Some(title) = line.strip_prefix("### ") {
            database = title.trim();
        } else if let Some(workloads) = line.strip_prefix("#### ") {
            told.extend(workloads.split(',').map(|workload| (database, workload.trim())));
        }
    }
    told
}

/// A curve of the median latency for every workload.
fn curves_of(lines: &[&Value]) -> Vec<Curve> {
    let mut curves: BTreeMap<(u32, String), Vec<(f64, f64)>> = BTreeMap::new();
    for line in lines {
        let code = text(line, "/workload");
        let point = (number(line, "/size"), number(line, "/p50_ms"));
        curves.entry((order_of(code), code.to_owned())).or_default().push(point);
    }
    let curves = curves.into_iter().map(|((_, name), mut points)| {
        points.sort_by(|(one, _), (other, _)| one.total_cmp(other));
        Curve { name, points }
    });
    curves.collect()
}

/// A row for every workload, a column for every size, and how much the largest costs beside the smallest.
fn growth_table(lines: &[&Value], curves: &[Curve]) -> Table {
    let mut sizes: Vec<f64> = lines.iter().map(|line| number(line, "/size")).collect();
    sizes.sort_by(f64::total_cmp);
    sizes.dedup();
    let mut header = vec!["p50 ms (µs)".to_owned()];
    header.extend(sizes.iter().map(|size| grouped(*size)));
    header.push("last/first".to_owned());
    let mut table = Table::new(&header.iter().map(String::as_str).collect::<Vec<_>>());
    for curve in curves {
        let mut row = vec![curve.name.clone()];
        for size in &sizes {
            let line = lines.iter().find(|line| {
                text(line, "/workload") == curve.name && (number(line, "/size") - size).abs() < f64::EPSILON
            });
            row.push(line.map_or(String::new(), |line| {
                format!("{:.2} ({:.0})", number(line, "/p50_ms"), number(line, "/cpu_us"))
            }));
        }
        let (first, last) = (curve.points.first(), curve.points.last());
        row.push(match (first, last) {
            (Some((_, first)), Some((_, last))) if *first > 0.0 => format!("{:.2}", last / first),
            _ => String::new(),
        });
        table.row(row);
    }
    table
}

/// The place of a workload by its number: W2 before W10a.
fn order_of(code: &str) -> u32 {
    let digits: String = code.chars().filter(char::is_ascii_digit).collect();
    let letter = code.chars().last().filter(char::is_ascii_lowercase).map_or(0, u32::from);
    digits.parse::<u32>().unwrap_or(0).saturating_mul(1000).saturating_add(letter)
}

fn title_of(database: &str) -> &'static str {
    ENGINES.into_iter().find(|engine| engine.name() == database).map_or("", Engine::title)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{curves_of, growth_table, order_of, told_of};

    #[test]
    fn a_heading_tells_of_its_workloads_on_the_database_above_it() {
        let told = told_of("## Title\n\n### SQLite\n\n#### W1, W9x\n\nText.\n\n### PostgreSQL\n\n#### W1\n");
        assert_eq!(told.into_iter().collect::<Vec<_>>(), [("PostgreSQL", "W1"), ("SQLite", "W1"), ("SQLite", "W9x")]);
    }

    #[test]
    fn workloads_stand_in_the_order_of_their_numbers() {
        let mut codes = ["W10b", "W9x", "W2", "W10a", "W9", "W14"];
        codes.sort_by_key(|code| order_of(code));
        assert_eq!(codes, ["W2", "W9", "W9x", "W10a", "W10b", "W14"]);
    }

    #[test]
    fn growth_is_told_from_the_smallest_to_the_largest() {
        let line = |size: u64, p50: f64| json!({"workload": "W1", "size": size, "p50_ms": p50, "cpu_us": 40.0});
        let lines = [line(10_000, 0.3), line(1_000, 0.2)];
        let lines: Vec<_> = lines.iter().collect();
        let table = growth_table(&lines, &curves_of(&lines)).markdown();
        assert!(table.contains("| W1          | 0.20 (40) | 0.30 (40) |       1.50 |"), "{table}");
    }
}
