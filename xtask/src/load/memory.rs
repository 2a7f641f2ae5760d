//! How much memory the server takes: idle, filled, worked, under large answers, and under filters of
//! ever new shapes. Its own processes only, not PostgreSQL's.

use std::time::Duration;

use anyhow::{Result, bail};
use serde_json::json;

use super::Options;
use super::client::encode;
use super::compare::Extent;
use super::drive::drive;
use super::people;
use super::process::{Memory, Processes};
use super::progress::say;
use super::results::rounded;
use super::seed::seed;
use super::stage::{Beside, Stage};
use super::statistics::{grouped, length, real, slope};
use super::table::Table;
use super::target::Target;
use super::workload::Workload;
use crate::stopwatch::{Stopwatch, pause};
use crate::workspace::Workspace;

/// Users, unless told; the group has as many members.
const USERS: usize = 100_000;

/// Filters of different shapes in a minute.
const SHAPES_A_MINUTE: usize = 2_000;

/// Most memory when nothing happens.
const IDLE_MIB: f64 = 30.0;

/// Most memory that is no mapped file, with all users and after all workloads.
const WORKED_MIB: f64 = 150.0;

/// Most memory above idle while eight clients read the large group.
const LARGE_ANSWERS_MIB: f64 = 64.0;

/// Measures memory.
pub(crate) fn run(workspace: &Workspace, options: &Options, minutes: usize) -> Result<()> {
    let extent = Extent::of(options)?;
    let users = options.n.as_ref().and_then(|users| users.first().copied());
    let users = users.unwrap_or(if options.quick { 1_000 } else { USERS });
    let minute = Duration::from_secs(if options.quick { 2 } else { 60 });
    let stage = Stage::open(workspace, options, Beside::Nothing, "memory")?;
    let mut table =
        Table::new(&["database", "when", "resident MiB", "proportional MiB", "anonymous MiB", "peak MiB", "bound"]);
    let mut faults = Vec::new();
    for engine in stage.engines.clone() {
        let name = format!("{}_memory", engine.name());
        let (running, mut target) = stage.ours(engine, &name)?;
        let own = Processes::new(&[running.id()]);
        let mut tell = |when: &str, memory: Memory, bound: Option<(f64, f64)>| -> Result<()> {
            let bound = bound.map(|(value, bound)| (value, bound, if value <= bound { "held" } else { "missed" }));
            stage.results.add(
                "memory",
                json!({
                    "database": engine.name(),
                    "when": when,
                    "users": users,
                    "resident_mib": mib(memory.resident_kib),
                    "proportional_mib": mib(memory.proportional_kib),
                    "anonymous_mib": mib(memory.anonymous_kib),
                    "peak_mib": mib(memory.peak_kib),
                    "judged_mib": bound.map(|(value, _, _)| rounded(value, 1)),
                    "bound_mib": bound.map(|(_, bound, _)| bound),
                    "verdict": bound.map(|(_, _, verdict)| verdict),
                }),
            )?;
            say(&format!("{}: {when}: {:.1} MiB resident", engine.title(), mib(memory.resident_kib)));
            let size = |kib: u64| format!("{:.1}", mib(kib));
            table.row(vec![
                engine.title().to_owned(),
                when.to_owned(),
                size(memory.resident_kib),
                size(memory.proportional_kib),
                size(memory.anonymous_kib),
                size(memory.peak_kib),
                bound.map(|(value, bound, verdict)| format!("{value:.1} of {bound}: {verdict}")).unwrap_or_default(),
            ]);
            Ok(())
        };
        pause(Duration::from_secs(1));
        let idle = own.memory()?;
        tell("idle", idle, Some((mib(idle.resident_kib), IDLE_MIB)))?;
        seed(&mut target, users, &[100, users], &format!("{}, memory", engine.title()))?;
        stage.settle(engine, &name, Beside::Nothing)?;
        tell("users and groups made", own.memory()?, None)?;
        for workload in Workload::ALL.into_iter().filter(|workload| *workload != Workload::Import) {
            let driven = drive(&target, workload, target.groups.first(), extent.duration)?;
            faults.extend(driven.recorder.verdict());
        }
        let worked = own.memory()?;
        tell("all workloads run", worked, Some((mib(worked.anonymous_kib), WORKED_MIB)))?;
        own.reset_peak()?;
        let before = own.memory()?;
        let driven = drive(&target, Workload::GetGroup, target.groups.last(), extent.duration.saturating_mul(3))?;
        faults.extend(driven.recorder.verdict());
        let after = own.memory()?;
        let above = mib(after.peak_kib.saturating_sub(before.resident_kib));
        tell("eight clients read the large group", after, Some((above, LARGE_ANSWERS_MIB)))?;
        let points = shapes(&target, &own, minutes, minute)?;
        let per_minute = slope(&points);
        let at = |point: Option<&(f64, f64)>| point.map_or(0.0, |(_, mib)| *mib);
        stage.results.add(
            "shapes",
            json!({
                "database": engine.name(),
                "minutes": minutes,
                "shapes_a_minute": SHAPES_A_MINUTE,
                "first_mib": rounded(at(points.first()), 2),
                "last_mib": rounded(at(points.last()), 2),
                "slope_mib_a_minute": rounded(per_minute, 3),
                "points": points.iter().map(|(minute, mib)| [*minute, rounded(*mib, 2)]).collect::<Vec<_>>(),
            }),
        )?;
        tell(&format!("{} shapes of filters", grouped(length(SHAPES_A_MINUTE * minutes))), own.memory()?, None)?;
        say(&format!("{}: {per_minute:.3} MiB more a minute under new shapes", engine.title()));
    }
    print!("{}", table.markdown());
    match faults.first() {
        None => Ok(()),
        Some(first) => bail!("{} runs had faults; {first}", faults.len()),
    }
}

fn mib(kib: u64) -> f64 {
    rounded(real(kib) / 1024.0, 1)
}

/// Sends filters, each of a shape of its own, at an even pace; the anonymous memory, in MiB, after
/// every minute.
fn shapes(target: &Target, own: &Processes, minutes: usize, minute: Duration) -> Result<Vec<(f64, f64)>> {
    let mut client = target.client();
    let mut points = Vec::new();
    let pace = minute.checked_div(u32::try_from(SHAPES_A_MINUTE)?).unwrap_or_default();
    for number in 0..minutes {
        let watch = Stopwatch::start();
        for place in 0..SHAPES_A_MINUTE {
            let filter = shape(number * SHAPES_A_MINUTE + place, &people::user_name(&target.prefix, place));
            let status = client.send("GET", &format!("/Users?count=1&filter={}", encode(&filter)), None)?;
            if status != 200 {
                bail!("the filter {filter} was answered {status}: {}", client.excerpt());
            }
            let due = pace.saturating_mul(u32::try_from(place)?);
            pause(due.saturating_sub(watch.elapsed()));
        }
        let memory = own.memory()?;
        let now = real(memory.anonymous_kib) / 1024.0;
        say(&format!("minute {} of {minutes}: {now:.1} MiB anonymous", number + 1));
        points.push((length(number + 1), now));
    }
    Ok(points)
}

/// The terms of which shapes are made; each is answered from an index or from the row that was found.
const TERMS: [&str; 12] = [
    "displayName pr",
    "active eq true",
    "name.familyName sw \"A\"",
    "name.givenName pr",
    "externalId pr",
    "userName sw \"user\"",
    "emails pr",
    "title pr",
    "emails[type eq \"work\"]",
    "name.familyName pr",
    "displayName sw \"Given\"",
    "active pr",
];

/// A filter whose shape no other number has: the digits of the number choose its terms.
fn shape(mut number: usize, user_name: &str) -> String {
    let mut filter = format!("userName eq \"{user_name}\"");
    while number > 0 {
        let term = TERMS.get(number % TERMS.len()).copied().unwrap_or_default();
        filter.push_str(if number.is_multiple_of(5) { " and not (" } else { " and (" });
        filter.push_str(term);
        filter.push(')');
        number /= TERMS.len();
    }
    filter
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::shape;

    #[test]
    fn every_number_has_a_shape_of_its_own() {
        let shapes: BTreeSet<String> = (0..20_000).map(|number| shape(number, "u")).collect();
        assert_eq!(shapes.len(), 20_000);
    }
}
