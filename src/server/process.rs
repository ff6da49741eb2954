//! What the kernel says of this process, under the names that monitoring systems know.

use std::fs;
use std::time::Duration;

use rustix::process::{Resource, getrlimit};

/// What a process takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Process {
    /// Of user and system.
    pub(super) cpu: Duration,
    /// In bytes.
    pub(super) resident: u64,
    pub(super) open_files: u64,
    pub(super) max_files: u64,
    /// Since 1970.
    pub(super) began: Duration,
}

/// What this one takes; `None` where the kernel does not tell (no `/proc`).
pub(super) fn look() -> Option<Process> {
    let ticks = rustix::param::clock_ticks_per_second();
    let page = rustix::param::page_size() as u64;
    let in_ticks = |count: u64| Duration::from_millis(count * 1000 / ticks.max(1));
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The name may hold anything; the fields begin behind its last bracket (proc(5)).
    let fields: Vec<u64> =
        stat.rsplit_once(')')?.1.split_whitespace().map(|field| field.parse().unwrap_or_default()).collect();
    let field = |number: usize| fields.get(number - 3).copied();
    let booted = fs::read_to_string("/proc/stat").ok()?;
    let booted: u64 = booted.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()?;
    Some(Process {
        cpu: in_ticks(field(14)? + field(15)?),
        resident: field(24)? * page,
        open_files: fs::read_dir("/proc/self/fd").ok()?.count() as u64,
        max_files: getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX),
        began: Duration::from_secs(booted) + in_ticks(field(22)?),
    })
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn this_process_is_told_of() {
        let process = look().expect("the kernel tells");
        assert!(
            process.resident > 1 << 20 && process.open_files > 2 && process.max_files >= process.open_files
        );
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
        assert!(process.began <= now && process.began + Duration::from_hours(24) > now);
    }
}
