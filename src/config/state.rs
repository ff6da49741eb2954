//! The state folder: the one place for all that the program keeps over restarts.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use super::{ConfigError, Location, Mount, Settings};

/// The default: systemd's `STATE_DIRECTORY`, else `wamedia` below `XDG_STATE_HOME`, below `~/.local/state` or below `/var/lib`.
pub(super) fn default_state(environment: &[(OsString, OsString)]) -> PathBuf {
    let folder = |name: &str| {
        let (_, value) = environment.iter().find(|(known, _)| known == name)?;
        // systemd separates several folders by colons.
        let first = value.to_str()?.split(':').next()?;
        Some(PathBuf::from(first)).filter(|path| path.is_absolute())
    };
    let home = || Some(folder("HOME")?.join(".local/state"));
    let own = || folder("XDG_STATE_HOME").or_else(home).unwrap_or_else(|| "/var/lib".into()).join("wamedia");
    folder("STATE_DIRECTORY").unwrap_or_else(own)
}

impl Settings {
    /// Rejects folders for state that a mount would serve, where something is kept in them.
    pub(crate) fn reject_served_state(&self) -> Result<(), ConfigError> {
        let keeps_dates = self.mounts.iter().any(Mount::has_dates_of_content);
        let kept = [
            ("state", &self.state, keeps_dates),
            ("acme.state", &self.acme.state, !self.acme.domains.is_empty()),
        ];
        for (key, state, _) in kept.into_iter().filter(|(_, _, is_used)| *is_used) {
            let real_state = real(state);
            if let Some(mount) = self.mounts.iter().find(|mount| serves(mount, &real_state)) {
                let (state, store) = (state.clone(), mount.store.to_string());
                return Err(ConfigError::StateServed { key, state, store });
            }
        }
        Ok(())
    }
}

/// Whether what lies in the folder `state`, which has no links, is served. Nothing below a name with a leading dot is.
fn serves(mount: &Mount, state: &Path) -> bool {
    match &mount.store {
        Location::Folder(folder) => state.strip_prefix(real(folder)).is_ok_and(|rest| {
            !rest.components().any(|part| part.as_os_str().as_encoded_bytes().starts_with(b"."))
        }),
        Location::Bucket(_) => false,
    }
}

/// The path with symbolic links resolved, as far as it exists.
fn real(path: &Path) -> PathBuf {
    path.ancestors()
        .find_map(|there| Some(fs::canonicalize(there).ok()?.join(path.strip_prefix(there).ok()?)))
        .unwrap_or_else(|| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn default_state_folder_follows_the_environment() {
        for (environment, expected) in [
            (&[][..], "/var/lib/wamedia"),
            (&[("HOME", "/home/a")], "/home/a/.local/state/wamedia"),
            (&[("HOME", "/home/a"), ("XDG_STATE_HOME", "/x")], "/x/wamedia"),
            (&[("HOME", "relative"), ("XDG_STATE_HOME", "")], "/var/lib/wamedia"),
            (&[("STATE_DIRECTORY", "/var/lib/m:/var/lib/n"), ("HOME", "/home/a")], "/var/lib/m"),
        ] {
            let environment: Vec<_> = environment
                .iter()
                .map(|(name, value)| (OsString::from(name), OsString::from(value)))
                .collect();
            assert_eq!(default_state(&environment), Path::new(expected));
        }
    }
}
