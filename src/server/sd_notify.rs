//! Notifications to the service manager (systemd): ready, reloading, stopping, and the watchdog (`sd_notify(3)`).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use sd_notify::NotifyState;

use super::liveness::Liveness;

/// How long the end of the program waits for a service manager that reads nothing.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// The service manager that started this process, if there is one.
#[derive(Debug, Clone)]
pub struct ServiceManager(Option<Notifier>);

/// The queue to the thread that notifies it.
#[derive(Debug, Clone)]
struct Notifier {
    /// Unbounded, so that nothing is lost while the service manager does not read: without the end of a reload it would consider
    /// the reload failed. The messages are short, and there are few for each signal.
    messages: Sender<Message>,
    /// Whether a watchdog message is already in the queue: one is enough.
    is_alive_waiting: Arc<AtomicBool>,
}

#[derive(Debug)]
enum Message {
    Ready(String),
    Reloading,
    Stopping(String),
    Alive,
    /// Not for the service manager: reports to the sender that everything before it was sent.
    Flush(Sender<()>),
}

impl ServiceManager {
    /// The service manager that the environment names (`NOTIFY_SOCKET`).
    ///
    /// A thread of its own notifies it, so that no other thread ever waits for it.
    pub fn find() -> Self {
        if std::env::var_os("NOTIFY_SOCKET").is_none() {
            return Self(None);
        }
        let (sender, messages) = channel();
        let notifier = Notifier { messages: sender, is_alive_waiting: Arc::default() };
        let is_alive_waiting = Arc::clone(&notifier.is_alive_waiting);
        let thread = std::thread::Builder::new().name("supervisor".into());
        match thread.spawn(move || send_all(&messages, &is_alive_waiting)) {
            Ok(_) => Self(Some(notifier)),
            Err(e) => {
                log::warn!("cannot notify the service manager: no thread could be started: {e}");
                Self(None)
            }
        }
    }

    /// Ready, under the settings that `status` describes.
    pub fn ready(&self, status: String) {
        self.put(Message::Ready(status));
    }

    /// A reload begins; [`ready`](Self::ready) ends it.
    pub fn reloading(&self) {
        self.put(Message::Reloading);
    }

    /// The shutdown begins.
    pub fn stopping(&self, status: String) {
        self.put(Message::Stopping(status));
    }

    /// Waits until everything was sent, or until the service manager has read nothing for a second.
    pub fn close(&self) {
        let (flushed, all_flushed) = channel();
        self.put(Message::Flush(flushed));
        let _ = all_flushed.recv_timeout(CLOSE_TIMEOUT);
    }

    /// Answers the service manager's watchdog (`WATCHDOG_USEC`) as long as every serving core is alive. Runs for ever.
    pub async fn run_watchdog(self, liveness: Liveness) {
        let Some(most) = sd_notify::watchdog_enabled().filter(|_| self.0.is_some()) else { return };
        // Twice as often as required, as `sd_watchdog_enabled(3)` recommends.
        let pause = (most / 2).max(Duration::from_millis(1));
        loop {
            liveness.probe().await;
            self.put(Message::Alive);
            tokio::time::sleep(pause).await;
        }
    }

    fn put(&self, message: Message) {
        let Some(notifier) = &self.0 else { return };
        if matches!(message, Message::Alive) && notifier.is_alive_waiting.swap(true, Ordering::Relaxed) {
            return;
        }
        // The thread receives as long as a sender exists.
        let _ = notifier.messages.send(message);
    }
}

fn send_all(messages: &Receiver<Message>, is_alive_waiting: &AtomicBool) {
    let mut succeeded = true;
    while let Ok(message) = messages.recv() {
        if matches!(message, Message::Alive) {
            is_alive_waiting.store(false, Ordering::Relaxed);
        }
        let sent = message.send();
        if let (Err(e), true) = (&sent, succeeded) {
            log::warn!("cannot notify the service manager: {e}");
        }
        succeeded = sent.is_ok();
    }
}

impl Message {
    fn send(&self) -> std::io::Result<()> {
        match self {
            Self::Ready(status) => {
                sd_notify::notify(&[NotifyState::Ready, NotifyState::Status(&one_line(status))])
            }
            // By the time, the service manager distinguishes this reload from one that it requests later.
            Self::Reloading => {
                sd_notify::notify(&[NotifyState::Reloading, NotifyState::monotonic_usec_now()?])
            }
            Self::Stopping(status) => {
                sd_notify::notify(&[NotifyState::Stopping, NotifyState::Status(&one_line(status))])
            }
            Self::Alive => sd_notify::notify(&[NotifyState::Watchdog]),
            Self::Flush(flushed) => {
                let _ = flushed.send(());
                Ok(())
            }
        }
    }
}

/// A line break would begin another field.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_status_is_one_line() {
        assert_eq!(super::one_line("a\nREADY=1\tb"), "a READY=1 b");
    }
}
