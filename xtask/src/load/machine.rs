//! On what machine something was measured.

use std::process::Command;

use serde_json::{Value, json};

/// What a reader has to know to read the numbers.
pub(crate) fn facts() -> Value {
    let read = |file: &str| std::fs::read_to_string(file).unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZeroUsize::get);
    json!({
        "processor": processor_in(&read("/proc/cpuinfo")),
        "cores": cores,
        "memory_gib": memory_gib_in(&read("/proc/meminfo")),
        "kernel": read("/proc/sys/kernel/osrelease").trim(),
        "rustc": said_by("rustc", &["--version"]),
        "day": said_by("date", &["-u", "+%Y-%m-%d"]),
        "commit": said_by("git", &["-c", "safe.directory=*", "describe", "--always", "--dirty", "--abbrev=12"]),
    })
}

fn processor_in(cpuinfo: &str) -> String {
    let line = cpuinfo.lines().find(|line| line.starts_with("model name"));
    let name = line.and_then(|line| line.split_once(':')).map(|(_, name)| name.trim().to_owned());
    name.unwrap_or_else(|| "unknown".to_owned())
}

fn memory_gib_in(meminfo: &str) -> u64 {
    let line = meminfo.lines().find(|line| line.starts_with("MemTotal:"));
    let kib = line.and_then(|line| line.split_whitespace().nth(1)).and_then(|kib| kib.parse::<u64>().ok());
    kib.unwrap_or(0).div_ceil(1 << 20)
}

/// The first line that a program prints; nothing if it is not there.
fn said_by(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    text.lines().next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::{memory_gib_in, processor_in};

    #[test]
    fn facts_are_found_in_what_linux_tells() {
        assert_eq!(processor_in("processor : 0\nmodel name\t: A Processor\n"), "A Processor");
        assert_eq!(processor_in(""), "unknown");
        assert_eq!(memory_gib_in("MemTotal:       24000000 kB\n"), 23);
    }
}
