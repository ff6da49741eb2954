//! Checks one file on disk.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;

use rustix::fs::{Mode, OFlags};

use super::rules::file_rules::NO_DATE;
use super::{Finding, Origin, Report, Source, Subject, format, judge, judge_path};
use crate::asset::{AssetPath, MediaType};
use crate::config::LastModified;
use crate::shell::{named, quoted};
use crate::whatsapp::{self, Kind};

/// An open file that is read at arbitrary offsets.
#[derive(Debug)]
pub struct FileSource {
    file: File,
    size: u64,
}

impl FileSource {
    /// Opens the file at `path`, which must be a regular file. Opening a FIFO does not block the caller.
    pub fn open(path: &Path) -> io::Result<(Self, Metadata)> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
        let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "not a regular file, so it is not served",
            ));
        }
        Ok((Self { file, size: metadata.len() }, metadata))
    }

    /// Reads from a regular file that is already open.
    pub fn new(file: File) -> io::Result<Self> {
        let size = file.metadata()?.len();
        Ok(Self { file, size })
    }
}

impl Source for FileSource {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.file.read_at(buffer, offset) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => return read,
            }
        }
    }
}

/// Checks the file at `path` against the rules, as `wamedia serve` would serve it under the path `below` of its folder.
///
/// Its date is that of `dates`. Reads at most [`format::READ_BOUND`] bytes of it.
pub fn check_file(
    path: &Path,
    below: &Path,
    as_kind: Option<Kind>,
    dates: LastModified,
) -> io::Result<Report> {
    let (mut source, metadata) = FileSource::open(path)?;
    let recognised = format::recognise(&mut source)?;
    let media_type = media_type(below);
    let subject = Subject {
        name: &below.file_name().unwrap_or_default().to_string_lossy(),
        input: path,
        origin: Origin::File,
        media_type: Some(&media_type),
        size: source.size,
        as_kind,
    };
    let judgement = judge(&subject, &recognised);
    let mut report = Report::new(named(path));
    report.kind = Some(judgement.kind);
    report.media_type = Some(media_type.to_string());
    report.format = Some(recognised.format.name());
    report.size = Some(source.size);
    report.findings = judge_path(below, path);
    report.findings.extend(judgement.findings);
    if dates == LastModified::Mtime && metadata.mtime() <= 1 {
        let seen = format!("mtime is {} s after the start of 1970", metadata.mtime());
        report.findings.push(Finding::new(&NO_DATE, seen, format!("touch {}", quoted(path))));
    }
    report.sort();
    Ok(report)
}

/// The `Content-Type` that the file's extension gives, even if a file with this name cannot be served.
fn media_type(below: &Path) -> MediaType {
    let extension = below.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    AssetPath::from_plain(&format!("a.{extension}"))
        .map_or(MediaType::OCTET_STREAM, |path| whatsapp::media_type(&path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, UNIX_EPOCH};

    #[test]
    fn an_mtime_of_0_or_1_is_reported_if_it_is_the_date() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.txt");
        for (seconds, expected) in [(0, &["no-date"][..]), (1, &["no-date"]), (2, &[]), (1_700_000_000, &[])]
        {
            std::fs::write(&path, "hello\n").expect("a file");
            let file = File::options().write(true).open(&path).expect("a file");
            file.set_modified(UNIX_EPOCH + Duration::from_secs(seconds)).expect("a date");
            for (dates, expected) in [(LastModified::Mtime, expected), (LastModified::Content, &[])] {
                let report = check_file(&path, Path::new("a.txt"), None, dates).expect("a report");
                let ids: Vec<_> = report.findings.iter().map(|finding| finding.rule.id).collect();
                assert_eq!(ids, expected, "{seconds}");
            }
        }
    }
}
