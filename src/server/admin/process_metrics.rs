//! What the kernel says of this process, under the names that monitoring systems know.

use std::fs;
use std::time::{Duration, Instant};

use rustix::process::{Resource, getrlimit};
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;

/// How long what was seen is told again. Counting ten thousand descriptors takes the kernel longer than all else that a
/// scrape does.
const MAX_AGE: Duration = Duration::from_secs(1);

/// What a process takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::server) struct ProcessMetrics {
    /// Of user and system.
    pub(in crate::server) cpu: Duration,
    /// In bytes.
    pub(in crate::server) resident: u64,
    pub(in crate::server) open_files: u64,
    pub(in crate::server) max_files: u64,
    /// Since 1970.
    pub(in crate::server) began: Duration,
}

/// What was seen last of this process.
#[derive(Debug, Default)]
pub(in crate::server) struct ProcessCache(Mutex<Option<(Instant, Option<ProcessMetrics>)>>);

impl ProcessCache {
    /// What this process takes, as of a second ago at most; `None` where the kernel does not tell (no `/proc`). However many
    /// ask at once, one looks, where that keeps nobody.
    pub(in crate::server) async fn get(&self) -> Option<ProcessMetrics> {
        self.get_with(read).await
    }

    async fn get_with(
        &self,
        look: impl FnOnce() -> Option<ProcessMetrics> + Send + 'static,
    ) -> Option<ProcessMetrics> {
        let mut seen = self.0.lock().await;
        if let Some((at, process)) = *seen
            && at.elapsed() < MAX_AGE
        {
            return process;
        }
        let process = spawn_blocking(look).await.ok().flatten();
        *seen = Some((Instant::now(), process));
        process
    }
}

/// What this one takes; `None` where the kernel does not tell.
fn read() -> Option<ProcessMetrics> {
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
    Some(ProcessMetrics {
        cpu: in_ticks(field(14)? + field(15)?),
        resident: field(24)? * page,
        open_files: fs::read_dir("/proc/self/fd").ok()?.count() as u64,
        max_files: getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX),
        began: Duration::from_secs(booted) + in_ticks(field(22)?),
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::SystemTime;

    use super::*;

    #[tokio::test]
    async fn of_those_who_ask_at_once_one_looks_and_none_on_the_thread_that_serves() {
        let (seen, looks, serving) =
            (ProcessCache::default(), Arc::new(AtomicU32::new(0)), std::thread::current().id());
        let ask = || {
            let looks = Arc::clone(&looks);
            seen.get_with(move || {
                assert_ne!(std::thread::current().id(), serving);
                looks.fetch_add(1, Ordering::Relaxed);
                read()
            })
        };
        let (first, second, third) = tokio::join!(ask(), ask(), ask());
        assert!(first.is_some() && first == second && second == third);
        assert_eq!(looks.load(Ordering::Relaxed), 1);
        seen.0.lock().await.as_mut().expect("it was seen").0 -= MAX_AGE;
        ask().await;
        assert_eq!(looks.load(Ordering::Relaxed), 2, "what is old is looked at anew");
    }

    #[test]
    fn this_process_is_told_of() {
        let process = read().expect("the kernel tells");
        assert!(
            process.resident > 1 << 20 && process.open_files > 2 && process.max_files >= process.open_files
        );
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
        assert!(process.began <= now && process.began + Duration::from_hours(24) > now);
    }
}
