//! Headcount beside the floor: the same requests, in turns, on one machine in one run.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use super::Options;
use super::bounds::{Verdict, bound};
use super::drive::{Driven, drive};
use super::people;
use super::progress::say;
use super::record::Series;
use super::results::{number, rounded, text};
use super::seed::{group_of, seed};
use super::stage::{Beside, Engine, Stage};
use super::statistics::{Spread, grouped, length, median};
use super::table::Table;
use super::target::{Group, Target};
use super::workload::{BATCH, Workload, new_numbers, new_prefix};
use crate::stopwatch::{Stopwatch, seconds};
use crate::workspace::Workspace;

/// Users in the tenant, unless told.
const USERS: [usize; 2] = [10_000, 100_000];

/// Members of the groups, unless told.
const GROUPS: [usize; 3] = [100, 10_000, 100_000];

/// Users of an import.
const IMPORTED: usize = 10_000;

/// An import takes seconds; so many rounds show how it varies.
const MOST_IMPORTS: usize = 2;

/// How long each server is driven before it is measured.
const WARM_UP: Duration = Duration::from_secs(1);

/// How much of everything.
pub(crate) struct Extent {
    pub(crate) users: Vec<usize>,
    groups: Vec<usize>,
    pub(crate) rounds: usize,
    pub(crate) duration: Duration,
    pub(crate) warm_up: Duration,
    imported: usize,
    workloads: Vec<Workload>,
}

impl Extent {
    pub(crate) fn of(options: &Options) -> Result<Self> {
        let quick = options.quick;
        let duration = if quick { 0.3 } else { 2.0 };
        let workloads = match &options.workloads {
            None => Workload::ALL.to_vec(),
            Some(codes) => Workload::named(codes),
        };
        if workloads.is_empty() {
            let known: Vec<_> = Workload::ALL.map(Workload::code).into();
            bail!("no workload is called so; there are {}", known.join(", "));
        }
        let small = |many: &[usize], few: usize| if quick { vec![few] } else { many.to_vec() };
        Ok(Self {
            users: options.n.clone().unwrap_or_else(|| small(&USERS, 1_000)),
            groups: options.m.clone().unwrap_or_else(|| small(&GROUPS, 100)),
            rounds: options.rounds.unwrap_or(if quick { 1 } else { 5 }),
            duration: Duration::try_from_secs_f64(options.secs.unwrap_or(duration)).context("--secs")?,
            warm_up: if quick { Duration::from_millis(100) } else { WARM_UP },
            imported: if quick { 1_000 } else { IMPORTED },
            workloads,
        })
    }
}

/// Runs everything and prints the tables.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let extent = Extent::of(options)?;
    let stage = Stage::open(workspace, options, Beside::Floor, "compare")?;
    let (mut faults, mut missed) = (Vec::new(), 0_usize);
    for engine in stage.engines.clone() {
        for users in &extent.users {
            let (lines, verdicts) = compare(&stage, engine, *users, &extent)?;
            println!("\n{}, {} users\n", engine.title(), grouped(length(*users)));
            print!("{}", table_of(&lines).markdown());
            missed = missed.saturating_add(lines.iter().filter(|line| text(line, "/verdict") == "missed").count());
            faults.extend(verdicts);
        }
    }
    println!("\n{missed} bounds missed; results are in {}", stage.results.path().display());
    match faults.first() {
        None => Ok(()),
        Some(first) => bail!("{} runs had faults; {first}", faults.len()),
    }
}

/// The floor and Headcount on a database each, filled alike.
fn compare(stage: &Stage, engine: Engine, users: usize, extent: &Extent) -> Result<(Vec<Value>, Vec<String>)> {
    let name = format!("{}_{users}", engine.name());
    let (_floor_runs, mut floor) = stage.floor(engine, &name)?;
    let (_ours_runs, mut ours) = stage.ours(engine, &name)?;
    let title = format!("{}, {} users", engine.title(), grouped(length(users)));
    for target in [&mut floor, &mut ours] {
        let what = format!("{title}: {}", target.name);
        seed(target, users, &extent.groups, &what)?;
    }
    stage.settle(engine, &name, Beside::Floor)?;
    let pair = Pair { engine, users, floor: &floor, ours: &ours };
    let (mut lines, mut faults) = (Vec::new(), Vec::new());
    for workload in &extent.workloads {
        // Adding and removing members is one run, which tells both.
        if *workload == Workload::RemoveMember {
            continue;
        }
        let sizes: Vec<Option<usize>> = if workload.by_group() {
            floor.groups.iter().map(|group| Some(group.members)).collect()
        } else {
            vec![None]
        };
        for members in sizes {
            let of = members.map(|members| format!(" of {}", grouped(length(members)))).unwrap_or_default();
            let watch = Stopwatch::start();
            let run = match workload {
                Workload::Import => pair.import(extent),
                workload => pair.measure(*workload, members, extent),
            };
            let (found, fault) = run.with_context(|| format!("{title}: {}{of}", workload.code()))?;
            for line in &found {
                stage.results.add("compare", line.clone())?;
                say(&format!(
                    "{title}: {}{of}: {}, {}",
                    text(line, "/workload"),
                    short(line),
                    seconds(watch.elapsed())
                ));
            }
            lines.extend(found);
            if let Some(fault) = fault {
                say(&format!("{title}: FAULT: {fault}"));
                faults.push(fault);
            }
        }
    }
    Ok((lines, faults))
}

/// What is compared.
struct Pair<'a> {
    engine: Engine,
    users: usize,
    floor: &'a Target,
    ours: &'a Target,
}

/// What one server did in all rounds of one kind of request.
#[derive(Default)]
struct Sum {
    per_second: Vec<f64>,
    cpu_us: Vec<f64>,
    all: Series,
}

impl Pair<'_> {
    /// The groups of a size on either server; without a size the first one, which W14 changes.
    fn groups(&self, members: Option<usize>) -> [Option<&Group>; 2] {
        [self.floor, self.ours].map(|target| match members {
            Some(members) => target.group(members),
            None => target.groups.first(),
        })
    }

    fn measure(
        &self,
        workload: Workload,
        members: Option<usize>,
        extent: &Extent,
    ) -> Result<(Vec<Value>, Option<String>)> {
        let groups = self.groups(members);
        let targets = [self.floor, self.ours];
        let mut fault = None;
        let mut judge = |driven: &Driven, target: &Target| {
            if let Some(verdict) = driven.recorder.verdict() {
                fault.get_or_insert(format!("{} of {}: {verdict}", workload.code(), target.name));
            }
        };
        let mut sums: BTreeMap<Workload, [Sum; 2]> = BTreeMap::new();
        for (target, group) in targets.iter().zip(groups) {
            judge(&drive(target, workload, group, extent.warm_up)?, target);
        }
        for round in 0..extent.rounds {
            // Who begins alternates, so that a machine that slows down is nobody's fault.
            let order = if round % 2 == 0 { [0, 1] } else { [1, 0] };
            for place in order {
                let (Some(target), Some(group)) = (targets.get(place), groups.get(place)) else { continue };
                let driven = drive(target, workload, *group, extent.duration)?;
                judge(&driven, target);
                for (kind, series) in driven.recorder.series() {
                    let Some(sum) = sums.entry(*kind).or_default().get_mut(place) else { continue };
                    sum.per_second.push(driven.recorder.per_second(*kind, driven.elapsed));
                    sum.cpu_us.push(driven.cpu_us);
                    sum.all.extend(series);
                }
            }
        }
        if workload == Workload::AddMember && fault.is_none() {
            for (target, group) in targets.iter().zip(groups) {
                fault = fault.or(fault_of_group(target, group)?);
            }
        }
        let clients = workload.clients();
        let lines = sums.iter().map(|(kind, sums)| self.line(*kind, members, clients, sums)).collect();
        Ok((lines, fault))
    }

    /// An import: users by bulk requests, then one group of them all.
    fn import(&self, extent: &Extent) -> Result<(Vec<Value>, Option<String>)> {
        let mut sums = [Sum::default(), Sum::default()];
        for _ in 0..extent.rounds.min(MOST_IMPORTS) {
            for (target, sum) in [self.floor, self.ours].into_iter().zip(&mut sums) {
                let before = target.processes.cpu()?;
                let watch = Stopwatch::start();
                import(target, extent.imported)?;
                let users = length(extent.imported);
                sum.per_second.push(users / watch.elapsed().as_secs_f64());
                let cpu = target.processes.cpu()?.saturating_sub(before);
                sum.cpu_us.push(cpu.as_secs_f64() * 1e6 / users);
            }
        }
        Ok((vec![self.line(Workload::Import, None, Workload::Import.clients(), &sums)], None))
    }

    fn line(&self, workload: Workload, members: Option<usize>, clients: usize, sums: &[Sum; 2]) -> Value {
        let [floor, ours] = sums;
        let ratios: Vec<f64> =
            floor.per_second.iter().zip(&ours.per_second).map(|(floor, ours)| floor / ours).collect();
        let ratio = Spread::of(&ratios).unwrap_or_default();
        let bound = bound(self.engine, workload, members);
        let side = |sum: &Sum| {
            let [p50, p99] = sum.all.percentiles_ms([500, 990]);
            json!({
                "per_second": rounded(median(&sum.per_second), 1),
                "cpu_us": rounded(median(&sum.cpu_us), 1),
                "p50_ms": p50,
                "p99_ms": p99,
            })
        };
        json!({
            "database": self.engine.name(),
            "users": self.users,
            "workload": workload.code(),
            "members": members,
            "clients": clients,
            "floor": side(floor),
            "ours": side(ours),
            "ratio": {
                "median": rounded(ratio.median, 3),
                "least": rounded(ratio.least, 3),
                "most": rounded(ratio.most, 3),
                "rounds": ratios.len(),
            },
            "bound": bound,
            "verdict": Verdict::of(ratio.median, bound).word(),
        })
    }
}

/// What is wrong with a group from which as many members were taken as were added.
fn fault_of_group(target: &Target, group: Option<&Group>) -> Result<Option<String>> {
    let Some(group) = group else { return Ok(None) };
    let mut client = target.client();
    let status = client.send("GET", &format!("/Groups/{}", group.id), None)?;
    let answer = client.json();
    let members = answer.get("members").and_then(Value::as_array).map(Vec::len);
    if status == 200 && members == Some(group.members) {
        return Ok(None);
    }
    Ok(Some(format!(
        "W7 of {}: the group had {} members; after as many were removed as were added it has {members:?} ({status})",
        target.name, group.members
    )))
}

fn import(target: &Target, users: usize) -> Result<()> {
    let prefix = new_prefix(&target.prefix);
    let first = new_numbers(users);
    let last = first.saturating_add(users);
    let starts: Vec<usize> = (first..last).step_by(BATCH).collect();
    let clients = Workload::Import.clients();
    let mut ids = Vec::with_capacity(users);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..clients)
            .map(|place| {
                let (prefix, starts) = (&prefix, &starts);
                scope.spawn(move || -> Result<Vec<String>> {
                    let mut client = target.client();
                    let mut made = Vec::new();
                    for start in starts.iter().skip(place).step_by(clients) {
                        let end = start.saturating_add(BATCH).min(last);
                        let body = people::bulk(prefix, *start..end);
                        let status = client.send("POST", "/Bulk", Some(body.as_bytes()))?;
                        let batch = people::made_by_bulk(&client);
                        if status != 200 || batch.len() != end.saturating_sub(*start) {
                            bail!("a bulk request was answered {status}: {}", client.excerpt());
                        }
                        made.extend(batch.into_iter().map(|(_, id)| id));
                    }
                    Ok(made)
                })
            })
            .collect();
        for thread in threads {
            match thread.join() {
                Ok(made) => ids.extend(made?),
                Err(_) => bail!("a client panicked"),
            }
        }
        Ok(())
    })?;
    group_of(&mut target.client(), &format!("import {first} {prefix}"), &ids, BATCH, |_| {}).map(drop)
}

/// The ratio of a line and what is said of it.
fn short(line: &Value) -> String {
    let ratio = |key: &str| number(line, &format!("/ratio/{key}"));
    format!("ratio {:.2} [{:.2}..{:.2}] {}", ratio("median"), ratio("least"), ratio("most"), text(line, "/verdict"))
}

/// The lines of one database and one number of users as a table.
pub(crate) fn table_of(lines: &[Value]) -> Table {
    let mut table = Table::new(&[
        "workload",
        "M",
        "floor/s",
        "ours/s",
        "ratio [least..most]",
        "bound",
        "verdict",
        "floor µs",
        "ours µs",
        "floor p50 ms",
        "ours p50 ms",
        "floor p99 ms",
        "ours p99 ms",
    ]);
    for line in lines {
        let at = |pointer: &str| number(line, pointer);
        // An import is timed as a whole.
        let latency = |pointer: &str| match at(pointer) {
            known if known > 0.0 => format!("{known:.2}"),
            _ => String::new(),
        };
        let members = line.get("members").and_then(Value::as_u64);
        let bound = line.get("bound").and_then(Value::as_f64);
        table.row(vec![
            text(line, "/workload").to_owned(),
            members.map(|members| grouped(super::statistics::real(members))).unwrap_or_default(),
            grouped(at("/floor/per_second")),
            grouped(at("/ours/per_second")),
            format!("{:.2} [{:.2}..{:.2}]", at("/ratio/median"), at("/ratio/least"), at("/ratio/most")),
            bound.map(|bound| format!("{bound}")).unwrap_or_default(),
            text(line, "/verdict").to_owned(),
            grouped(at("/floor/cpu_us")),
            grouped(at("/ours/cpu_us")),
            latency("/floor/p50_ms"),
            latency("/ours/p50_ms"),
            latency("/floor/p99_ms"),
            latency("/ours/p99_ms"),
        ]);
    }
    table
}
