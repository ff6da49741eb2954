//! Process metrics from `/proc`, under the names that monitoring systems expect.

use std::fs;
use std::time::{Duration, Instant};

use rustix::process::{Resource, getrlimit};
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;

/// How long metrics are cached. Counting ten thousand descriptors takes the kernel longer than everything else that a scrape does.
const MAX_AGE: Duration = Duration::from_secs(1);

/// Resources that a process uses.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::server) struct ProcessMetrics {
    /// User and system time.
    pub(in crate::server) cpu: Duration,
    /// In bytes.
    pub(in crate::server) resident: u64,
    pub(in crate::server) open_files: u64,
    pub(in crate::server) max_files: u64,
    /// Since 1970.
    pub(in crate::server) began: Duration,
}

/// The metrics that were read last.
#[derive(Debug, Default)]
pub(in crate::server) struct ProcessCache(Mutex<Option<(Instant, Option<ProcessMetrics>)>>);

impl ProcessCache {
    /// The metrics of this process, at most a second old; `None` if the kernel does not provide them (no `/proc`). Concurrent callers
    /// share one read, off the calling thread.
    pub(in crate::server) async fn get(&self) -> Option<ProcessMetrics> {
        self.get_with(read).await
    }

    async fn get_with(
        &self,
        read: impl FnOnce() -> Option<ProcessMetrics> + Send + 'static,
    ) -> Option<ProcessMetrics> {
        let mut cache = self.0.lock().await;
        if let Some((at, process)) = *cache
            && at.elapsed() < MAX_AGE
        {
            return process;
        }
        let process = spawn_blocking(read).await.ok().flatten();
        *cache = Some((Instant::now(), process));
        process
    }
}

/// Reads the metrics of this process; `None` if the kernel does not provide them.
fn read() -> Option<ProcessMetrics> {
    let ticks = rustix::param::clock_ticks_per_second();
    let page = rustix::param::page_size() as u64;
    let in_ticks = |count: u64| Duration::from_millis(count * 1000 / ticks.max(1));
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The name may contain anything; the fields begin after its last bracket (proc(5)).
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
    async fn concurrent_callers_share_one_read_off_the_calling_thread() {
        let (cache, reads, serving) =
            (ProcessCache::default(), Arc::new(AtomicU32::new(0)), std::thread::current().id());
        let ask = || {
            let reads = Arc::clone(&reads);
            cache.get_with(move || {
                assert_ne!(std::thread::current().id(), serving);
                reads.fetch_add(1, Ordering::Relaxed);
                read()
            })
        };
        let (first, second, third) = tokio::join!(ask(), ask(), ask());
        assert!(first.is_some() && first == second && second == third);
        assert_eq!(reads.load(Ordering::Relaxed), 1);
        cache.0.lock().await.as_mut().expect("it was read").0 -= MAX_AGE;
        ask().await;
        assert_eq!(reads.load(Ordering::Relaxed), 2, "old metrics are read again");
    }

    #[test]
    fn this_process_has_metrics() {
        let process = read().expect("/proc");
        assert!(
            process.resident > 1 << 20 && process.open_files > 2 && process.max_files >= process.open_files
        );
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
        assert!(process.began <= now && process.began + Duration::from_hours(24) > now);
    }
}
