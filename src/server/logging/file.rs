//! A file that log lines go to: it follows its name, and says when it cannot be written, how much was lost by that, and when
//! it is written again. What is cut in the middle of a line does not spoil the next one.
//!
//! When there is something to write, and what becomes of what is said here, is the [writer's](super::writer).

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::log_throttle::{INTERVAL, Throttle};

/// How long a reader of a FIFO is waited for at one time before it is seen whether there is still time for it.
const POLL_TIME: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };

/// Lines that were to be written and were not.
#[derive(Debug)]
pub(in crate::server) struct Unwritten {
    /// How many, one that was cut included.
    pub(in crate::server) lines: u64,
    pub(in crate::server) why: io::Error,
}

/// Something to tell the operator.
pub(in crate::server) type LogMessage = (log::Level, String);

/// Writes lines. Where those before were cut within a line (`is_torn`), that line is ended first.
///
/// `wait` is called where `out` has no room for more, with whether it took something since the call before, and says whether to
/// go on.
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

/// A log file that follows its name: once something has moved it away, a new one is begun.
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

    /// Writes lines, and says how many of them were lost. Where it is a FIFO that is full, its reader is waited for as long as
    /// `may_wait` says of the time in which it has taken nothing.
    pub(in crate::server) fn write(
        &mut self,
        lines: &[u8],
        may_wait: impl Fn(Duration) -> bool,
    ) -> (u64, Option<LogMessage>) {
        if lines.is_empty() {
            return (0, None);
        }
        let written = self.follow_name().map_err(|why| Unwritten { lines: count_lines(lines), why });
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
                    return Err(io::Error::other(format!("its reader has taken nothing for {seconds:.1} s")));
                }
                // Whatever comes of it, the next write says.
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

    /// Whether it is the one at `path`, wherever that is by now.
    pub(in crate::server) fn is_at(&self, path: &Path) -> bool {
        self.path == path
    }

    pub(in crate::server) fn path(&self) -> &Path {
        &self.path
    }

    /// What is left to say where nothing more is written to it.
    pub(in crate::server) fn end(&mut self) -> Option<LogMessage> {
        self.errors.end(&self.path)
    }

    fn follow_name(&mut self) -> io::Result<()> {
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

/// Whether who wrote to a file before was stopped within a line. Of what is no regular file, or cannot be read, nobody can tell.
fn ends_within_a_line(path: &Path) -> bool {
    let last = || {
        let file = File::open(path).ok()?;
        let len = file.metadata().ok().filter(std::fs::Metadata::is_file)?.len();
        let mut last = [0];
        file.read_exact_at(&mut last, len.checked_sub(1)?).ok()?;
        Some(last)
    };
    // A FIFO would be waited for when it is opened.
    std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file())
        && last().is_some_and(|last| last != *b"\n")
}

fn open_to_append(path: &Path) -> io::Result<File> {
    // A FIFO that nobody reads is an error then, and one that is full can be waited for as long as there is time.
    let flags = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    OpenOptions::new().append(true).create(true).custom_flags(flags).open(path)
}

fn count_lines(lines: &[u8]) -> u64 {
    lines.split_inclusive(|b| *b == b'\n').count() as u64
}

/// What to log about a file that cannot be written: the first failure at once, further ones summed up, and the recovery.
///
/// The [`Throttle`] is the common one; a recovery is logged at once, whenever the failure was.
#[derive(Debug, Default)]
struct WriteErrors {
    /// Lines that were lost and not logged as such yet.
    lost: Throttle<u64>,
    /// Whether a failure was logged and its recovery was not.
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
        let text = format!("the access log {} cannot be written: {why} (lines lost: {lost})", path.display());
        Some((log::Level::Error, text))
    }

    fn succeeded(&mut self, path: &Path, now: Instant) -> Option<LogMessage> {
        if !self.is_failing && (self.lost.sum == 0 || !self.lost.is_due(INTERVAL, now)) {
            return None;
        }
        self.is_failing = false;
        let lost = std::mem::take(&mut self.lost.sum);
        let more =
            if lost > 0 { format!(" (lines lost since that was said: {lost})") } else { String::new() };
        Some((log::Level::Info, format!("the access log {} is written again{more}", path.display())))
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

    /// Takes so many bytes, and then no more until it is waited for.
    struct Narrow {
        taken: Vec<u8>,
        room: usize,
    }

    impl Write for Narrow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let n = bytes.len().min(self.room);
            if n == 0 {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            self.room -= n;
            self.taken.extend_from_slice(&bytes[..n]);
            Ok(n)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// The same, for who widens it while it is written to.
    struct Shared<'a>(&'a RefCell<Narrow>);

    impl Write for Shared<'_> {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.borrow_mut().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_follows_a_line_that_was_cut_begins_a_line_of_its_own() {
        for (room, lost, then) in [
            (0, 3, "four\n"),
            (2, 3, "on\nfour\n"),
            (4, 2, "one\nfour\n"),
            (6, 2, "one\ntw\nfour\n"),
            (8, 1, "one\ntwo\nfour\n"),
            (14, 0, "one\ntwo\nthree\nfour\n"),
        ] {
            let (mut out, mut is_torn) = (Narrow { taken: Vec::new(), room }, false);
            let full = |_| Err(io::ErrorKind::TimedOut.into());
            let written = write_lines(&mut out, b"one\ntwo\nthree\n", &mut is_torn, full);
            assert_eq!(written.map_or_else(|unwritten| unwritten.lines, |()| 0), lost, "{room}");
            out.room = 0;
            let again = write_lines(&mut out, b"never\n", &mut is_torn, full);
            assert_eq!(again.map_or_else(|unwritten| unwritten.lines, |()| 0), 1, "{room}");
            out.room = 100;
            write_lines(&mut out, b"four\n", &mut is_torn, full).expect("there is room");
            assert_eq!(String::from_utf8_lossy(&out.taken), then, "{room}");
        }
    }

    #[test]
    fn lines_that_are_waited_for_are_written_whole() {
        let out = RefCell::new(Narrow { taken: Vec::new(), room: 5 });
        let mut is_torn = false;
        let mut moved = Vec::new();
        let wait = |has_moved| {
            moved.push(has_moved);
            // Not each time that it is waited for.
            out.borrow_mut().room = if has_moved { 0 } else { 3 };
            Ok(())
        };
        write_lines(&mut Shared(&out), b"one\ntwo\nthree\n", &mut is_torn, wait).expect("there is time");
        assert!(!is_torn);
        assert_eq!(moved, [true, false, true, false, true, false]);
        assert_eq!(out.borrow().taken, b"one\ntwo\nthree\n");
    }

    #[test]
    fn trouble_is_told_of_at_once_then_in_sums_and_so_is_its_end() {
        let (mut errors, path, start) = (WriteErrors::default(), Path::new("a.json"), Instant::now());
        let unwritten = |lines| Unwritten { lines, why: io::Error::other("full") };
        let mut said = Vec::new();
        for (second, lost) in [(0, 1), (1, 2), (2, 3), (10, 4), (11, 0), (12, 5), (13, 0), (25, 0), (26, 0)] {
            let now = start + Duration::from_secs(second);
            let told = match lost {
                0 => errors.succeeded(path, now),
                lost => errors.failed(path, &unwritten(lost), now),
            };
            said.extend(told.map(|(_, text)| (second, text)));
        }
        let expected = [
            (0, "the access log a.json cannot be written: full (lines lost: 1)"),
            (10, "the access log a.json cannot be written: full (lines lost: 9)"),
            (11, "the access log a.json is written again"),
            (25, "the access log a.json is written again (lines lost since that was said: 5)"),
        ]
        .map(|(second, text)| (second, text.to_owned()));
        assert_eq!(said, expected);
        assert_eq!(errors.end(path), None);
    }
}
