//! What the service manager is told, where there is one that listens (`sd_notify`, section 3 of the manual): that we serve, read
//! settings again, or end, and that we live.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use sd_notify::NotifyState;

use super::liveness::Liveness;

/// How long the end waits for a service manager that takes nothing.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// Who started us and wants to know how we are; or nobody.
#[derive(Debug, Clone)]
pub struct ServiceManager(Option<Notifier>);

/// The way to the thread that tells it.
#[derive(Debug, Clone)]
struct Notifier {
    /// Whatever the service manager does, all that is said here stays to be told: who waits for the end of a reload would give us
    /// up without it. It is no more than a few words for each time that we are told to do something.
    messages: Sender<Message>,
    /// Whether that we live is still to be told: once is enough.
    is_alive_waiting: Arc<AtomicBool>,
}

#[derive(Debug)]
enum Message {
    Ready(String),
    Reloading,
    Stopping(String),
    Alive,
    /// Nothing for the manager: whoever sent it wants to know when all before it has been told.
    Flush(Sender<()>),
}

impl ServiceManager {
    /// The one that the environment names (`NOTIFY_SOCKET`).
    ///
    /// It is told by a thread of its own: nobody else ever waits for it.
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
                log::warn!("the service manager cannot be told anything: no thread could be started: {e}");
                Self(None)
            }
        }
    }

    /// We serve, under settings that `status` tells of.
    pub fn ready(&self, status: String) {
        self.put(Message::Ready(status));
    }

    /// Settings are read again; [`ready`](Self::ready) says that it is over.
    pub fn reloading(&self) {
        self.put(Message::Reloading);
    }

    /// We end.
    pub fn stopping(&self, status: String) {
        self.put(Message::Stopping(status));
    }

    /// Waits until everything has been told, or the service manager has taken nothing for a second.
    pub fn close(&self) {
        let (told, all_told) = channel();
        self.put(Message::Flush(told));
        let _ = all_told.recv_timeout(CLOSE_TIMEOUT);
    }

    /// Tells for ever that we live, as long as every serving core does, where the service manager wants to know (`WATCHDOG_USEC`).
    pub async fn run_watchdog(self, liveness: Liveness) {
        let Some(most) = sd_notify::watchdog_enabled().filter(|_| self.0.is_some()) else { return };
        // Twice as often as needs be (`sd_watchdog_enabled`).
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
        // The thread listens as long as there is anybody to say something.
        let _ = notifier.messages.send(message);
    }
}

fn send_all(messages: &Receiver<Message>, is_alive_waiting: &AtomicBool) {
    let mut was_told = true;
    while let Ok(message) = messages.recv() {
        if matches!(message, Message::Alive) {
            is_alive_waiting.store(false, Ordering::Relaxed);
        }
        let told = message.send();
        if let (Err(e), true) = (&told, was_told) {
            log::warn!("the service manager cannot be told anything: {e}");
        }
        was_told = told.is_ok();
    }
}

impl Message {
    fn send(&self) -> std::io::Result<()> {
        match self {
            Self::Ready(status) => {
                sd_notify::notify(&[NotifyState::Ready, NotifyState::Status(&one_line(status))])
            }
            // The time lets the manager send this reload from one that it asked for later.
            Self::Reloading => {
                sd_notify::notify(&[NotifyState::Reloading, NotifyState::monotonic_usec_now()?])
            }
            Self::Stopping(status) => {
                sd_notify::notify(&[NotifyState::Stopping, NotifyState::Status(&one_line(status))])
            }
            Self::Alive => sd_notify::notify(&[NotifyState::Watchdog]),
            Self::Flush(told) => {
                let _ = told.send(());
                Ok(())
            }
        }
    }
}

/// A line break would begin another message.
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
