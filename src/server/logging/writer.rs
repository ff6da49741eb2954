//! Log writer: one thread writes all logs, so that no other thread waits for a terminal, a pipe or a disk.
//!
//! Lines are queued unformatted and formatted here. A full queue drops new lines and counts them; the count is logged once there is
//! space. Lines that cannot be written are counted, too.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use humantime::format_rfc3339_millis;

use super::access::{AccessLine, Clock};
use super::file::{LogFile, LogMessage, write_lines};
use crate::config::AccessLog;
use crate::escape::is_printable;

/// Lines in the queue. At a hundred thousand requests per second, more than half a second's worth.
const MAX_LINES: usize = 65_536;
/// Heap bytes that they may hold. Clients choose how long paths and user agents are.
const MAX_BYTES: usize = 16 << 20;
/// How long lines are gathered into a batch.
const BATCH_TIME: Duration = Duration::from_millis(50);
/// How long the end of the program waits for the last lines to be written.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
/// How long the reader of a FIFO may read nothing before its batch is given up, in operation and at the end. Messages on stderr wait
/// that long, too.
const READER_TIMEOUT: Duration = Duration::from_secs(2);
const READER_CLOSE_TIMEOUT: Duration = Duration::from_millis(500);

/// Queues log lines for the writer's thread. Clones share the queue.
#[derive(Debug, Clone)]
pub struct LogWriter(Arc<Queue>);

#[derive(Debug)]
struct Queue {
    lines: Mutex<Lines>,
    /// Set while the writer sleeps because there was nothing to write.
    asleep: AtomicBool,
    wake: Condvar,
    /// Lines that were dropped since that was last logged.
    dropped: AtomicU64,
    /// All lines that were dropped or could not be written.
    lost: AtomicU64,
}

#[derive(Debug, Default)]
struct Lines {
    waiting: Vec<Message>,
    /// Heap bytes that they hold.
    weight: usize,
    closed: bool,
    /// Set once the last line has been written.
    finished: bool,
}

#[derive(Debug)]
pub(in crate::server) enum Message {
    Access(AccessLine),
    Notice(Notice),
    /// Lines for the operator, unchanged.
    Text(String),
    /// Switches the destination of later access lines.
    Switch(LogSink),
}

/// A message of the `log` macros.
#[derive(Debug)]
pub(in crate::server) struct Notice {
    at: SystemTime,
    level: log::Level,
    text: String,
}

/// An open destination of access lines.
#[derive(Debug)]
pub struct LogSink(Sink);

/// Where access lines are written, and in which format.
#[derive(Debug)]
enum Sink {
    Off,
    StderrText,
    StderrJson,
    File(LogFile),
}

impl LogWriter {
    /// Starts the writer. Access lines go where `access_log` says, messages to stderr.
    ///
    /// Fails if the log file cannot be opened; the error names it.
    pub fn start(access_log: &AccessLog) -> io::Result<Self> {
        let LogSink(sink) = LogSink::open(access_log)?;
        let queue = Arc::new(Queue {
            lines: Mutex::default(),
            asleep: AtomicBool::new(false),
            wake: Condvar::new(),
            dropped: AtomicU64::new(0),
            lost: AtomicU64::new(0),
        });
        let writing = Arc::clone(&queue);
        std::thread::Builder::new().name("log".into()).spawn(move || writing.write_all(sink))?;
        Ok(Self(queue))
    }

    /// Writes later access lines to `sink`; those already in the queue go to the previous destination.
    pub fn switch_to(&self, sink: LogSink) {
        // Regardless of the limits: it must not be dropped.
        self.0.lock().waiting.push(Message::Switch(sink));
        self.0.wake_up();
    }

    /// Queues a message. Never blocks on I/O.
    pub(in crate::server) fn put(&self, message: Message) {
        let weight = message.weight();
        let mut lines = self.0.lock();
        if lines.closed || lines.waiting.len() >= MAX_LINES || lines.weight + weight > MAX_BYTES {
            self.0.dropped.fetch_add(1, Ordering::Relaxed);
            self.0.lost.fetch_add(1, Ordering::Relaxed);
            return;
        }
        lines.waiting.push(message);
        lines.weight += weight;
        drop(lines);
        self.0.wake_up();
    }

    /// How many lines were dropped or could not be written.
    pub(in crate::server) fn lost(&self) -> u64 {
        self.0.lost.load(Ordering::Relaxed)
    }

    /// Prints text for the operator to stderr. Never blocks on I/O.
    pub fn print(&self, text: String) {
        self.put(Message::Text(text));
    }

    /// Makes this the destination of the `log` macros, up to `level`.
    pub fn install(&self, level: log::LevelFilter) {
        if log::set_boxed_logger(Box::new(self.clone())).is_ok() {
            log::set_max_level(level);
        }
    }

    /// Writes what is queued, and accepts no more. Gives up after a second if stderr blocks.
    pub fn close(&self) {
        let deadline = Instant::now() + CLOSE_TIMEOUT;
        let mut lines = self.0.lock();
        lines.closed = true;
        self.0.wake.notify_all();
        while !lines.finished {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            lines = self.0.wake.wait_timeout(lines, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl log::Log for LogWriter {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        // Only our own messages: operators cannot act on what libraries log about their internals.
        metadata.target().starts_with("wamedia")
    }

    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            let text = record.args().to_string();
            self.put(Message::Notice(Notice { at: SystemTime::now(), level: record.level(), text }));
        }
    }

    fn flush(&self) {}
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake_up(&self) {
        if self.asleep.load(Ordering::Relaxed) && self.asleep.swap(false, Ordering::Relaxed) {
            self.wake.notify_all();
        }
    }

    fn write_all(&self, mut sink: Sink) {
        let mut batch = Vec::new();
        let mut stderr = Stderr::default();
        let (mut access, mut notices) = (Vec::new(), Vec::new());
        loop {
            let closed = self.gather(&mut batch);
            let mut clock = Clock::now();
            for message in batch.drain(..) {
                match message {
                    Message::Access(line) => sink.format(&line, &mut clock, &mut access),
                    Message::Notice(notice) => notice.format(&mut notices),
                    Message::Text(text) => notices.extend_from_slice(text.as_bytes()),
                    Message::Switch(LogSink(next)) => {
                        self.write_access(&mut sink, &access, &mut stderr, &mut notices);
                        access.clear();
                        // The same file stays open with its state: it follows its name by itself.
                        if !sink.is_same_file(&next) {
                            sink.end(&mut notices);
                            sink = next;
                        }
                    }
                }
            }
            let dropped = self.dropped.swap(0, Ordering::Relaxed);
            if dropped > 0 {
                let text = format!("log queue full; lines dropped: {dropped}");
                Notice { at: SystemTime::now(), level: log::Level::Warn, text }.format(&mut notices);
            }
            self.write_access(&mut sink, &access, &mut stderr, &mut notices);
            if closed {
                sink.end(&mut notices);
            }
            self.lost.fetch_add(stderr.write(&notices), Ordering::Relaxed);
            access.clear();
            notices.clear();
            if closed {
                self.lock().finished = true;
                self.wake.notify_all();
                return;
            }
        }
    }

    fn write_access(&self, sink: &mut Sink, lines: &[u8], stderr: &mut Stderr, notices: &mut Vec<u8>) {
        let may_wait =
            |waited| waited < if self.lock().closed { READER_CLOSE_TIMEOUT } else { READER_TIMEOUT };
        let lost = match sink {
            Sink::Off => 0,
            Sink::StderrText | Sink::StderrJson => stderr.write(lines),
            Sink::File(file) => {
                let (lost, message) = file.write(lines, may_wait);
                log_message(message, notices);
                lost
            }
        };
        self.lost.fetch_add(lost, Ordering::Relaxed);
    }

    /// Waits until there is something to write, then a little for more; returns whether the queue was closed.
    fn gather(&self, batch: &mut Vec<Message>) -> bool {
        let mut lines = self.lock();
        while lines.waiting.is_empty() && !lines.closed {
            self.asleep.store(true, Ordering::Relaxed);
            lines = self.wake.wait(lines).unwrap_or_else(PoisonError::into_inner);
        }
        self.asleep.store(false, Ordering::Relaxed);
        if !lines.closed {
            lines = self
                .wake
                .wait_timeout_while(lines, BATCH_TIME, |lines| !lines.closed)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        std::mem::swap(&mut lines.waiting, batch);
        lines.weight = 0;
        lines.closed
    }
}

impl Message {
    /// Heap bytes that it holds.
    fn weight(&self) -> usize {
        match self {
            Self::Access(line) => line.weight(),
            Self::Notice(notice) => notice.text.len(),
            Self::Text(text) => text.len(),
            Self::Switch(_) => 0,
        }
    }
}

impl Notice {
    fn format(&self, out: &mut Vec<u8>) {
        let level = match self.level {
            log::Level::Error => "error: ",
            log::Level::Warn => "warning: ",
            _ => "",
        };
        let time = format_rfc3339_millis(self.at);
        let text: String = self.text.chars().map(|c| if is_printable(c) { c } else { '\u{fffd}' }).collect();
        let _ = writeln!(out, "{time} {level}{text}");
    }
}

impl LogSink {
    /// Opens the destination that `access_log` names.
    ///
    /// Fails if a file cannot be opened; the error names it.
    pub fn open(access_log: &AccessLog) -> io::Result<Self> {
        Ok(Self(match access_log {
            AccessLog::Off => Sink::Off,
            AccessLog::Text => Sink::StderrText,
            AccessLog::Json => Sink::StderrJson,
            AccessLog::File(path) => Sink::File(LogFile::open(path).map_err(|e| {
                io::Error::new(e.kind(), format!("cannot write the access log {}: {e}", path.display()))
            })?),
        }))
    }
}

impl Sink {
    fn is_same_file(&self, other: &Self) -> bool {
        matches!((self, other), (Self::File(this), Self::File(other)) if this.is_at(other.path()))
    }

    fn format(&self, line: &AccessLine, clock: &mut Clock, out: &mut Vec<u8>) {
        match self {
            Self::Off => {}
            Self::StderrText => line.text(clock, out),
            Self::StderrJson | Self::File(_) => line.json(clock, out),
        }
    }

    /// Adds the last message about a file that is closed.
    fn end(&mut self, notices: &mut Vec<u8>) {
        if let Self::File(file) = self {
            log_message(file.end(), notices);
        }
    }
}

fn log_message(message: Option<LogMessage>, notices: &mut Vec<u8>) {
    if let Some((level, text)) = message {
        Notice { at: SystemTime::now(), level, text }.format(notices);
    }
}

/// Standard error: a terminal, the journal or a file.
#[derive(Debug, Default)]
struct Stderr {
    /// Whether the last write ended within a line.
    is_torn: bool,
}

impl Stderr {
    /// Writes lines, and returns how many were lost: there is no other place to log why.
    fn write(&mut self, lines: &[u8]) -> u64 {
        let full = |_| Err(io::ErrorKind::WouldBlock.into());
        let written = write_lines(&mut io::stderr(), lines, &mut self.is_torn, full);
        written.map_or_else(|unwritten| unwritten.lines, |()| 0)
    }
}
