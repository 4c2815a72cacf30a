//! The most memory that the process held, as Linux counts it.

use std::fs;

/// Begins a new count of the most memory held.
pub(crate) fn forget_peak() {
    fs::write("/proc/self/clear_refs", "5").expect("Linux counts the memory of a process");
}

/// Megabytes held at most since the last count began.
pub(crate) fn peak() -> u64 {
    of_status("VmHWM:")
}

/// Megabytes held now.
pub(crate) fn now() -> u64 {
    of_status("VmRSS:")
}

fn of_status(name: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux describes a process");
    let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a known field");
    let kilobytes = line.trim().trim_end_matches(" kB");
    kilobytes.parse::<u64>().expect("a number of kilobytes") / 1_024
}
