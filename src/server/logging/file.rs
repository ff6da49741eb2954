//! Log file: reopens after rotation, logs write errors and how many lines were lost, and repairs torn lines.
//!
//! The [writer](super::writer) decides when lines are written, and where messages about them go.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::log_throttle::{INTERVAL, Throttle};

/// How long to poll a FIFO before checking whether its reader has exceeded the time allowed.
const POLL_TIME: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };

/// Lines that could not be written.
#[derive(Debug)]
pub(in crate::server) struct Unwritten {
    /// How many, including one that was cut.
    pub(in crate::server) lines: u64,
    pub(in crate::server) why: io::Error,
}

/// A message for the operator.
pub(in crate::server) type LogMessage = (log::Level, String);

/// Writes lines. If the previous ones were cut within a line (`is_torn`), first ends that line.
///
/// `wait` is called when `out` would block, with whether it accepted something since the previous call; an error gives up.
pub(in crate::server) fn write_lines(
    out: &mut impl Write,
    lines: &[u8],
    is_torn: &mut bool,
    mut wait: impl FnMut(bool) -> io::Result<()>,
) -> Result<(), Unwritten> {
    let mut has_moved = true;
    let mut put = |mut bytes: &[u8]| {
        while !bytes.is_empty() {
            let written = match out.write(bytes) {
                Ok(0) => Err(io::ErrorKind::WriteZero.into()),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => Ok(0),
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    wait(std::mem::take(&mut has_moved)).map(|()| 0)
                }
                other => other,
            };
            match written {
                Ok(n) => {
                    has_moved |= n > 0;
                    bytes = &bytes[n..];
                }
                Err(why) => return Err((bytes.len(), why)),
            }
        }
        Ok(())
    };
    if lines.is_empty() {
        return Ok(());
    }
    if *is_torn {
        put(b"\n").map_err(|(_, why)| Unwritten { lines: count_lines(lines), why })?;
        *is_torn = false;
    }
    put(lines).map_err(|(left, why)| {
        let (written, rest) = lines.split_at(lines.len() - left);
        *is_torn = written.last().is_some_and(|last| *last != b'\n');
        Unwritten { lines: count_lines(rest), why }
    })
}

/// A log file that follows its name: once it was renamed, a new one is created.
#[derive(Debug)]
pub(in crate::server) struct LogFile {
    path: PathBuf,
    file: File,
    /// Whether it ends within a line.
    is_torn: bool,
    errors: WriteErrors,
}

impl LogFile {
    pub(in crate::server) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            file: open_to_append(path)?,
            is_torn: ends_within_a_line(path),
            errors: WriteErrors::default(),
        })
    }

    /// Writes lines, and returns how many of them were lost. For a full FIFO, waits as long as `may_wait` allows for the time in which
    /// its reader has read nothing.
    pub(in crate::server) fn write(
        &mut self,
        lines: &[u8],
        may_wait: impl Fn(Duration) -> bool,
    ) -> (u64, Option<LogMessage>) {
        if lines.is_empty() {
            return (0, None);
        }
        let written = self.reopen_if_moved().map_err(|why| Unwritten { lines: count_lines(lines), why });
        let written = written.and_then(|()| {
            let mut waiting_since = Instant::now();
            let (mut file, as_fd) = (&self.file, &self.file);
            write_lines(&mut file, lines, &mut self.is_torn, |has_moved| {
                if has_moved {
                    waiting_since = Instant::now();
                }
                let waited = waiting_since.elapsed();
                if !may_wait(waited) {
                    let seconds = waited.as_secs_f32();
                    return Err(io::Error::other(format!("its reader has read nothing for {seconds:.1} s")));
                }
                // The next write shows whether there is space.
                let _ = poll(&mut [PollFd::new(as_fd, PollFlags::OUT)], Some(&POLL_TIME));
                Ok(())
            })
        });
        let now = Instant::now();
        match written {
            Ok(()) => (0, self.errors.succeeded(&self.path, now)),
            Err(unwritten) => (unwritten.lines, self.errors.failed(&self.path, &unwritten, now)),
        }
    }

    /// Whether it was opened under `path`, wherever that leads by now.
    pub(in crate::server) fn is_at(&self, path: &Path) -> bool {
        self.path == path
    }

    pub(in crate::server) fn path(&self) -> &Path {
        &self.path
    }

    /// The last message about it, for when nothing more is written.
    pub(in crate::server) fn end(&mut self) -> Option<LogMessage> {
        self.errors.end(&self.path)
    }

    fn reopen_if_moved(&mut self) -> io::Result<()> {
        let same = |a: &std::fs::Metadata, b: &std::fs::Metadata| (a.dev(), a.ino()) == (b.dev(), b.ino());
        let was_moved = match std::fs::metadata(&self.path) {
            Ok(named) => !same(&named, &self.file.metadata()?),
            Err(_) => true,
        };
        if was_moved {
            self.file = open_to_append(&self.path)?;
            self.is_torn = ends_within_a_line(&self.path);
        }
        Ok(())
    }
}

/// Whether a previous writer was stopped within a line. Unknown, and taken as false, for other than regular files.
fn ends_within_a_line(path: &Path) -> bool {
    let last = || {
        let file = File::open(path).ok()?;
        let len = file.metadata().ok().filter(std::fs::Metadata::is_file)?.len();
        let mut last = [0];
        file.read_exact_at(&mut last, len.checked_sub(1)?).ok()?;
        Some(last)
    };
    // Opening a FIFO would block.
    std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file())
        && last().is_some_and(|last| last != *b"\n")
}

fn open_to_append(path: &Path) -> io::Result<File> {
    // Opening a FIFO without a reader is an error then, and a full one does not block.
    let flags = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    OpenOptions::new().append(true).create(true).custom_flags(flags).open(path)
}

fn count_lines(lines: &[u8]) -> u64 {
    lines.split_inclusive(|b| *b == b'\n').count() as u64
}

/// Messages about a file that cannot be written: the first error at once, further ones summed up, and the recovery.
///
/// A recovery is not throttled, if its error was logged.
#[derive(Debug, Default)]
struct WriteErrors {
    /// Lines that were lost since the last message.
    lost: Throttle<u64>,
    /// Whether an error was logged and the recovery was not.
    is_failing: bool,
}

impl WriteErrors {
    fn failed(&mut self, path: &Path, unwritten: &Unwritten, now: Instant) -> Option<LogMessage> {
        self.lost.sum += unwritten.lines;
        if !self.lost.is_due(INTERVAL, now) {
            return None;
        }
        self.is_failing = true;
        let (lost, why) = (self.lost.take(now), &unwritten.why);
        let text = format!("cannot write the access log {}: {why} (lines lost: {lost})", path.display());
        Some((log::Level::Error, text))
    }

    fn succeeded(&mut self, path: &Path, now: Instant) -> Option<LogMessage> {
        if !self.is_failing && (self.lost.sum == 0 || !self.lost.is_due(INTERVAL, now)) {
            return None;
        }
        self.is_failing = false;
        let lost = std::mem::take(&mut self.lost.sum);
        let more =
            if lost > 0 { format!(" (lines lost since the last message: {lost})") } else { String::new() };
        Some((log::Level::Info, format!("the access log {} can be written again{more}", path.display())))
    }

    fn end(&mut self, path: &Path) -> Option<LogMessage> {
        let lost = std::mem::take(&mut self.lost.sum);
        let text = || format!("the access log {} could not be written (lines lost: {lost})", path.display());
        (lost > 0).then(|| (log::Level::Error, text()))
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    /// Accepts a number of bytes, and then blocks until the number is increased.
    struct Limited {
        taken: Vec<u8>,
        space: usize,
    }

    impl Write for Limited {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let n = bytes.len().min(self.space);
            if n == 0 {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            self.space -= n;
            self.taken.extend_from_slice(&bytes[..n]);
            Ok(n)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// The same, shared with a `wait` function that increases the number.
    struct Shared<'a>(&'a RefCell<Limited>);

    impl Write for Shared<'_> {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.borrow_mut().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_after_a_torn_line_starts_a_new_line() {
        for (space, lost, then) in [
            (0, 3, "four\n"),
            (2, 3, "on\nfour\n"),
            (4, 2, "one\nfour\n"),
            (6, 2, "one\ntw\nfour\n"),
            (8, 1, "one\ntwo\nfour\n"),
            (14, 0, "one\ntwo\nthree\nfour\n"),
        ] {
            let (mut out, mut is_torn) = (Limited { taken: Vec::new(), space }, false);
            let full = |_| Err(io::ErrorKind::TimedOut.into());
            let written = write_lines(&mut out, b"one\ntwo\nthree\n", &mut is_torn, full);
            assert_eq!(written.map_or_else(|unwritten| unwritten.lines, |()| 0), lost, "{space}");
            out.space = 0;
            let again = write_lines(&mut out, b"never\n", &mut is_torn, full);
            assert_eq!(again.map_or_else(|unwritten| unwritten.lines, |()| 0), 1, "{space}");
            out.space = 100;
            write_lines(&mut out, b"four\n", &mut is_torn, full).expect("there is space");
            assert_eq!(String::from_utf8_lossy(&out.taken), then, "{space}");
        }
    }

    #[test]
    fn lines_are_written_whole_while_waiting_is_allowed() {
        let out = RefCell::new(Limited { taken: Vec::new(), space: 5 });
        let mut is_torn = false;
        let mut moved = Vec::new();
        let wait = |has_moved| {
            moved.push(has_moved);
            // Space appears only at every second call.
            out.borrow_mut().space = if has_moved { 0 } else { 3 };
            Ok(())
        };
        write_lines(&mut Shared(&out), b"one\ntwo\nthree\n", &mut is_torn, wait).expect("there is time");
        assert!(!is_torn);
        assert_eq!(moved, [true, false, true, false, true, false]);
        assert_eq!(out.borrow().taken, b"one\ntwo\nthree\n");
    }

    #[test]
    fn write_errors_are_logged_at_once_then_summed_up_and_so_is_the_recovery() {
        let (mut errors, path, start) = (WriteErrors::default(), Path::new("a.json"), Instant::now());
        let unwritten = |lines| Unwritten { lines, why: io::Error::other("full") };
        let mut logged = Vec::new();
        for (second, lost) in [(0, 1), (1, 2), (2, 3), (10, 4), (11, 0), (12, 5), (13, 0), (25, 0), (26, 0)] {
            let now = start + Duration::from_secs(second);
            let message = match lost {
                0 => errors.succeeded(path, now),
                lost => errors.failed(path, &unwritten(lost), now),
            };
            logged.extend(message.map(|(_, text)| (second, text)));
        }
        let expected = [
            (0, "cannot write the access log a.json: full (lines lost: 1)"),
            (10, "cannot write the access log a.json: full (lines lost: 9)"),
            (11, "the access log a.json can be written again"),
            (25, "the access log a.json can be written again (lines lost since the last message: 5)"),
        ]
        .map(|(second, text)| (second, text.to_owned()));
        assert_eq!(logged, expected);
        assert_eq!(errors.end(path), None);
    }
}
