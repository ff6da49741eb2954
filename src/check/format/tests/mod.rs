//! Tests of format recognition on files from real tools (`tests/media`, `media-sample`) and on bytes that no tool writes. Some
//! readers have more tests in their own files.

mod audio_video;
mod documents;
mod ffprobe;
mod files;
mod images;
mod properties;
mod texts;

use std::path::{Path, PathBuf};

use super::*;

/// A folder of the project.
fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// A file of `tests/media`.
fn media(name: &str) -> Vec<u8> {
    let path = folder("tests/media").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Recognises these bytes.
fn recognise_bytes(bytes: &[u8]) -> Recognised {
    recognise(&mut &bytes[..]).expect("memory can be read")
}

/// The format of these bytes, which must be undamaged.
fn undamaged(bytes: &[u8]) -> Format {
    let Recognised { format, damage } = recognise_bytes(bytes);
    assert_eq!(damage, [], "{format:?}");
    format
}

/// Whether the only damage is truncation.
fn is_truncated(recognised: &Recognised) -> bool {
    matches!(recognised.damage[..], [Damage::Truncated(_)])
}

/// Whether the only damage is a malformation described with these words.
fn is_malformed(recognised: &Recognised, words: &str) -> bool {
    matches!(&recognised.damage[..], [Damage::Malformed(how)] if how.contains(words))
}
