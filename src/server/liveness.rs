//! Liveness of the serving cores: whether each of them still runs its tasks.

use tokio::sync::{mpsc, oneshot};

/// Probes every serving core. It outlives the server.
#[derive(Debug, Clone, Default)]
pub struct Liveness(Vec<mpsc::Sender<oneshot::Sender<()>>>);

/// The probes that one serving core has to answer.
#[derive(Debug)]
pub(super) struct Probes(mpsc::Receiver<oneshot::Sender<()>>);

impl Liveness {
    /// Adds a core, which must [answer](Probes::answer) what it is sent.
    pub(super) fn add_core(&mut self) -> Probes {
        let (sender, probes) = mpsc::channel(1);
        self.0.push(sender);
        Probes(probes)
    }

    /// Waits until every serving core has answered a probe or has ended.
    pub async fn probe(&self) {
        for core in &self.0 {
            let (answer, answered) = oneshot::channel();
            if core.send(answer).await.is_ok() {
                let _ = answered.await;
            }
        }
    }
}

impl Probes {
    /// Answers probes until every [`Liveness`] has been dropped.
    pub(super) async fn answer(mut self) {
        while let Some(answer) = self.0.recv().await {
            let _ = answer.send(());
        }
    }
}
