//! Readers of typed values: durations, sizes, counts, addresses, networks, files and words.
//!
//! Each turns a raw value into a setting, or says what is wrong with it and what to write instead.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::{self, Path, PathBuf};
use std::time::Duration;

use super::raw::Value;
use super::units::{ByteSize, Span};
use super::{AccessLog, Network, Networks, PlainServes, Precedence};
use crate::asset::CachePolicy;
use crate::suggest::nearest;

pub(super) const KIB: usize = 1 << 10;
pub(super) const MIB: usize = 1 << 20;
/// The longest that a wait may be set to.
pub(super) const HOUR: Duration = Duration::from_hours(1);
/// The longest that something old may be served for.
pub(super) const WEEK: Duration = Duration::from_hours(168);

pub(super) fn policy(value: &Value) -> Result<CachePolicy, String> {
    let text = value.text()?;
    text.parse().map_err(|error| format!("\"{}\" is no cache policy: {error}", text.escape_debug()))
}

pub(super) fn key_file(value: &Value, base: &Path) -> Result<PathBuf, String> {
    match value.one()? {
        name if name.contains('\0') => {
            Err("the name holds a NUL, which no file system takes; leave it out".to_owned())
        }
        name => Ok(absolute(base, name)),
    }
}

pub(super) fn precedence(value: &Value) -> Result<Precedence, String> {
    let text = value.one()?;
    Precedence::ALL.into_iter().find(|known| known.as_str() == text).ok_or_else(|| {
        format!(
            "`{}` is neither \"object\" (the Cache-Control that an object in a bucket carries comes before the rules) nor \
             \"rules\" (it counts where no rule matches); write one of them",
            text.escape_debug()
        )
    })
}

/// A span of time within a range.
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
            "0 would be a wait without end, which holds a connection for ever; write a time from {} to {}",
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
        _ if networks.is_empty() => Err("names no address; name one, or leave it out".to_owned()),
        Some((_, twice)) => Err(format!("`{twice}` stands twice; keep one")),
        None => Ok(networks.into_iter().collect()),
    }
}

pub(super) fn plain_serves(value: &Value) -> Result<PlainServes, String> {
    let text = value.one()?;
    PlainServes::ALL.into_iter().find(|known| known.as_str() == text).ok_or_else(|| {
        format!(
            "`{}` is neither \"assets\" (all that is served over https, too) nor \"challenges\" (nothing but answers to \
             certificate authorities); write one of them",
            text.escape_debug()
        )
    })
}

/// Files, absolute; whether they are there is looked at when they are read.
pub(super) fn files(value: &Value, base: &Path) -> Result<Vec<PathBuf>, String> {
    let mut files = Vec::new();
    for item in value.items()? {
        if item.is_empty() {
            return Err("names a file with an empty name; name one, or leave it out".to_owned());
        }
        if item.contains('\0') {
            return Err("the file name holds a NUL, which no file system takes; leave it out".to_owned());
        }
        files.push(absolute(base, item));
    }
    if files.is_empty() {
        return Err("names no file; name one, or leave it out".to_owned());
    }
    Ok(files)
}

pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        format!(
            "`{}` is not an address and a port; write such as \"127.0.0.1:8080\", \"[::1]:8080\", \
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
            return Err(format!("`{address}` stands twice; keep one"));
        }
        addresses.push(address);
    }
    if addresses.is_empty() {
        return Err("no address is named; write at least one, such as \"127.0.0.1:8080\"".to_owned());
    }
    Ok(addresses)
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
    // Anything else is a file, but a file called `jsno` is what nobody wants.
    if !text.contains(['/', '.'])
        && let Some(word) = nearest(&text.to_ascii_lowercase(), WORDS)
    {
        return Err(format!(
            "did you mean `{word}` by `{shown}`? for a file of that name write \"./{shown}\""
        ));
    }
    if text.contains('\0') {
        return Err("the file name holds a NUL, which no file system takes; leave it out".to_owned());
    }
    let file = absolute(base, text);
    if file.is_dir() {
        return Err(format!("{} is a directory; name a file in it", file.display()));
    }
    match file.parent() {
        Some(folder) if !folder.is_dir() => Err(format!(
            "there is no directory {} for the file; create it, or name another",
            folder.display()
        )),
        _ => Ok(AccessLog::File(file)),
    }
}

/// The path made absolute below `base`, without `.` segments; nothing is looked up, so symbolic links stay.
pub(super) fn absolute(base: &Path, named: impl AsRef<Path>) -> PathBuf {
    let joined = base.join(named);
    path::absolute(&joined).unwrap_or(joined)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_made_absolute_without_being_looked_up() {
        for (name, path) in [(".", "/base"), ("./a/./b", "/base/a/b"), ("../a", "/base/../a"), ("/x", "/x")] {
            assert_eq!(absolute(Path::new("/base"), name), Path::new(path), "{name}");
        }
    }
}
