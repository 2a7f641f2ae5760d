//! The one place of xtask that reads a clock, and waits.

use std::time::{Duration, Instant};

/// Measures how long a step takes.
pub(crate) struct Stopwatch {
    started: Instant,
}

impl Stopwatch {
    #[expect(
        clippy::disallowed_methods,
        reason = "durations shown to a person; nothing is decided by them, and xtask has no Clock"
    )]
    pub(crate) fn start() -> Self {
        Self { started: Instant::now() }
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }
}

/// Waits, where nothing tells when it is time: between two looks at a process or a file.
#[expect(clippy::disallowed_methods, reason = "the callers bound how often they wait")]
pub(crate) fn pause(duration: Duration) {
    std::thread::sleep(duration);
}

/// A duration as a person reads it: `0.4 s`, `75 s`.
pub(crate) fn seconds(duration: Duration) -> String {
    if duration.as_secs() < 10 {
        format!("{:.1} s", duration.as_secs_f64())
    } else {
        format!("{} s", duration.as_secs())
    }
}
