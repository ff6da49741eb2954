//! A look at a store that may hang, where somebody asks again and again how it is.

use std::sync::{Mutex, PoisonError};

use tokio::runtime::Handle;
use tokio::sync::watch;

/// One look at a time: who asks while it is under way waits for the same, so that a disk that hangs holds one thread, and a bucket
/// one connection, however often they are asked of. Unlike a [flight](super::single_flight), it goes on when nobody waits any more.
pub(super) struct SharedProbe<V>(Mutex<Option<watch::Receiver<Option<V>>>>);

impl<V> Default for SharedProbe<V> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl<V: Clone + Send + Sync + 'static> SharedProbe<V> {
    /// What the look that is under way finds, or else `look`, which is then begun. `None` where it broke off.
    pub(super) async fn share(
        &self,
        background: &Handle,
        look: impl Future<Output = V> + Send + 'static,
    ) -> Option<V> {
        let mut found = self.join(background, look);
        found.wait_for(Option::is_some).await.ok()?.clone()
    }

    fn join(
        &self,
        background: &Handle,
        look: impl Future<Output = V> + Send + 'static,
    ) -> watch::Receiver<Option<V>> {
        let mut under_way = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // One that breaks off takes the sender along.
        let is_going_on =
            |found: &&watch::Receiver<Option<V>>| found.borrow().is_none() && found.has_changed().is_ok();
        if let Some(found) = under_way.as_ref().filter(is_going_on) {
            return found.clone();
        }
        let (sender, found) = watch::channel(None);
        background.spawn(async move { sender.send_replace(Some(look.await)) });
        under_way.insert(found).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::ready;
    use tokio::sync::oneshot;

    #[tokio::test]
    async fn a_look_that_hangs_is_not_begun_again_until_it_has_ended() {
        let (probe, background) = (SharedProbe::default(), Handle::current());
        let (fix, hang) = oneshot::channel::<()>();
        tokio::select! {
            biased;
            found = probe.share(&background, async { hang.await.map_or(0, |()| 1) }) => panic!("{found:?}"),
            () = ready(()) => {}
        }
        for _ in 0..3 {
            tokio::select! {
                biased;
                found = probe.share(&background, async { panic!("a second look") }) => panic!("{found:?}"),
                () = ready(()) => {}
            }
        }
        let later = probe.share(&background, async { panic!("a second look") });
        let mended = async {
            tokio::task::yield_now().await;
            fix.send(()).expect("it hangs");
        };
        assert_eq!(tokio::join!(later, mended).0, Some(1), "who comes later waits for the same");
    }

    #[tokio::test]
    async fn a_look_that_has_ended_answers_nobody_else() {
        let (probe, background) = (SharedProbe::default(), Handle::current());
        for number in 0..3 {
            assert_eq!(probe.share(&background, ready(number)).await, Some(number));
        }
        assert_eq!(probe.share(&background, async { panic!("it breaks off") }).await, None);
        assert_eq!(probe.share(&background, ready(3)).await, Some(3));
    }
}
