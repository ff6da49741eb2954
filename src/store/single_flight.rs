//! Single flight: concurrent requests for one key share one run of the work.
//!
//! The work runs as a background task, not inside a caller, so that a caller that disconnects does not affect the
//! others. When the last caller has gone, the task is dropped; work on other threads sees its [`Cancellation`] and
//! stops.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::runtime::Handle;
use tokio::sync::watch;

/// Work in flight, by key.
pub(crate) struct SingleFlight<K, V> {
    in_flight: Arc<Mutex<HashMap<K, watch::Sender<Option<V>>>>>,
    background: Handle,
}

/// Tells work whether any caller still waits for its result.
#[derive(Clone)]
pub(crate) struct Cancellation<V>(watch::Sender<Option<V>>);

impl<V> Cancellation<V> {
    /// True once every caller has gone.
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
        Self { in_flight: Arc::default(), background }
    }

    /// Waits for the work for `key`, which `start` begins if none is in flight.
    ///
    /// The work returns `None` if it could not be done here and now, or if it was cancelled. Callers that still wait
    /// then begin it anew.
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
        let mut in_flight = self.in_flight.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = in_flight.get(key) {
            return sender.subscribe();
        }
        let (sender, receiver) = watch::channel(None);
        in_flight.insert(key.clone(), sender.clone());
        drop(in_flight);
        let registration = Registration { in_flight: Arc::clone(&self.in_flight), key: key.clone() };
        let work = start(Cancellation(sender.clone()));
        self.background.spawn(async move {
            let value = tokio::select! {
                value = work => value,
                () = sender.closed() => None,
            };
            // Remove the key first: callers from here on must not get a result that is older than their request.
            drop(registration);
            if value.is_some() {
                sender.send_replace(value);
            }
        });
        receiver
    }
}

/// Removes the key when the work ends in any way, a panic included, so that no key is stuck.
struct Registration<K: Hash + Eq, V> {
    in_flight: Arc<Mutex<HashMap<K, watch::Sender<Option<V>>>>>,
    key: K,
}

impl<K: Hash + Eq, V> Drop for Registration<K, V> {
    fn drop(&mut self) {
        self.in_flight.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::sync::{Notify, oneshot};

    #[tokio::test]
    async fn concurrent_callers_share_one_run() {
        let single_flight = SingleFlight::new(Handle::current());
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
        let (a, b, ()) =
            tokio::join!(single_flight.join(&"k", work), single_flight.join(&"k", work), open_gate);
        assert_eq!((a, b, started.load(Ordering::Relaxed)), (7, 7, 1));
        assert!(single_flight.in_flight.lock().expect("not poisoned").is_empty());
    }

    #[tokio::test]
    async fn work_is_cancelled_when_its_last_caller_goes() {
        let single_flight: Arc<SingleFlight<&str, u8>> = Arc::new(SingleFlight::new(Handle::current()));
        let (send, cancelled) = oneshot::channel();
        let send = Arc::new(Mutex::new(Some(send)));
        let begun = Arc::new(Notify::new());
        let caller = {
            let (single_flight, begun) = (Arc::clone(&single_flight), Arc::clone(&begun));
            tokio::spawn(async move {
                single_flight
                    .join(&"k", |cancellation| {
                        let (send, begun) = (Arc::clone(&send), Arc::clone(&begun));
                        async move {
                            begun.notify_one();
                            tokio::task::spawn_blocking(move || {
                                while !cancellation.is_cancelled() {
                                    std::thread::yield_now();
                                }
                                let send = send.lock().expect("not poisoned").take().expect("sent once");
                                send.send(()).expect("the test listens");
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
        cancelled.await.expect("the work saw its cancellation");
    }

    #[tokio::test]
    async fn work_that_panics_is_begun_anew_for_waiting_callers() {
        let single_flight: SingleFlight<&str, u8> = SingleFlight::new(Handle::current());
        let tries = Arc::new(AtomicUsize::new(0));
        let result = single_flight
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
