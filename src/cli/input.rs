//! Reads an input file, or stdin, whole and up to a size limit.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::{CommandError, Exit};

/// The bytes of `file`, or of stdin. With more than `most` bytes the error is `too_many`, which names the fix.
pub(super) fn read(file: Option<&Path>, most: u64, too_many: &str) -> Result<Vec<u8>, CommandError> {
    let system = |e: io::Error| CommandError::new(Exit::System, format_args!("cannot be read: {e}"));
    let mut bytes = Vec::new();
    match file {
        None => io::stdin().lock().take(most + 1).read_to_end(&mut bytes).map_err(system)?,
        Some(file) => {
            let file = File::open(file).map_err(|e| match e.kind() {
                io::ErrorKind::NotFound => CommandError::new(
                    Exit::Usage,
                    "there is no such file; name an existing one, or - for stdin",
                ),
                _ => system(e),
            })?;
            file.take(most + 1).read_to_end(&mut bytes).map_err(system)?
        }
    };
    if bytes.len() as u64 > most {
        return Err(CommandError::new(Exit::Usage, too_many));
    }
    Ok(bytes)
}
