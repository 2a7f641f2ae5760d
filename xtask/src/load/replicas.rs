//! Two servers on one PostgreSQL beside one, with the same load.

use anyhow::{Result, bail};
use serde_json::json;

use super::Options;
use super::compare::Extent;
use super::drive::{Driven, drive_with};
use super::progress::say;
use super::record::Series;
use super::results::rounded;
use super::seed::seed;
use super::stage::{Beside, Engine, Stage};
use super::statistics::{Spread, grouped, median};
use super::table::Table;
use super::target::Target;
use super::workload::Workload;
use crate::workspace::Workspace;

/// Two servers have to serve as much as one.
const LEAST_RATIO: f64 = 1.0;

/// Compares one server with two.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let extent = Extent::of(options)?;
    let stage = Stage::open(workspace, &options.on(Engine::Postgres), Beside::Nothing, "replicas")?;
    let users = extent.users.first().copied().unwrap_or(10_000);
    let (name, engine) = ("replicas", Engine::Postgres);
    let (one_runs, mut one, url) = stage.ours_at(engine, name)?;
    seed(&mut one, users, &[100.min(users)], "PostgreSQL, one server")?;
    stage.settle(engine, name, Beside::Nothing)?;
    let (two_runs, host) = stage.again(&url, name, "second.log")?;
    one.processes = stage.processes(&[one_runs.id(), two_runs.id()], engine);
    let two = Target { host, ..one.clone() };
    let mut table = Table::new(&["workload", "one/s", "two/s", "two/one [least..most]", "one p99 ms", "two p99 ms"]);
    let mut faults = Vec::new();
    let workloads = options.workloads.as_ref().map_or(Workload::OF_SCALES.to_vec(), |codes| Workload::named(codes));
    for workload in workloads {
        let (mut alone, mut together) = (Vec::new(), Vec::new());
        let (mut alone_all, mut together_all) = (Series::default(), Series::default());
        for round in 0..extent.rounds.saturating_add(1) {
            let warming = round == 0;
            let duration = if warming { extent.warm_up } else { extent.duration };
            let first = drive_with(&one, workload, one.groups.first(), workload.clients(), duration)?;
            let both = drive_both(&one, &two, workload, duration)?;
            for driven in std::iter::once(&first).chain(&both) {
                faults.extend(driven.recorder.verdict());
            }
            if warming {
                continue;
            }
            let rate = |driven: &Driven| driven.recorder.per_second(workload, driven.elapsed);
            alone.push(rate(&first));
            together.push(both.iter().map(rate).sum());
            alone_all.extend(first.recorder.series().get(&workload).unwrap_or(&Series::default()));
            for driven in &both {
                together_all.extend(driven.recorder.series().get(&workload).unwrap_or(&Series::default()));
            }
        }
        let ratios: Vec<f64> = together.iter().zip(&alone).map(|(together, alone)| together / alone).collect();
        let ratio = Spread::of(&ratios).unwrap_or_default();
        let ([one_p99], [two_p99]) = (alone_all.percentiles_ms([990]), together_all.percentiles_ms([990]));
        stage.results.add(
            "replicas",
            json!({
                "users": users,
                "workload": workload.code(),
                "one": {"per_second": rounded(median(&alone), 1), "p99_ms": one_p99},
                "two": {"per_second": rounded(median(&together), 1), "p99_ms": two_p99},
                "ratio": {
                    "median": rounded(ratio.median, 3),
                    "least": rounded(ratio.least, 3),
                    "most": rounded(ratio.most, 3),
                },
                "verdict": if ratio.median >= LEAST_RATIO { "held" } else { "missed" },
            }),
        )?;
        say(&format!("replicas: {}: two serve {:.2} of what one serves", workload.code(), ratio.median));
        table.row(vec![
            workload.code().to_owned(),
            grouped(median(&alone)),
            grouped(median(&together)),
            format!("{:.2} [{:.2}..{:.2}]", ratio.median, ratio.least, ratio.most),
            format!("{one_p99:.2}"),
            format!("{two_p99:.2}"),
        ]);
    }
    print!("{}", table.markdown());
    match faults.first() {
        None => Ok(()),
        Some(first) => bail!("{} runs had faults; {first}", faults.len()),
    }
}

/// The same clients, half of them at either server.
fn drive_both(one: &Target, two: &Target, workload: Workload, duration: std::time::Duration) -> Result<[Driven; 2]> {
    let half = workload.clients().div_ceil(2);
    let drive = |target: &Target| drive_with(target, workload, target.groups.first(), half, duration);
    let (first, second) = std::thread::scope(|scope| {
        let other = scope.spawn(|| drive(two));
        (drive(one), other.join())
    });
    match second {
        Ok(second) => Ok([first?, second?]),
        Err(_) => bail!("the clients of the second server panicked"),
    }
}
