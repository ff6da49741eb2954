//! Doors: below which paths a client has to show credentials, and which.
//!
//! WhatsApp's On-Premises API can be told of a media provider, whose user or token it sends with each request for a link that
//! names it (`/v1/settings/application/media/providers`). How credentials are read and compared is `http`'s.

use super::ConfigError;
use super::mount::{Mount, mount_path};
use super::raw::Entry;
use crate::asset::AssetPath;
use crate::http::{AuthScheme, Credentials};

/// A path below which nothing is had without credentials.
///
/// Of several doors before an asset, the one with the longest path counts alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Auth {
    /// The path, decoded, without slashes at its ends; `""` is the root.
    pub path: String,
    /// Who gets in: at least one. Several of them let a credential be replaced while the old one still counts.
    pub credentials: Credentials,
}

impl Auth {
    /// The one of `doors` that counts before the asset at `path`, if any does.
    pub fn before<'d>(doors: &'d [Self], path: &AssetPath) -> Option<&'d Self> {
        let before = doors.iter().filter(|door| door.is_before(path));
        before.max_by_key(|door| door.path.len())
    }

    /// Whether the asset at `path` lies behind it: below its path, or at it.
    pub fn is_before(&self, path: &AssetPath) -> bool {
        path.as_str() == self.path || path.below(&self.path).is_some()
    }

    /// Its path as it stands in a URL, which also names what the credentials are for (RFC 9110 section 11.5).
    pub fn url_path(&self) -> String {
        AssetPath::from_plain(&self.path).map_or_else(|_| "/".to_owned(), |path| path.to_url_path())
    }
}

/// The doors of the configuration file. One that no mount has an asset behind is refused.
pub(super) fn read(entries: &[Entry], mounts: &[Mount]) -> Result<Vec<Auth>, ConfigError> {
    let mut doors: Vec<Auth> = Vec::with_capacity(entries.len());
    for entry in entries {
        let field = entry.required("path", "path = \"/partner\"")?;
        let path = field.read(|value| mount_path(value.one()?))?;
        if let Some(earlier) = doors.iter().position(|door| door.path == path) {
            let earlier = &entries[earlier].place;
            return field.read(|_| {
                Err(format!(
                    "`/{path}` has a door already, in {earlier}; put all credentials into one of them"
                ))
            });
        }
        let meets = |mount: &Mount| lies_at(&path, &mount.path) || lies_at(&mount.path, &path);
        if !mounts.iter().any(meets) {
            return field.read(|_| {
                Err(format!("no mount lies at `/{path}`, above it or below it, so the door is before nothing; mend the path"))
            });
        }
        doors.push(Auth { path, credentials: credentials(entry)? });
    }
    Ok(doors)
}

fn credentials(entry: &Entry) -> Result<Credentials, ConfigError> {
    let mut credentials = Credentials::default();
    for (key, scheme) in [("basic", AuthScheme::Basic), ("bearer", AuthScheme::Bearer)] {
        let Some(field) = entry.field(key) else { continue };
        field.read(|value| {
            let items = value.items()?;
            if items.is_empty() {
                return Err("is an empty list; write a credential, or leave it out".to_owned());
            }
            // Not told by its text, which may be a secret.
            items.iter().enumerate().try_for_each(|(index, text)| {
                credentials.add(scheme, text).map_err(|reason| format!("number {} {reason}", index + 1))
            })
        })?;
    }
    if credentials == Credentials::default() {
        let example = "basic = \"USER:sha256:HEX\" or bearer = \"sha256:HEX\", with the SHA-256 of the password or the token";
        entry.required("basic", example)?;
    }
    Ok(credentials)
}

/// Whether one path of a mount or a door lies at or below another.
fn lies_at(path: &str, folder: &str) -> bool {
    folder.is_empty()
        || path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_door_is_before_its_path_and_all_that_is_below() {
        let door = |path: &str| Auth { path: path.to_owned(), credentials: Credentials::default() };
        for (path, asset, is_before) in [
            ("partner", "partner/a.jpg", true),
            ("partner", "partner/a/b.jpg", true),
            ("partner", "partner", true),
            ("partner", "partners/a.jpg", false),
            ("partner", "Partner/a.jpg", false),
            ("partner", "a/partner/a.jpg", false),
            ("a b/c", "a b/c/d", true),
            ("", "a.jpg", true),
        ] {
            let asset = AssetPath::from_plain(asset).expect("a path");
            assert_eq!(door(path).is_before(&asset), is_before, "{path} {asset}");
        }
        for (path, url) in [("", "/"), ("a b/\"c\"", "/a%20b/%22c%22"), ("m\u{e4}rz", "/m%C3%A4rz")] {
            assert_eq!(door(path).url_path(), url);
        }
    }
}
