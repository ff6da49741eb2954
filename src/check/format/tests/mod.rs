//! Recognition held against files that real tools made (`tests/media`, `media-sample`) and against files made here, for what
//! no tool would write. Readers that hold much of their own are tested in their files too.

mod audio_video;
mod documents;
mod ffprobe;
mod files;
mod images;
mod properties;
mod texts;

use std::path::{Path, PathBuf};

use super::*;

/// The project's folder of this name.
fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// A file of `tests/media`.
fn media(name: &str) -> Vec<u8> {
    let path = folder("tests/media").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What these bytes are.
fn tell(bytes: &[u8]) -> Recognised {
    recognise(&mut &bytes[..]).expect("memory can be read")
}

/// The format of these bytes, with which nothing is wrong.
fn sound(bytes: &[u8]) -> Format {
    let Recognised { format, damage } = tell(bytes);
    assert_eq!(damage, [], "{format:?}");
    format
}

/// Whether exactly one thing is wrong with bytes, and that is that they are cut.
fn is_cut(told: &Recognised) -> bool {
    matches!(told.damage[..], [Damage::Truncated(_)])
}

/// Whether exactly one thing is wrong with bytes, and that is a contradiction that is told with these words.
fn is_malformed(told: &Recognised, words: &str) -> bool {
    matches!(&told.damage[..], [Damage::Malformed(how)] if how.contains(words))
}
