//! Credentials on a path prefix (`[[auth]]`): HTTP Basic or Bearer authentication below a path.
//!
//! WhatsApp's On-Premises API can be configured with a media provider, and sends that provider's user or token with each
//! request for a link that names it (`/v1/settings/application/media/providers`). The module `http` reads and compares
//! credentials.

use super::ConfigError;
use super::mount::{Mount, mount_path};
use super::raw::Entry;
use crate::asset::AssetPath;
use crate::http::{AuthScheme, Credentials};

/// A path below which every request needs credentials.
///
/// Where several cover an asset, only the one with the longest path counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Auth {
    /// The path, decoded, without slashes at its ends; `""` is the root.
    pub path: String,
    /// The accepted credentials: at least one. With several, a credential can be replaced while the old one still works.
    pub credentials: Credentials,
}

impl Auth {
    /// The entry of `all` that counts for the asset at `path`, if any does.
    pub fn covering<'a>(all: &'a [Self], path: &AssetPath) -> Option<&'a Self> {
        let covering = all.iter().filter(|auth| auth.covers(path));
        covering.max_by_key(|auth| auth.path.len())
    }

    /// Whether the asset at `path` needs these credentials: its path is this path or below it.
    pub fn covers(&self, path: &AssetPath) -> bool {
        path.as_str() == self.path || path.below(&self.path).is_some()
    }

    /// The path as in a URL, which is also the realm of the credentials (RFC 9110 section 11.5).
    pub fn url_path(&self) -> String {
        AssetPath::from_plain(&self.path).map_or_else(|_| "/".to_owned(), |path| path.to_url_path())
    }
}

/// The `[[auth]]` tables of the configuration file. A path at which no mount can have an asset is an error.
pub(super) fn read(entries: &[Entry], mounts: &[Mount]) -> Result<Vec<Auth>, ConfigError> {
    let mut all: Vec<Auth> = Vec::with_capacity(entries.len());
    for entry in entries {
        let field = entry.required("path", "path = \"/partner\"")?;
        let path = field.read(|value| mount_path(value.one()?))?;
        if let Some(earlier) = all.iter().position(|auth| auth.path == path) {
            let earlier = &entries[earlier].place;
            return field.read(|_| {
                Err(format!(
                    "`/{path}` already has an [[auth]] table, in {earlier}; put all credentials into one of them"
                ))
            });
        }
        let meets = |mount: &Mount| lies_at(&path, &mount.path) || lies_at(&mount.path, &path);
        if !mounts.iter().any(meets) {
            return field.read(|_| {
                Err(format!("no mount is at `/{path}`, above it or below it, so these credentials would protect nothing; correct the path"))
            });
        }
        all.push(Auth { path, credentials: credentials(entry)? });
    }
    Ok(all)
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
            // By its number: the text may be a secret.
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

/// Whether one path of a mount or an `[[auth]]` table is at or below another.
fn lies_at(path: &str, folder: &str) -> bool {
    folder.is_empty()
        || path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_cover_their_path_and_everything_below() {
        let auth = |path: &str| Auth { path: path.to_owned(), credentials: Credentials::default() };
        for (path, asset, is_covered) in [
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
            assert_eq!(auth(path).covers(&asset), is_covered, "{path} {asset}");
        }
        for (path, url) in [("", "/"), ("a b/\"c\"", "/a%20b/%22c%22"), ("m\u{e4}rz", "/m%C3%A4rz")] {
            assert_eq!(auth(path).url_path(), url);
        }
    }
}
