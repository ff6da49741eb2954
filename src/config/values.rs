//! Readers of typed values: durations, sizes, counts, addresses, networks, files and words.
//!
//! Each parses a raw value, or returns the reason and what to write instead.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::{self, Path, PathBuf};
use std::time::Duration;

use super::raw::Value;
use super::units::{ByteSize, Span};
use super::{AccessLog, LastModified, Network, Networks, PlainServes, Precedence, UNIX_PREFIX};
use crate::asset::CachePolicy;
use crate::suggest::nearest;

pub(super) const KIB: usize = 1 << 10;
pub(super) const MIB: usize = 1 << 20;
/// Maximum of every timeout.
pub(super) const HOUR: Duration = Duration::from_hours(1);
/// Maximum of `stale_if_error`.
pub(super) const WEEK: Duration = Duration::from_hours(168);

pub(super) fn policy(value: &Value) -> Result<CachePolicy, String> {
    let text = value.text()?;
    text.parse().map_err(|error| format!("\"{}\" is not a cache policy: {error}", text.escape_debug()))
}

pub(super) fn key_file(value: &Value, base: &Path) -> Result<PathBuf, String> {
    match value.one()? {
        name if name.contains('\0') => {
            Err("the name has a NUL byte, which no file system allows; remove it".to_owned())
        }
        name => Ok(absolute(base, name)),
    }
}

pub(super) fn precedence(value: &Value) -> Result<Precedence, String> {
    let text = value.one()?;
    Precedence::ALL.into_iter().find(|known| known.as_str() == text).ok_or_else(|| {
        format!(
            "`{}` is neither \"object\" (the Cache-Control of an object in a bucket comes before the rules) nor \
             \"rules\" (it counts only where no rule matches); write one of them",
            text.escape_debug()
        )
    })
}

/// A duration within a range.
pub(super) fn duration_within(value: &Value, range: RangeInclusive<Duration>) -> Result<Duration, String> {
    let Span(duration) = value.quantity()?.parse()?;
    if range.contains(&duration) {
        return Ok(duration);
    }
    let (least, most) = (Span(*range.start()), Span(*range.end()));
    Err(format!("{} is out of range; write a time from {least} to {most}", Span(duration)))
}

pub(super) fn timeout(value: &Value) -> Result<Duration, String> {
    let range = Duration::from_millis(100)..=HOUR;
    if value.quantity()?.parse() == Ok(Span(Duration::ZERO)) {
        return Err(format!(
            "0 would mean no timeout, so a connection could be held for ever; write a time from {} to {}",
            Span(*range.start()),
            Span(*range.end()),
        ));
    }
    duration_within(value, range)
}

pub(super) fn count(value: &Value, range: RangeInclusive<usize>) -> Result<usize, String> {
    let refuse = |what: &str| {
        format!("{what} is not a whole number from {} to {}; write one in digits", range.start(), range.end())
    };
    let text = match value {
        Value::Truth(_) => return Err(refuse("a boolean")),
        Value::Other(what) => return Err(refuse(what)),
        _ => value.quantity()?,
    };
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    match text.parse() {
        Ok(count) if digits && range.contains(&count) => Ok(count),
        _ => Err(refuse(&format!("`{}`", text.escape_debug()))),
    }
}

pub(super) fn size(value: &Value, range: RangeInclusive<usize>) -> Result<usize, String> {
    let ByteSize(bytes) = value.quantity()?.parse()?;
    match usize::try_from(bytes) {
        Ok(size) if range.contains(&size) => Ok(size),
        _ if *range.end() == usize::MAX => {
            Err(format!("{} is out of range; write at least {}", ByteSize(bytes), in_bytes(*range.start())))
        }
        _ => Err(format!(
            "{} is out of range; write a size from {} to {}",
            ByteSize(bytes),
            in_bytes(*range.start()),
            in_bytes(*range.end()),
        )),
    }
}

pub(super) fn in_bytes(size: usize) -> ByteSize {
    ByteSize(size.try_into().unwrap_or(u64::MAX))
}

pub(super) fn networks(value: &Value) -> Result<Networks, String> {
    let networks: Vec<Network> = value.items()?.into_iter().map(str::parse).collect::<Result<_, _>>()?;
    match networks.iter().enumerate().find(|(index, network)| networks[..*index].contains(network)) {
        _ if networks.is_empty() => {
            Err("the list is empty; write at least one address, or remove the setting".to_owned())
        }
        Some((_, twice)) => Err(format!("`{twice}` is listed twice; keep one")),
        None => Ok(networks.into_iter().collect()),
    }
}

pub(super) fn plain_serves(value: &Value) -> Result<PlainServes, String> {
    let text = value.one()?;
    PlainServes::ALL.into_iter().find(|known| known.as_str() == text).ok_or_else(|| {
        format!(
            "`{}` is neither \"assets\" (everything that https serves too) nor \"challenges\" (only responses to certificate \
             authorities); write one of them",
            text.escape_debug()
        )
    })
}

pub(super) fn last_modified(value: &Value) -> Result<LastModified, String> {
    let text = value.one()?;
    LastModified::ALL.into_iter().find(|known| known.as_str() == text).ok_or_else(|| {
        format!(
            "`{}` is neither \"content\" (the date changes when the bytes change) nor \"mtime\" (it is the file's mtime); \
             write one of them",
            text.escape_debug()
        )
    })
}

/// Files as absolute paths; whether they exist is checked when they are read.
pub(super) fn files(value: &Value, base: &Path) -> Result<Vec<PathBuf>, String> {
    let mut files = Vec::new();
    for item in value.items()? {
        if item.is_empty() {
            return Err("has an empty file name; write a name, or remove it".to_owned());
        }
        if item.contains('\0') {
            return Err("the file name has a NUL byte, which no file system allows; remove it".to_owned());
        }
        files.push(absolute(base, item));
    }
    if files.is_empty() {
        return Err("the list is empty; write at least one file, or remove the setting".to_owned());
    }
    Ok(files)
}

pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        format!(
            "`{}` is not an IP address with a port; write one such as \"127.0.0.1:8080\", \"[::1]:8080\", \
             or \"0.0.0.0:8080\" for every IPv4 address of this machine",
            text.escape_debug(),
        )
    })
}

pub(super) fn addresses(value: &Value) -> Result<Vec<SocketAddr>, String> {
    let mut addresses = Vec::new();
    for item in value.items()? {
        let address = address(item)?;
        if addresses.contains(&address) {
            return Err(format!("`{address}` is listed twice; keep one"));
        }
        addresses.push(address);
    }
    if addresses.is_empty() {
        return Err("the list is empty; write at least one address, such as \"127.0.0.1:8080\"".to_owned());
    }
    Ok(addresses)
}

/// Addresses, and the paths of Unix sockets among them (`unix:/run/wamedia.sock`), absolute.
pub(super) fn addresses_and_sockets(
    value: &Value,
    base: &Path,
) -> Result<(Vec<SocketAddr>, Vec<PathBuf>), String> {
    let items = value.items()?;
    let (sockets, others): (Vec<&str>, Vec<&str>) =
        items.iter().partition(|item| item.starts_with(UNIX_PREFIX));
    let mut paths: Vec<PathBuf> = Vec::new();
    for item in sockets {
        let name = &item[UNIX_PREFIX.len()..];
        if name.is_empty() || name.contains('\0') {
            return Err(format!(
                "`{}` names no socket; write one such as \"unix:/run/wamedia/wamedia.sock\"",
                item.escape_debug()
            ));
        }
        let path = absolute(base, name);
        if paths.contains(&path) {
            return Err(format!("`{}` is listed twice; keep one", item.escape_debug()));
        }
        paths.push(path);
    }
    let others = others.into_iter().map(str::to_owned).collect::<Vec<_>>();
    let addresses =
        if others.is_empty() && !paths.is_empty() { Vec::new() } else { addresses(&Value::Many(others))? };
    Ok((addresses, paths))
}

pub(super) fn access_log(value: &Value, base: &Path) -> Result<AccessLog, String> {
    const WORDS: [&str; 3] = ["off", "text", "json"];
    let text = value.one()?;
    match text {
        "off" => return Ok(AccessLog::Off),
        "text" => return Ok(AccessLog::Text),
        "json" => return Ok(AccessLog::Json),
        _ => {}
    }
    let shown = text.escape_debug();
    // Anything else is a file name, but `jsno` is probably a typing error.
    if !text.contains(['/', '.'])
        && let Some(word) = nearest(&text.to_ascii_lowercase(), WORDS)
    {
        return Err(format!(
            "did you mean `{word}` instead of `{shown}`? For a file of that name, write \"./{shown}\""
        ));
    }
    if text.contains('\0') {
        return Err("the file name has a NUL byte, which no file system allows; remove it".to_owned());
    }
    let file = absolute(base, text);
    if file.is_dir() {
        return Err(format!("{} is a directory; name a file in it", file.display()));
    }
    match file.parent() {
        Some(folder) if !folder.is_dir() => Err(format!(
            "the directory {} of the file does not exist; create it, or name another",
            folder.display()
        )),
        _ => Ok(AccessLog::File(file)),
    }
}

/// The path made absolute below `base`, without `.` segments; symbolic links are not resolved.
pub(super) fn absolute(base: &Path, named: impl AsRef<Path>) -> PathBuf {
    let joined = base.join(named);
    path::absolute(&joined).unwrap_or(joined)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_made_absolute_without_resolving_links() {
        for (name, path) in [(".", "/base"), ("./a/./b", "/base/a/b"), ("../a", "/base/../a"), ("/x", "/x")] {
            assert_eq!(absolute(Path::new("/base"), name), Path::new(path), "{name}");
        }
    }
}
