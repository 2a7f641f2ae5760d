//! Drives one workload against one server for a while.

use std::sync::Barrier;
use std::time::Duration;

use anyhow::{Result, bail};

use super::record::Recorder;
use super::target::{Group, Target};
use super::workload::{Worker, Workload};
use crate::stopwatch::Stopwatch;

/// After so many faults a client gives up: the run has failed anyway.
const MOST_FAULTS: u64 = 20;

/// What came of a drive.
pub(crate) struct Driven {
    pub(crate) recorder: Recorder,
    pub(crate) elapsed: Duration,
    /// Processor time of the server and its database per request, in microseconds.
    pub(crate) cpu_us: f64,
}

/// Runs a closed loop of the workload's clients for the duration.
pub(crate) fn drive(target: &Target, workload: Workload, group: Option<&Group>, duration: Duration) -> Result<Driven> {
    drive_with(target, workload, group, workload.clients(), duration)
}

/// The same with so many clients.
pub(crate) fn drive_with(
    target: &Target,
    workload: Workload,
    group: Option<&Group>,
    clients: usize,
    duration: Duration,
) -> Result<Driven> {
    let before = target.processes.cpu()?;
    let barrier = Barrier::new(clients);
    let watch = Stopwatch::start();
    let mut recorder = Recorder::default();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..clients)
            .map(|place| {
                let barrier = &barrier;
                scope.spawn(move || {
                    let mut worker = Worker::new(target, group, place, clients);
                    barrier.wait();
                    let watch = Stopwatch::start();
                    while watch.elapsed() < duration && worker.recorder.faults() < MOST_FAULTS {
                        worker.step(workload);
                    }
                    worker.recorder
                })
            })
            .collect();
        for thread in threads {
            match thread.join() {
                Ok(part) => recorder.merge(part),
                Err(_) => bail!("a client of {} panicked", workload.code()),
            }
        }
        Ok(())
    })?;
    let elapsed = watch.elapsed();
    let cpu = target.processes.cpu()?.saturating_sub(before);
    let requests = super::statistics::length(recorder.requests().max(1));
    Ok(Driven { recorder, elapsed, cpu_us: cpu.as_secs_f64() * 1e6 / requests })
}
