//! Zip-based formats, recognised by the file names in the central directory: Office Open XML, `OpenDocument`, EPUB, APK, JAR
//! (PKWARE APPNOTE 6.3.10 section 4.3; ECMA-376 part 2; ODF 1.3 part 2).

use std::io;

use super::endian::{u16_le, u32_le, u64_le};
use super::window::{MAX_READ, Window};
use super::{Damage, Format, Recognised, Zip};

/// Size of the end of central directory record without its comment.
const END_RECORD: usize = 22;
/// The most bytes of the directory to read. A document with a thousand images has a directory of 100 KiB.
const MAX_DIRECTORY: u64 = 128 * 1024;
/// Bytes of the directory to read at once.
const DIRECTORY_READ: usize = 16 * 1024;
/// The most local file headers to walk without a directory.
const MAX_FILES: usize = 64;

pub(super) fn read(window: &mut Window<'_>) -> io::Result<Option<Recognised>> {
    let head = window.head(8)?;
    let is_zip =
        [&b"PK\x03\x04"[..], b"PK\x05\x06", b"PK00PK\x03\x04"].iter().any(|magic| head.starts_with(magic));
    if !is_zip {
        return Ok(None);
    }
    let mut names = Names::default();
    names.mimetype(window)?;
    let damage = if let Some(directory) = directory(window)? {
        names_in_directory(window, &directory, &mut names)?
    } else {
        names_without_directory(window, &mut names)?;
        Some(Damage::Truncated("the zip file has no central directory at its end".into()))
    };
    let damage = damage.into_iter().collect();
    Ok(Some(Recognised { format: Format::Zip(names.kind()), damage }))
}

/// The names of files in a zip file that identify its format.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "a set of names, each of which is there or not")]
struct Names {
    /// The format that a first file named `mimetype` declares.
    declared: Option<Zip>,
    /// `[Content_Types].xml`, which every file of Office Open XML has.
    content_types: bool,
    word: bool,
    sheets: bool,
    slides: bool,
    drawing: bool,
    binary_workbook: bool,
    macros: bool,
    content: bool,
    container: bool,
    manifest: bool,
    open_document_manifest: bool,
    android: bool,
    dalvik: bool,
}

impl Names {
    /// Records the name of one file.
    fn add(&mut self, name: &[u8]) {
        match name {
            b"[Content_Types].xml" => self.content_types = true,
            b"content.xml" => self.content = true,
            b"META-INF/container.xml" => self.container = true,
            b"META-INF/manifest.xml" => self.open_document_manifest = true,
            b"META-INF/MANIFEST.MF" => self.manifest = true,
            b"AndroidManifest.xml" => self.android = true,
            b"classes.dex" | b"resources.arsc" => self.dalvik = true,
            b"xl/workbook.bin" => self.binary_workbook = true,
            _ if name.starts_with(b"word/") => self.word = true,
            _ if name.starts_with(b"xl/") => self.sheets = true,
            _ if name.starts_with(b"ppt/") => self.slides = true,
            _ if name.starts_with(b"visio/") => self.drawing = true,
            _ => {}
        }
        self.macros |= name.ends_with(b"/vbaProject.bin");
    }

    /// Records the content of a first file named `mimetype`, which is stored uncompressed.
    fn mimetype(&mut self, window: &mut Window<'_>) -> io::Result<()> {
        const NAME: &[u8] = b"mimetype";
        let head = window.head(30 + NAME.len() + 128)?;
        let extra = u16_le(head, 28).map_or(0, usize::from);
        let content = head.get(30 + NAME.len() + extra..).unwrap_or_default();
        if head.get(30..30 + NAME.len()) == Some(NAME) && u16_le(head, 8) == Some(0) {
            self.declared = match content {
                _ if content.starts_with(b"application/vnd.oasis.opendocument.") => Some(Zip::OpenDocument),
                _ if content.starts_with(b"application/epub+zip") => Some(Zip::Epub),
                _ => None,
            };
        }
        Ok(())
    }

    /// The format, after all names are recorded.
    fn kind(&self) -> Zip {
        if let Some(declared) = self.declared {
            return declared;
        }
        let is_office = self.word || self.sheets || self.slides || self.drawing || self.binary_workbook;
        match self {
            Self { content_types: true, macros: true, .. } if is_office => Zip::MacroEnabled,
            Self { content_types: true, .. } if self.binary_workbook || self.drawing => Zip::OtherOffice,
            Self { content_types: true, word: true, .. } => Zip::Docx,
            Self { content_types: true, slides: true, .. } => Zip::Pptx,
            Self { content_types: true, sheets: true, .. } => Zip::Xlsx,
            Self { android: true, dalvik: true, .. } => Zip::Apk,
            Self { container: true, content: false, .. } => Zip::Epub,
            Self { content: true, open_document_manifest: true, .. } => Zip::OpenDocument,
            Self { manifest: true, .. } => Zip::Jar,
            _ => Zip::Plain,
        }
    }
}

/// Position of the central directory.
struct Directory {
    /// Offset of its start, as its end record says.
    offset: u64,
    /// Size in bytes.
    size: u64,
    /// Declared number of entries.
    entries: u64,
    /// Offset of the end record.
    end: u64,
}

/// Finds the directory by the end record; `None` if that is missing.
fn directory(window: &mut Window<'_>) -> io::Result<Option<Directory>> {
    // Most zip files have no comment, so that the record is the last 22 bytes.
    for searched in [1024, MAX_READ.min(END_RECORD + 0xFFFF)] {
        let size = window.size();
        let tail = window.tail(searched)?;
        let found = (0..tail.len().saturating_sub(END_RECORD - 1)).rev().find(|at| {
            let comment = u16_le(tail, at + 20).map_or(0, usize::from);
            tail[*at..].starts_with(b"PK\x05\x06") && at + END_RECORD + comment <= tail.len()
        });
        let Some(at) = found else { continue };
        let record = &tail[at..];
        let end = size - record.len() as u64;
        let found = Directory {
            entries: u16_le(record, 10).unwrap_or_default().into(),
            size: u32_le(record, 12).unwrap_or_default().into(),
            offset: u32_le(record, 16).unwrap_or_default().into(),
            end,
        };
        let is_large = found.entries == 0xFFFF || found.size == 0xFFFF_FFFF || found.offset == 0xFFFF_FFFF;
        let large = if is_large { zip64_directory(window, end)? } else { None };
        return Ok(Some(large.unwrap_or(found)));
    }
    Ok(None)
}

/// The same, from the Zip64 records before `end`, for zip files of more than 4 GiB or 65,535 files.
fn zip64_directory(window: &mut Window<'_>, end: u64) -> io::Result<Option<Directory>> {
    const LOCATOR: u64 = 20;
    let Some(locator) = end.checked_sub(LOCATOR) else { return Ok(None) };
    let bytes = window.at(locator, 20)?;
    let Some(offset) = u64_le(bytes, 8).filter(|_| bytes.starts_with(b"PK\x06\x07")) else { return Ok(None) };
    let record = window.at(offset, 56)?;
    let numbers = (u64_le(record, 32), u64_le(record, 40), u64_le(record, 48));
    let (Some(entries), Some(size), Some(directory)) = numbers else { return Ok(None) };
    let is_record = record.starts_with(b"PK\x06\x06");
    Ok(is_record.then_some(Directory { offset: directory, size, entries, end: offset }))
}

/// Records the names in the directory; returns its damage.
fn names_in_directory(
    window: &mut Window<'_>,
    directory: &Directory,
    names: &mut Names,
) -> io::Result<Option<Damage>> {
    const HEADER: usize = 46;
    let Directory { offset, size, entries, end } = *directory;
    if entries == 0 {
        return Ok(None);
    }
    // Bytes before the zip file shift all its offsets, but the end record is still at the end.
    let is_there = window.at(offset, 4)? == b"PK\x01\x02";
    let begin = if is_there { Some(offset) } else { end.checked_sub(size) };
    let Some(mut at) = begin else { return Ok(Some(misplaced_directory())) };
    let limit = at.saturating_add(MAX_DIRECTORY).min(end);
    let mut read = 0;
    while read < entries && at < limit {
        let block = window.at(at, DIRECTORY_READ)?;
        let mut from = 0;
        while let Some(entry) = block.get(from..).filter(|entry| entry.len() >= HEADER && read < entries) {
            if !entry.starts_with(b"PK\x01\x02") {
                return Ok(Some(misplaced_directory()));
            }
            let length = |place| u16_le(entry, place).map_or(0, usize::from);
            let (name, whole) = (HEADER + length(28), HEADER + length(28) + length(30) + length(32));
            let Some(name) = entry.get(HEADER..name) else { break };
            names.add(name);
            read += 1;
            from += whole;
        }
        if from == 0 {
            return Ok(Some(misplaced_directory()));
        }
        at += from as u64;
    }
    Ok(None)
}

fn misplaced_directory() -> Damage {
    Damage::Malformed("the zip file's central directory is not where its end record says".into())
}

/// Records the names in the local file headers, as far as one leads to the next.
fn names_without_directory(window: &mut Window<'_>, names: &mut Names) -> io::Result<()> {
    /// Bytes to search for the next file if a file's length follows its data.
    const SEARCHED: usize = 8 * 1024;
    const MAX_SEARCHES: usize = 16;
    let (mut at, mut searches) = (if window.head(4)? == b"PK00" { 4 } else { 0 }, 0);
    for _ in 0..MAX_FILES {
        let header = window.at(at, 30)?;
        if !header.starts_with(b"PK\x03\x04") || header.len() < 30 {
            return Ok(());
        }
        let length = |place| u16_le(header, place).map_or(0, u64::from);
        let (name, extra) = (length(26), length(28));
        let (has_data_descriptor, packed) = (length(6) & 8 != 0, u32_le(header, 18).map_or(0, u64::from));
        let name = window.at(at + 30, usize::try_from(name).unwrap_or(0))?.to_vec();
        names.add(&name);
        at = at + 30 + name.len() as u64 + extra + packed;
        if has_data_descriptor && packed == 0 {
            let next = window.at(at, SEARCHED)?.windows(4).position(|bytes| bytes == b"PK\x03\x04");
            let Some(next) = next.filter(|_| searches < MAX_SEARCHES) else { return Ok(()) };
            (at, searches) = (at + next as u64, searches + 1);
        }
    }
    Ok(())
}
