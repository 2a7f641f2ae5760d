//! What Linux tells of running processes: processor time and memory.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result};

/// Ticks of the clock in which Linux counts processor time; the same on every architecture.
const TICKS_A_SECOND: u64 = 100;

/// Processes that are measured together, with all their children: a server, and its PostgreSQL.
#[derive(Clone, Debug, Default)]
pub(crate) struct Processes {
    roots: Vec<u32>,
}

/// Memory of processes.
#[expect(clippy::struct_field_names, reason = "units stand in names where the type does not say them")]
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Memory {
    /// Resident set: with every page that is mapped and present, shared ones and files too.
    pub(crate) resident_kib: u64,
    /// Proportional set: shared pages are divided among who shares them.
    pub(crate) proportional_kib: u64,
    /// Pages that belong to no file: what the process allocated.
    pub(crate) anonymous_kib: u64,
    /// The highest resident set since it was last reset.
    pub(crate) peak_kib: u64,
}

impl Processes {
    pub(crate) fn new(roots: &[u32]) -> Self {
        Self { roots: roots.to_vec() }
    }

    /// Processor time so far, with that of children that have ended.
    pub(crate) fn cpu(&self) -> Result<Duration> {
        let mut ticks = 0_u64;
        for process in self.tree()? {
            let Some(stat) = Stat::load(process) else { continue };
            ticks = ticks.saturating_add(stat.ticks);
            if self.roots.contains(&process) {
                ticks = ticks.saturating_add(stat.ticks_of_ended_children);
            }
        }
        Ok(Duration::from_millis(ticks.saturating_mul(1000 / TICKS_A_SECOND)))
    }

    /// Memory now.
    pub(crate) fn memory(&self) -> Result<Memory> {
        let mut memory = Memory::default();
        for process in self.tree()? {
            let file = |name: &str| std::fs::read_to_string(folder(process).join(name)).unwrap_or_default();
            let (rollup, status) = (file("smaps_rollup"), file("status"));
            let add = |sum: &mut u64, text: &str, key: &str| *sum = sum.saturating_add(kib_in(text, key).unwrap_or(0));
            add(&mut memory.resident_kib, &status, "VmRSS:");
            add(&mut memory.peak_kib, &status, "VmHWM:");
            add(&mut memory.proportional_kib, &rollup, "Pss:");
            add(&mut memory.anonymous_kib, &rollup, "Anonymous:");
        }
        Ok(memory)
    }

    /// Lets the peak begin anew. Linux allows it to the owner of the process only.
    pub(crate) fn reset_peak(&self) -> Result<()> {
        for process in self.tree()? {
            // A process that ended meanwhile has no peak to reset.
            let _ = std::fs::write(folder(process).join("clear_refs"), "5");
        }
        Ok(())
    }

    /// The roots and all that descends from them.
    fn tree(&self) -> Result<Vec<u32>> {
        let mut children: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for entry in std::fs::read_dir("/proc").context("cannot read /proc; the load runs need Linux")?.flatten() {
            let Some(process) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
            if let Some(stat) = Stat::load(process) {
                children.entry(stat.parent).or_default().push(process);
            }
        }
        let (mut found, mut open) = (Vec::new(), self.roots.clone());
        while let Some(process) = open.pop() {
            found.push(process);
            open.extend(children.get(&process).into_iter().flatten());
        }
        Ok(found)
    }
}

fn folder(process: u32) -> PathBuf {
    PathBuf::from("/proc").join(process.to_string())
}

/// What is used of `/proc/PID/stat`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Stat {
    parent: u32,
    ticks: u64,
    ticks_of_ended_children: u64,
}

impl Stat {
    fn load(process: u32) -> Option<Self> {
        Self::parse(&std::fs::read_to_string(folder(process).join("stat")).ok()?)
    }

    /// The name of the program, in parentheses, may hold anything; what counts stands after it.
    fn parse(text: &str) -> Option<Self> {
        let (_, rest) = text.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let number = |place: usize| fields.get(place).and_then(|field| field.parse::<u64>().ok());
        Some(Self {
            parent: u32::try_from(number(1)?).ok()?,
            ticks: number(11)?.saturating_add(number(12)?),
            ticks_of_ended_children: number(13)?.saturating_add(number(14)?),
        })
    }
}

/// The number in front of `kB` in the line that begins with the key.
fn kib_in(text: &str, key: &str) -> Option<u64> {
    let line = text.lines().find(|line| line.starts_with(key))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{Processes, Stat, kib_in};

    #[test]
    fn the_stat_line_is_read_past_any_name() {
        let text = "7 (a) b (c)) S 3 7 7 0 -1 4194560 100 0 0 0 11 4 5 6 20 0 1 0 100 1 1";
        assert_eq!(Stat::parse(text), Some(Stat { parent: 3, ticks: 15, ticks_of_ended_children: 11 }));
        assert_eq!(Stat::parse("7 (a) S"), None);
    }

    #[test]
    fn sizes_are_read_by_their_key() {
        let text = "Rss:  10 kB\nPss:   4096 kB\n";
        assert_eq!((kib_in(text, "Pss:"), kib_in(text, "Swap:")), (Some(4096), None));
    }

    #[test]
    fn this_process_uses_memory() {
        let memory = Processes::new(&[std::process::id()]).memory().unwrap();
        assert!(memory.resident_kib > 100 && memory.peak_kib >= memory.resident_kib, "{memory:?}");
    }
}
