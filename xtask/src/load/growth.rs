//! How requests fare as a tenant, a group and the number of tenants grow. Headcount only.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Result, bail};
use serde_json::json;

use super::Options;
use super::compare::Extent;
use super::drive::{Driven, drive};
use super::progress::{Progress, say};
use super::record::Series;
use super::results::rounded;
use super::seed::seed;
use super::stage::{Beside, Engine, Stage};
use super::statistics::{grouped, length, median};
use super::table::Table;
use super::target::{Group, Target, with_token_of};
use super::workload::Workload;
use crate::workspace::Workspace;

/// Users of one tenant, unless told.
const USERS: [usize; 4] = [1_000, 10_000, 100_000, 1_000_000];

/// Members of one group, unless told.
const MEMBERS: [usize; 5] = [100, 1_000, 10_000, 100_000, 1_000_000];

/// What is asked of a group that grows; adding a member tells of removing one too.
const OF_GROUPS: [Workload; 2] = [Workload::GetGroupAlone, Workload::AddMember];

/// Users of each of many tenants.
const USERS_OF_EACH: usize = 100;

/// Commands that make tenants at once.
const COMMANDS: usize = 4;

/// Of so many tenants the requests are measured; the others are there.
const MEASURED_TENANTS: usize = 8;

/// Measures growth.
pub(crate) fn run(workspace: &Workspace, options: &Options, tenants: usize) -> Result<()> {
    let extent = Extent::of(options)?;
    let stage = Stage::open(workspace, options, Beside::Nothing, "growth")?;
    let users = options.n.clone().unwrap_or_else(|| if options.quick { vec![200, 1_000] } else { USERS.to_vec() });
    let members = options.m.clone().unwrap_or_else(|| MEMBERS.to_vec());
    let tenants = if options.quick { tenants.min(4) } else { tenants };
    let mut table = Table::new(&["database", "of", "size", "workload", "per second", "p50 ms", "p99 ms", "µs"]);
    let mut faults = Vec::new();
    for engine in stage.engines.clone() {
        let mut growth = Growth { stage: &stage, engine, extent: &extent, table: &mut table, faults: &mut faults };
        growth.in_one_tenant(&users, &members)?;
        if tenants > 0 {
            growth.over_tenants(tenants)?;
        }
    }
    print!("{}", table.markdown());
    match faults.first() {
        None => Ok(()),
        Some(first) => bail!("{} runs had faults; {first}", faults.len()),
    }
}

struct Growth<'a> {
    stage: &'a Stage,
    engine: Engine,
    extent: &'a Extent,
    table: &'a mut Table,
    faults: &'a mut Vec<String>,
}

impl Growth<'_> {
    /// One tenant that grows, and at its largest the groups.
    fn in_one_tenant(&mut self, users: &[usize], members: &[usize]) -> Result<()> {
        let name = format!("{}_growth", self.engine.name());
        let (_running, mut target) = self.stage.ours(self.engine, &name)?;
        let what = format!("{}, growth", self.engine.title());
        for size in users {
            seed(&mut target, *size, &[100], &what)?;
            self.stage.settle(self.engine, &name, Beside::Nothing)?;
            for workload in Workload::OF_SCALES {
                let group = target.groups.first();
                self.measure("users", *size, workload, &[(&target, group)])?;
            }
        }
        let all = target.users.len();
        seed(&mut target, all, members, &what)?;
        self.stage.settle(self.engine, &name, Beside::Nothing)?;
        for group in target.groups.iter().filter(|group| members.contains(&group.members)) {
            for workload in OF_GROUPS {
                self.measure("members", group.members, workload, &[(&target, Some(group))])?;
            }
        }
        Ok(())
    }

    /// One tenant, and then many.
    fn over_tenants(&mut self, tenants: usize) -> Result<()> {
        let name = format!("{}_tenants", self.engine.name());
        let (_running, mut first, url) = self.stage.ours_at(self.engine, &name)?;
        let what = format!("{}, tenants", self.engine.title());
        seed(&mut first, USERS_OF_EACH, &[USERS_OF_EACH / 2], &what)?;
        self.stage.settle(self.engine, &name, Beside::Nothing)?;
        for workload in Workload::OF_SCALES {
            self.measure("tenants", 1, workload, &[(&first, first.groups.first())])?;
        }
        let others = self.make_tenants(&first, &url, &name, tenants.saturating_sub(1), &what)?;
        self.stage.settle(self.engine, &name, Beside::Nothing)?;
        let measured: Vec<_> =
            others.iter().take(MEASURED_TENANTS).map(|target| (target, target.groups.first())).collect();
        if measured.is_empty() {
            return Ok(());
        }
        for workload in Workload::OF_SCALES {
            self.measure("tenants", tenants, workload, &measured)?;
        }
        Ok(())
    }

    /// Makes tenants as an operator does, by commands beside the server, and fills each.
    fn make_tenants(&self, first: &Target, url: &str, name: &str, count: usize, what: &str) -> Result<Vec<Target>> {
        let folder = self.stage.subfolder(name)?;
        let headcount = &self.stage.headcount;
        let next = AtomicUsize::new(0);
        let made = Mutex::new(Vec::new());
        let progress = Progress::new(&format!("{what}: tenants of {USERS_OF_EACH} users"), count);
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..COMMANDS)
                .map(|_| {
                    scope.spawn(|| -> Result<()> {
                        loop {
                            let number = next.fetch_add(1, Ordering::Relaxed);
                            if number >= count {
                                return Ok(());
                            }
                            let slug = format!("tenant-{number:06}");
                            let mut target = with_token_of(headcount, url, &folder, &first.host, Some(&slug))?;
                            target.processes = first.processes.clone();
                            // Those that are measured have a group too; of the others no id is kept.
                            let measured = number < MEASURED_TENANTS;
                            let groups: &[usize] = if measured { &[USERS_OF_EACH / 2] } else { &[] };
                            super::seed::seed_quietly(&mut target, USERS_OF_EACH, groups)?;
                            if measured {
                                made.lock().unwrap_or_else(PoisonError::into_inner).push(target);
                            }
                            progress.advance(1);
                        }
                    })
                })
                .collect();
            for thread in threads {
                match thread.join() {
                    Ok(outcome) => outcome?,
                    Err(_) => bail!("a thread that makes tenants panicked"),
                }
            }
            Ok(())
        })?;
        progress.finish();
        Ok(made.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    /// Measures a workload, round after round, on one target after the other.
    fn measure(
        &mut self,
        of: &str,
        size: usize,
        workload: Workload,
        targets: &[(&Target, Option<&Group>)],
    ) -> Result<()> {
        let mut sums: Vec<Driven> = Vec::new();
        for (target, group) in targets {
            drive(target, workload, *group, self.extent.warm_up)?;
        }
        let rounds = self.extent.rounds.max(targets.len());
        for (target, group) in targets.iter().cycle().take(rounds) {
            let driven = drive(target, workload, *group, self.extent.duration)?;
            self.faults.extend(driven.recorder.verdict());
            sums.push(driven);
        }
        let mut all = Series::default();
        for driven in &sums {
            all.extend(driven.recorder.series().get(&workload).unwrap_or(&Series::default()));
        }
        let of_each = |value: &dyn Fn(&Driven) -> f64| median(&sums.iter().map(value).collect::<Vec<_>>());
        let per_second = of_each(&|driven| driven.recorder.per_second(workload, driven.elapsed));
        let cpu_us = of_each(&|driven| driven.cpu_us);
        let [p50, p99] = all.percentiles_ms([500, 990]);
        self.stage.results.add(
            "growth",
            json!({
                "database": self.engine.name(),
                "of": of,
                "size": size,
                "workload": workload.code(),
                "per_second": rounded(per_second, 1),
                "cpu_us": rounded(cpu_us, 1),
                "p50_ms": p50,
                "p99_ms": p99,
            }),
        )?;
        let size = grouped(length(size));
        say(&format!("{}: {} at {size} {of}: p50 {p50:.2} ms, {cpu_us:.0} µs", self.engine.title(), workload.code()));
        self.table.row(vec![
            self.engine.title().to_owned(),
            of.to_owned(),
            size,
            workload.code().to_owned(),
            grouped(per_second),
            format!("{p50:.2}"),
            format!("{p99:.2}"),
            grouped(cpu_us),
        ]);
        Ok(())
    }
}
