//! What was measured of the requests of a run.

use std::collections::BTreeMap;
use std::time::Duration;

use super::client::Client;
use super::statistics::{length, percentile};
use super::workload::Workload;
use crate::stopwatch::Stopwatch;

/// The latencies of one kind of request, in microseconds.
#[derive(Clone, Default, Debug)]
pub(crate) struct Series {
    latencies: Vec<u32>,
}

impl Series {
    pub(crate) fn len(&self) -> usize {
        self.latencies.len()
    }

    pub(crate) fn extend(&mut self, other: &Self) {
        self.latencies.extend_from_slice(&other.latencies);
    }

    /// The latencies below which so many thousandths of the requests stayed, in milliseconds.
    pub(crate) fn percentiles_ms<const N: usize>(&self, thousandths: [usize; N]) -> [f64; N] {
        let mut sorted = self.latencies.clone();
        sorted.sort_unstable();
        thousandths.map(|thousandths| f64::from(percentile(&sorted, thousandths)) / 1000.0)
    }

    fn sum(&self) -> f64 {
        self.latencies.iter().copied().map(f64::from).sum()
    }
}

/// Requests by kind, and what went wrong.
#[derive(Clone, Default, Debug)]
pub(crate) struct Recorder {
    series: BTreeMap<Workload, Series>,
    errors: u64,
    wrong: u64,
    first: Option<String>,
}

impl Recorder {
    /// Sends a request and records it; whether its status is one of the good ones.
    pub(crate) fn ask(
        &mut self,
        workload: Workload,
        client: &mut Client,
        method: &str,
        path: &str,
        body: Option<&str>,
        good: &[u16],
    ) -> bool {
        let watch = Stopwatch::start();
        let answer = client.send(method, path, body.map(str::as_bytes));
        self.note(workload, watch.elapsed());
        match answer {
            Ok(status) if good.contains(&status) => true,
            Ok(status) => {
                let says = client.excerpt();
                self.error(format!("{}: {method} {path} was answered {status}: {says}", workload.code()));
                false
            }
            Err(error) => {
                self.error(format!("{}: {method} {path} failed: {error:#}", workload.code()));
                false
            }
        }
    }

    /// Records a request.
    pub(crate) fn note(&mut self, workload: Workload, latency: Duration) {
        let latency = u32::try_from(latency.as_micros()).unwrap_or(u32::MAX);
        self.series.entry(workload).or_default().latencies.push(latency);
    }

    /// Records an answer that is not right.
    pub(crate) fn wrong(&mut self, workload: Workload, why: &str) {
        self.wrong = self.wrong.saturating_add(1);
        self.first.get_or_insert_with(|| format!("{}: wrong answer: {why}", workload.code()));
    }

    fn error(&mut self, what: String) {
        self.errors = self.errors.saturating_add(1);
        self.first.get_or_insert(what);
    }

    /// How many went wrong, so that a client can give up.
    pub(crate) fn faults(&self) -> u64 {
        self.errors.saturating_add(self.wrong)
    }

    /// The errors, the wrong answers and the first of them, if there is any.
    pub(crate) fn verdict(&self) -> Option<String> {
        let first = self.first.as_ref()?;
        Some(format!("{} errors and {} wrong answers; the first: {first}", self.errors, self.wrong))
    }

    pub(crate) fn merge(&mut self, other: Self) {
        for (workload, series) in other.series {
            self.series.entry(workload).or_default().extend(&series);
        }
        self.errors = self.errors.saturating_add(other.errors);
        self.wrong = self.wrong.saturating_add(other.wrong);
        self.first = self.first.take().or(other.first);
    }

    pub(crate) fn series(&self) -> &BTreeMap<Workload, Series> {
        &self.series
    }

    /// All requests.
    pub(crate) fn requests(&self) -> usize {
        self.series.values().map(Series::len).sum()
    }

    /// Requests of one kind a second, in the share of the time that went to this kind.
    pub(crate) fn per_second(&self, workload: Workload, elapsed: Duration) -> f64 {
        let all: f64 = self.series.values().map(Series::sum).sum();
        let Some(series) = self.series.get(&workload) else { return 0.0 };
        let seconds = elapsed.as_secs_f64() * series.sum() / all;
        if seconds > 0.0 { length(series.len()) / seconds } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Recorder;
    use crate::load::workload::Workload;

    #[test]
    fn kinds_of_one_run_share_its_time() {
        let mut recorder = Recorder::default();
        recorder.note(Workload::AddMember, Duration::from_micros(100));
        for _ in 0..2 {
            recorder.note(Workload::RemoveMember, Duration::from_micros(150));
        }
        let rate = |workload| recorder.per_second(workload, Duration::from_secs(4));
        assert!((rate(Workload::AddMember) - 1.0).abs() < 1e-9);
        assert!((rate(Workload::RemoveMember) - 2.0 / 3.0).abs() < 1e-9);
        assert!(rate(Workload::GetUser).abs() < f64::EPSILON);
    }

    #[test]
    fn the_first_fault_is_kept() {
        let mut recorder = Recorder::default();
        assert_eq!(recorder.verdict(), None);
        recorder.wrong(Workload::GetUser, "one");
        let mut all = Recorder::default();
        all.merge(recorder);
        all.wrong(Workload::Mixed, "two");
        assert_eq!(all.verdict().unwrap(), "0 errors and 2 wrong answers; the first: W1: wrong answer: one");
    }
}
