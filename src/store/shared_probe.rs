//! A health probe shared by concurrent callers.

use std::sync::{Mutex, PoisonError};

use tokio::runtime::Handle;
use tokio::sync::watch;

/// At most one probe at a time. Callers during a probe wait for its result, so that a disk that hangs occupies one
/// thread, and a bucket one connection, however often they are probed. Unlike [single flight](super::single_flight),
/// the probe continues when no caller waits any more.
pub(super) struct SharedProbe<V>(Mutex<Option<watch::Receiver<Option<V>>>>);

impl<V> Default for SharedProbe<V> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl<V: Clone + Send + Sync + 'static> SharedProbe<V> {
    /// The result of the probe in flight, or else of `probe`, which is started. `None` if it was aborted.
    pub(super) async fn share(
        &self,
        background: &Handle,
        probe: impl Future<Output = V> + Send + 'static,
    ) -> Option<V> {
        let mut found = self.join(background, probe);
        found.wait_for(Option::is_some).await.ok()?.clone()
    }

    fn join(
        &self,
        background: &Handle,
        probe: impl Future<Output = V> + Send + 'static,
    ) -> watch::Receiver<Option<V>> {
        let mut in_flight = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // An aborted probe drops its sender.
        let is_running =
            |found: &&watch::Receiver<Option<V>>| found.borrow().is_none() && found.has_changed().is_ok();
        if let Some(found) = in_flight.as_ref().filter(is_running) {
            return found.clone();
        }
        let (sender, found) = watch::channel(None);
        background.spawn(async move { sender.send_replace(Some(probe.await)) });
        in_flight.insert(found).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::ready;
    use tokio::sync::oneshot;

    #[tokio::test]
    async fn a_probe_that_hangs_is_not_started_again_until_it_has_ended() {
        let (shared, background) = (SharedProbe::default(), Handle::current());
        let (fix, hang) = oneshot::channel::<()>();
        tokio::select! {
            biased;
            found = shared.share(&background, async { hang.await.map_or(0, |()| 1) }) => panic!("{found:?}"),
            () = ready(()) => {}
        }
        for _ in 0..3 {
            tokio::select! {
                biased;
                found = shared.share(&background, async { panic!("a second probe") }) => panic!("{found:?}"),
                () = ready(()) => {}
            }
        }
        let later = shared.share(&background, async { panic!("a second probe") });
        let fixed = async {
            tokio::task::yield_now().await;
            fix.send(()).expect("it hangs");
        };
        assert_eq!(tokio::join!(later, fixed).0, Some(1), "a later caller waits for the same result");
    }

    #[tokio::test]
    async fn a_probe_that_has_ended_is_not_reused() {
        let (shared, background) = (SharedProbe::default(), Handle::current());
        for number in 0..3 {
            assert_eq!(shared.share(&background, ready(number)).await, Some(number));
        }
        assert_eq!(shared.share(&background, async { panic!("it breaks off") }).await, None);
        assert_eq!(shared.share(&background, ready(3)).await, Some(3));
    }
}
