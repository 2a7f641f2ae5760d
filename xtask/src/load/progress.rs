//! How far a long step has come, on standard error.

use std::io::{IsTerminal as _, Write as _};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::statistics::{grouped, length};
use crate::stopwatch::{Stopwatch, seconds};

/// How often it is told: on a terminal in place, elsewhere as lines, which are rarer.
const ON_A_TERMINAL: Duration = Duration::from_millis(200);
const ELSEWHERE: Duration = Duration::from_secs(15);

/// Whether progress is shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Told {
    Shown,
    Hidden,
}

/// A step of a known length.
pub(crate) struct Progress {
    what: String,
    all: usize,
    done: AtomicUsize,
    watch: Stopwatch,
    told: Mutex<Duration>,
    terminal: bool,
    shown: Told,
}

impl Progress {
    pub(crate) fn new(what: &str, all: usize) -> Self {
        Self::told(what, all, Told::Shown)
    }

    pub(crate) fn told(what: &str, all: usize, shown: Told) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let (done, watch, told) = (AtomicUsize::new(0), Stopwatch::start(), Mutex::new(Duration::ZERO));
        Self { what: what.to_owned(), all, done, watch, told, terminal, shown }
    }

    /// So much more is done.
    pub(crate) fn advance(&self, by: usize) {
        let done = self.done.fetch_add(by, Ordering::Relaxed).saturating_add(by);
        let elapsed = self.watch.elapsed();
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let every = if self.terminal { ON_A_TERMINAL } else { ELSEWHERE };
        if elapsed.saturating_sub(*told) >= every {
            *told = elapsed;
            self.tell(done, if self.terminal { "\r" } else { "\n" });
        }
    }

    /// All is done.
    pub(crate) fn finish(&self) {
        self.tell(self.done.load(Ordering::Relaxed), "\n");
    }

    fn tell(&self, done: usize, end: &str) {
        if self.shown == Told::Hidden {
            return;
        }
        let (done, all) = (grouped(length(done)), grouped(length(self.all)));
        let text = if done == all { all } else { format!("{done} of {all}") };
        let line = format!("load: {} {text}, {}    {end}", self.what, seconds(self.watch.elapsed()));
        // Progress that cannot be shown is no reason to stop.
        let _ = std::io::stderr().write_all(line.as_bytes());
    }
}

/// One line about what happens now.
pub(crate) fn say(what: &str) {
    let _ = writeln!(std::io::stderr(), "load: {what}");
}
