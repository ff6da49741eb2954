//! Single flight: work that several callers intent at once is done once.
//!
//! The work runs as a background task, not inside any caller, so that a caller that leaves harms none of the others.
//! When the last one has left, the task is dropped; what it set going on other threads sees it and stops.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::runtime::Handle;
use tokio::sync::watch;

/// Work under way, by what it is about.
pub(crate) struct SingleFlight<K, V> {
    under_way: Arc<Mutex<HashMap<K, watch::Sender<Option<V>>>>>,
    background: Handle,
}

/// Whether anybody still waits for the result of some work.
#[derive(Clone)]
pub(crate) struct Cancellation<V>(watch::Sender<Option<V>>);

impl<V> Cancellation<V> {
    /// True once every caller has gone away.
    pub(crate) fn is_cancelled(&self) -> bool {
        self.0.receiver_count() == 0
    }
}

impl<K, V> SingleFlight<K, V>
where
    K: Hash + Eq + Clone + Send + 'static,
    V: Clone + Send + Sync + 'static,
{
    pub(crate) fn new(background: Handle) -> Self {
        Self { under_way: Arc::default(), background }
    }

    /// Waits for the work about `key`, which `start` begins where none is under way.
    ///
    /// The work ends with `None` where it could not be done here and now, or because its [`Cancellation`] was gone; whoever
    /// still waits begins it anew.
    pub(crate) async fn join<F>(&self, key: &K, start: impl Fn(Cancellation<V>) -> F) -> V
    where
        F: Future<Output = Option<V>> + Send + 'static,
    {
        loop {
            let mut result = self.subscribe(key, &start);
            if let Ok(done) = result.wait_for(Option::is_some).await {
                return done.clone().expect("waited for a value");
            }
        }
    }

    fn subscribe<F>(&self, key: &K, start: impl Fn(Cancellation<V>) -> F) -> watch::Receiver<Option<V>>
    where
        F: Future<Output = Option<V>> + Send + 'static,
    {
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = under_way.get(key) {
            return sender.subscribe();
        }
        let (sender, receiver) = watch::channel(None);
        under_way.insert(key.clone(), sender.clone());
        drop(under_way);
        let registration = Registration { under_way: Arc::clone(&self.under_way), key: key.clone() };
        let work = start(Cancellation(sender.clone()));
        self.background.spawn(async move {
            let value = tokio::select! {
                value = work => value,
                () = sender.closed() => None,
            };
            // Off the list first: whoever asks from here on must not be given a result older than the question.
            drop(registration);
            if value.is_some() {
                sender.send_replace(value);
            }
        });
        receiver
    }
}

/// Takes the work off the list however it ends, a panic included, so that its key is never stuck.
struct Registration<K: Hash + Eq, V> {
    under_way: Arc<Mutex<HashMap<K, watch::Sender<Option<V>>>>>,
    key: K,
}

impl<K: Hash + Eq, V> Drop for Registration<K, V> {
    fn drop(&mut self) {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::sync::{Notify, oneshot};

    #[tokio::test]
    async fn callers_at_once_share_one_piece_of_work() {
        let flights = SingleFlight::new(Handle::current());
        let (started, gate) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
        let work = |_| {
            let (started, gate) = (Arc::clone(&started), Arc::clone(&gate));
            async move {
                started.fetch_add(1, Ordering::Relaxed);
                gate.notified().await;
                Some(7)
            }
        };
        let open_gate = async {
            tokio::task::yield_now().await;
            gate.notify_one();
        };
        let (a, b, ()) = tokio::join!(flights.join(&"k", work), flights.join(&"k", work), open_gate);
        assert_eq!((a, b, started.load(Ordering::Relaxed)), (7, 7, 1));
        assert!(flights.under_way.lock().expect("not poisoned").is_empty());
    }

    #[tokio::test]
    async fn work_learns_that_its_last_caller_has_left() {
        let flights: Arc<SingleFlight<&str, u8>> = Arc::new(SingleFlight::new(Handle::current()));
        let (tell, told) = oneshot::channel();
        let tell = Arc::new(Mutex::new(Some(tell)));
        let begun = Arc::new(Notify::new());
        let caller = {
            let (flights, begun) = (Arc::clone(&flights), Arc::clone(&begun));
            tokio::spawn(async move {
                flights
                    .join(&"k", |cancellation| {
                        let (tell, begun) = (Arc::clone(&tell), Arc::clone(&begun));
                        async move {
                            begun.notify_one();
                            tokio::task::spawn_blocking(move || {
                                while !cancellation.is_cancelled() {
                                    std::thread::yield_now();
                                }
                                let tell = tell.lock().expect("not poisoned").take().expect("told once");
                                tell.send(()).expect("the test listens");
                            })
                            .await
                            .ok()?;
                            None
                        }
                    })
                    .await
            })
        };
        begun.notified().await;
        caller.abort();
        told.await.expect("the work saw that nobody waits");
    }

    #[tokio::test]
    async fn work_that_panics_is_begun_anew_for_those_who_wait() {
        let flights: SingleFlight<&str, u8> = SingleFlight::new(Handle::current());
        let tries = Arc::new(AtomicUsize::new(0));
        let result = flights
            .join(&"k", |_| {
                let tries = Arc::clone(&tries);
                async move {
                    assert!(tries.fetch_add(1, Ordering::Relaxed) > 0, "the first try fails");
                    Some(1)
                }
            })
            .await;
        assert_eq!(result, 1);
    }
}
