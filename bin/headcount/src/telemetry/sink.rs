//! Lines of the log on their way to standard error.
//!
//! Whoever logs appends to memory; one thread writes. A line waits at most [`LINGER`], so that under
//! load many lines go with one call of the system, and a warning or an error takes whatever waits
//! with it at once. No line is ever dropped: when [`MOST_WAITING`] bytes wait because what reads the
//! log is slow, whoever logs waits too.

use std::{
    io::{self, Write},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::JoinHandle,
    time::Duration,
};

use anyhow::{Context, Result};
use tracing::{Level, Metadata};
use tracing_subscriber::fmt::MakeWriter;

/// Longest time for which a line waits for others.
const LINGER: Duration = Duration::from_millis(50);

/// As many bytes as are worth a call of the system.
const ENOUGH: usize = 64 * 1024;

/// Most bytes that wait.
const MOST_WAITING: usize = 1024 * 1024;

/// Where lines are put.
#[derive(Clone)]
pub(super) struct Sink(Arc<Shared>);

/// The thread that writes; ends when this is dropped, after everything is written.
#[must_use = "logging goes on until it is dropped"]
pub(crate) struct Writing {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    state: Mutex<State>,
    /// There is something to do for the thread.
    due: Condvar,
    /// Something was written.
    written: Condvar,
    bounds: Bounds,
}

#[derive(Clone, Copy)]
struct Bounds {
    linger: Duration,
    enough: usize,
    most_waiting: usize,
}

struct State {
    waiting: Vec<u8>,
    /// All bytes that were ever put in, and all that were ever written.
    taken: u64,
    done: u64,
    thread: Thread,
    /// What waits is to be written at once.
    urgent: bool,
    stopping: bool,
}

/// What the thread is at.
enum Thread {
    /// It waits for the first line.
    Idle,
    /// It waits for more lines, or writes.
    Busy,
    /// It has ended and left the writer behind, for what is logged after.
    Ended(Box<dyn Write + Send>),
}

impl Sink {
    /// Starts the thread.
    pub(super) fn start(out: Box<dyn Write + Send>) -> Result<(Self, Writing)> {
        Self::with(out, Bounds { linger: LINGER, enough: ENOUGH, most_waiting: MOST_WAITING })
    }

    fn with(out: Box<dyn Write + Send>, bounds: Bounds) -> Result<(Self, Writing)> {
        let state =
            State { waiting: Vec::new(), taken: 0, done: 0, thread: Thread::Busy, urgent: false, stopping: false };
        let shared =
            Arc::new(Shared { state: Mutex::new(state), due: Condvar::new(), written: Condvar::new(), bounds });
        let seen = shared.clone();
        let thread = std::thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || seen.write_all(out))
            .context("the thread of the log cannot be started")?;
        Ok((Self(shared.clone()), Writing { shared, thread: Some(thread) }))
    }

    /// Waits until everything logged so far is written, but no longer than this.
    pub(super) fn flush(&self, longest: Duration) {
        let mut state = self.0.lock();
        state.urgent = true;
        self.0.due.notify_one();
        let wanted = state.taken;
        drop(self.0.written.wait_timeout_while(state, longest, |state| state.done < wanted));
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, line: &[u8], urgent: bool) {
        let mut state = self.lock();
        while !state.waiting.is_empty()
            && state.waiting.len().saturating_add(line.len()) > self.bounds.most_waiting
            && !matches!(state.thread, Thread::Ended(_))
        {
            state = self.written.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if let Thread::Ended(out) = &mut state.thread {
            // Nobody can be told that the log cannot be written.
            let _ = out.write_all(line);
            return;
        }
        state.waiting.extend_from_slice(line);
        state.taken = state.taken.saturating_add(length(line));
        state.urgent |= urgent;
        // The thread is woken for a first line, and otherwise only for what is to be written at once:
        // a wake costs more than the line.
        if matches!(state.thread, Thread::Idle) || state.is_due(self.bounds) {
            self.due.notify_one();
        }
    }

    /// The work of the thread.
    fn write_all(&self, mut out: Box<dyn Write + Send>) {
        let mut batch = Vec::new();
        let mut state = self.lock();
        loop {
            state.thread = Thread::Idle;
            state = self
                .due
                .wait_while(state, |state| state.waiting.is_empty() && !state.stopping)
                .unwrap_or_else(PoisonError::into_inner);
            state.thread = Thread::Busy;
            if state.waiting.is_empty() {
                break;
            }
            let more = self.due.wait_timeout_while(state, self.bounds.linger, |state| !state.is_due(self.bounds));
            (state, _) = more.unwrap_or_else(PoisonError::into_inner);
            std::mem::swap(&mut batch, &mut state.waiting);
            state.urgent = false;
            drop(state);
            // Nobody can be told that the log cannot be written.
            let _ = out.write_all(&batch).and_then(|()| out.flush());
            state = self.lock();
            state.done = state.done.saturating_add(length(&batch));
            batch.clear();
            self.written.notify_all();
        }
        state.thread = Thread::Ended(out);
        self.written.notify_all();
    }
}

impl State {
    fn is_due(&self, bounds: Bounds) -> bool {
        self.urgent || self.stopping || self.waiting.len() >= bounds.enough
    }
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

impl Drop for Writing {
    fn drop(&mut self) {
        self.shared.lock().stopping = true;
        self.shared.due.notify_one();
        if let Some(thread) = self.thread.take() {
            // It panics on nothing; if it did, what it held would be lost, and there is nobody to tell.
            let _ = thread.join();
        }
    }
}

/// Puts lines into a sink.
pub(super) struct Line<'a> {
    shared: &'a Shared,
    urgent: bool,
}

impl Write for Line<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.shared.put(line, self.urgent);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Sink {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line { shared: &self.0, urgent: false }
    }

    fn make_writer_for(&'a self, meta: &Metadata<'_>) -> Line<'a> {
        Line { shared: &self.0, urgent: *meta.level() <= Level::WARN }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{self, Write},
        sync::{
            Arc, Mutex,
            mpsc::{Receiver, SyncSender, sync_channel},
        },
        time::Duration,
    };

    use super::{Bounds, Sink};

    const HOUR: Duration = Duration::from_hours(1);
    const BOUNDS: Bounds = Bounds { linger: HOUR, enough: 1_000_000, most_waiting: 2_000_000 };

    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl Page {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    impl Write for Page {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Hands on what is written, and waits until it is taken.
    struct Pipe(SyncSender<String>);

    impl Write for Pipe {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.send(String::from_utf8(bytes.to_vec()).unwrap()).map_err(io::Error::other)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn pipe() -> (Pipe, Receiver<String>) {
        let (send, receive) = sync_channel(0);
        (Pipe(send), receive)
    }

    #[test]
    fn what_was_logged_is_written_when_logging_ends_and_after_that_at_once() {
        let page = Page::default();
        let (sink, writing) = Sink::with(Box::new(page.clone()), BOUNDS).unwrap();
        sink.0.put(b"one\n", false);
        sink.0.put(b"two\n", false);
        drop(writing);
        assert_eq!(page.text(), "one\ntwo\n");
        sink.0.put(b"three\n", false);
        assert_eq!(page.text(), "one\ntwo\nthree\n");
    }

    #[test]
    fn a_warning_takes_what_waits_with_it_at_once() {
        let (out, written) = pipe();
        let (sink, writing) = Sink::with(Box::new(out), BOUNDS).unwrap();
        sink.0.put(b"calm\n", false);
        sink.0.put(b"urgent\n", true);
        assert_eq!(written.recv().unwrap(), "calm\nurgent\n");
        drop(writing);
    }

    #[test]
    fn a_lone_line_waits_for_no_other_longer_than_it_lingers() {
        let (out, written) = pipe();
        let (sink, writing) = Sink::with(Box::new(out), Bounds { linger: Duration::from_millis(1), ..BOUNDS }).unwrap();
        sink.0.put(b"lone\n", false);
        assert_eq!(written.recv().unwrap(), "lone\n");
        drop(writing);
    }

    #[test]
    fn enough_lines_are_written_at_once() {
        let (out, written) = pipe();
        let (sink, writing) = Sink::with(Box::new(out), Bounds { enough: 8, ..BOUNDS }).unwrap();
        sink.0.put(b"one\n", false);
        sink.0.put(b"two\n", false);
        assert_eq!(written.recv().unwrap(), "one\ntwo\n");
        drop(writing);
    }

    #[test]
    fn a_flush_waits_until_everything_is_written() {
        let page = Page::default();
        let (sink, writing) = Sink::with(Box::new(page.clone()), BOUNDS).unwrap();
        sink.0.put(b"before\n", false);
        sink.flush(HOUR);
        assert_eq!(page.text(), "before\n");
        drop(writing);
    }

    #[test]
    fn a_slow_reader_makes_those_who_log_wait_and_loses_no_line() {
        let (out, written) = pipe();
        let bounds = Bounds { linger: Duration::from_millis(1), enough: 16, most_waiting: 32 };
        let (sink, writing) = Sink::with(Box::new(out), bounds).unwrap();
        let reader = std::thread::spawn(move || written.iter().collect::<String>());
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let sink = &sink;
                scope.spawn(move || {
                    for number in 0..250 {
                        sink.0.put(format!("{thread} {number}\n").as_bytes(), number % 50 == 0);
                    }
                });
            }
        });
        drop(writing);
        drop(sink);
        let text = reader.join().unwrap();
        for thread in 0..4 {
            let start = format!("{thread} ");
            let numbers: Vec<usize> = text.lines().filter_map(|line| line.strip_prefix(&start)?.parse().ok()).collect();
            assert_eq!(numbers, (0..250).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_line_longer_than_all_that_may_wait_is_written() {
        let page = Page::default();
        let (sink, writing) = Sink::with(Box::new(page.clone()), Bounds { most_waiting: 4, ..BOUNDS }).unwrap();
        sink.0.put(b"longer than four\n", true);
        sink.0.put(b"and another one\n", true);
        drop(writing);
        assert_eq!(page.text(), "longer than four\nand another one\n");
    }

    #[test]
    fn a_reader_that_went_away_holds_nobody_up() {
        let (out, written) = pipe();
        let (sink, writing) = Sink::with(Box::new(out), Bounds { most_waiting: 8, ..BOUNDS }).unwrap();
        drop(written);
        for _ in 0..100 {
            sink.0.put(b"unread\n", true);
        }
        drop(writing);
    }
}
