//! Ends the servers of a run even if xtask is killed.
//!
//! A shell holds the other end of a pipe. As long as xtask lives it only remembers what was started;
//! when the pipe breaks, for whatever reason, it ends what is left, and then itself. Ctrl-C reaches
//! it too, and is ignored there, so that it can do its work.

use std::io::Write as _;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context as _, Result};

/// `+PID SIGNAL` is remembered, `-PID` is forgotten; at the end what is remembered is signalled, the
/// folder is removed if nothing is left to run in it, and the shell ends.
const SCRIPT: &str = r#"
trap "" INT TERM HUP
while read -r word signal; do
    case "$word" in
        +*) list="$list ${word#+}:$signal" ;;
        -*) kept=""
            for one in $list; do [ "${one%%:*}" = "${word#-}" ] || kept="$kept $one"; done
            list="$kept" ;;
    esac
done
for one in $list; do kill -s "${one##*:}" "${one%%:*}" 2>/dev/null; done
[ -z "$1" ] || { [ -z "$list" ] || sleep 2; rm -rf -- "$1"; }
"#;

/// What is done to a process to end it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Signal {
    /// A server finishes what it has begun.
    Term,
    /// PostgreSQL ends its sessions and stops.
    Int,
}

/// The shell.
pub(crate) struct Guardian {
    shell: Child,
    pipe: Mutex<Option<ChildStdin>>,
}

impl Guardian {
    /// Starts it; at the end it removes the folder, if one is given.
    pub(crate) fn start(folder: Option<&Path>) -> Result<Self> {
        let mut command = Command::new("sh");
        command.args(["-c", SCRIPT, "sh"]).arg(folder.unwrap_or(Path::new("")));
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut shell = command.spawn().context("cannot run sh")?;
        let pipe = shell.stdin.take();
        Ok(Self { shell, pipe: Mutex::new(pipe) })
    }

    /// Remembers a process.
    pub(crate) fn watch(&self, process: u32, signal: Signal) -> Result<()> {
        let signal = match signal {
            Signal::Term => "TERM",
            Signal::Int => "INT",
        };
        self.say(&format!("+{process} {signal}\n"))
    }

    /// Forgets a process that has ended, so that another one of its number is left alone.
    pub(crate) fn forget(&self, process: u32) {
        // If the shell is gone it remembers nothing.
        let _ = self.say(&format!("-{process} .\n"));
    }

    fn say(&self, line: &str) -> Result<()> {
        let mut pipe = self.pipe.lock().unwrap_or_else(PoisonError::into_inner);
        let pipe = pipe.as_mut().context("the guardian has ended")?;
        pipe.write_all(line.as_bytes()).context("the guardian has ended")
    }
}

impl Drop for Guardian {
    fn drop(&mut self) {
        drop(self.pipe.lock().unwrap_or_else(PoisonError::into_inner).take());
        let _ = self.shell.wait();
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::{Guardian, Signal};

    #[test]
    fn what_is_left_is_ended_and_what_was_forgotten_is_not() {
        let sleeper = || Command::new("sleep").arg("60").spawn().unwrap();
        let (mut left, mut forgotten) = (sleeper(), sleeper());
        let guardian = Guardian::start(None).unwrap();
        guardian.watch(left.id(), Signal::Term).unwrap();
        guardian.watch(forgotten.id(), Signal::Term).unwrap();
        guardian.forget(forgotten.id());
        drop(guardian);
        assert!(!left.wait().unwrap().success());
        assert_eq!(forgotten.try_wait().unwrap(), None);
        forgotten.kill().unwrap();
        forgotten.wait().unwrap();
    }
}
