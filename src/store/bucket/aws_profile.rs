//! AWS profiles in `~/.aws/credentials` and `~/.aws/config`: static keys, region and endpoint.
//!
//! The format is that of the AWS SDKs and Tools Reference Guide, "Shared config and credentials files". Ways to get
//! keys that need requests (single sign-on, assumed roles, processes) are rejected, and the error names another way.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

use crate::config::Environment;

/// The settings of a profile, by key.
#[derive(Default)]
pub(super) struct Profile {
    name: String,
    values: BTreeMap<String, String>,
}

/// Static keys. Those of a session have a token.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Keys<'a> {
    pub(super) id: &'a str,
    pub(super) secret: &'a str,
    pub(super) token: Option<&'a str>,
}

/// Keys of a profile that request credentials in ways that wamedia does not support.
const UNSUPPORTED_KEYS: [&str; 5] =
    ["sso_session", "sso_start_url", "role_arn", "credential_process", "login_session"];

impl Profile {
    /// The profile `named`, else the one that the environment names, else `default`. Only the last may be missing.
    pub(super) fn find(named: Option<&str>, environment: &Environment) -> Result<Self, String> {
        let requested = named
            .or_else(|| environment.get("AWS_PROFILE"))
            .or_else(|| environment.get("AWS_DEFAULT_PROFILE"));
        let name = requested.unwrap_or("default");
        let file = |variable: &str, usual: &str| {
            environment
                .get(variable)
                .map(PathBuf::from)
                .or_else(|| environment.get("HOME").map(|home| PathBuf::from(home).join(usual)))
        };
        let credentials = file("AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials");
        let config = file("AWS_CONFIG_FILE", ".aws/config");
        let mut profile = Self { name: name.to_owned(), values: BTreeMap::new() };
        let mut exists = false;
        // The credentials file takes precedence over the config file, so it is read last.
        let in_config = if name == "default" { name.to_owned() } else { format!("profile {name}") };
        for (path, section) in [(&config, &*in_config), (&credentials, name)] {
            let Some(path) = path else { continue };
            match std::fs::read_to_string(path) {
                Ok(text) => exists |= profile.take(&text, section),
                Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                Err(e) => {
                    return Err(format!("{} cannot be read: {e}; fix or remove the file", path.display()));
                }
            }
        }
        if !exists && requested.is_some() {
            let shown =
                |path: &Option<PathBuf>| path.as_ref().map_or_else(String::new, |p| p.display().to_string());
            return Err(format!(
                "there is no profile `{}` in {} or {}; name another, or add it",
                name.escape_debug(),
                shown(&credentials),
                shown(&config)
            ));
        }
        Ok(profile)
    }

    /// Adds the settings in a section of a file. Returns whether there is such a section.
    fn take(&mut self, text: &str, section: &str) -> bool {
        let (mut is_ours, mut exists) = (false, false);
        for line in text.lines() {
            // Indented lines belong to the setting above them: `s3 =` with nested settings.
            let is_indented = line.starts_with([' ', '\t']);
            let line = line.trim();
            if line.is_empty() || line.starts_with(['#', ';']) {
                continue;
            }
            if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.split(']').next()) {
                is_ours = name.split_whitespace().eq(section.split_whitespace());
                exists |= is_ours;
            } else if is_ours
                && !is_indented
                && let Some((key, value)) = line.split_once('=')
            {
                let value = value.split(" #").next().unwrap_or_default().trim();
                self.values.insert(key.trim().to_ascii_lowercase(), value.to_owned());
            }
        }
        exists
    }

    /// The value of a key, unless it is empty.
    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The keys; `None` if the profile has none.
    pub(super) fn keys(&self) -> Result<Option<Keys<'_>>, String> {
        let name = self.name.escape_debug();
        match (self.get("aws_access_key_id"), self.get("aws_secret_access_key")) {
            (Some(id), Some(secret)) => Ok(Some(Keys { id, secret, token: self.get("aws_session_token") })),
            (None, None) => match UNSUPPORTED_KEYS.into_iter().find(|key| self.get(key).is_some()) {
                None => Ok(None),
                Some(key) => Err(format!(
                    "the profile `{name}` gets its keys by {key}, which wamedia does not support; export them with the AWS \
                     tools before the start: eval \"$(aws configure export-credentials --profile {name} --format env)\""
                )),
            },
            (Some(_), None) => Err(format!("the profile `{name}` has no aws_secret_access_key; add it")),
            (None, Some(_)) => Err(format!("the profile `{name}` has no aws_access_key_id; add it")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CREDENTIALS: &str = "# a comment\n[default]\naws_access_key_id = ID\naws_secret_access_key=SECRET/+=\n\
        [ r2 ]\naws_access_key_id=R2\naws_secret_access_key=HUSH\naws_session_token=TOKEN\n[half]\naws_access_key_id=X\n";
    const CONFIG: &str = "[default]\nregion = eu-west-1 # near\ns3 =\n  addressing_style = path\n  region = nowhere\n\
        [profile  r2]\nregion=auto\nendpoint_url = https://r2.example\naws_access_key_id=OTHER\n\
        [profile sso]\nsso_session = work\n[r2]\nregion = wrong\n";

    fn profile(name: &str) -> Profile {
        let mut profile = Profile { name: name.to_owned(), values: BTreeMap::new() };
        let section = if name == "default" { name.to_owned() } else { format!("profile {name}") };
        profile.take(CONFIG, &section);
        profile.take(CREDENTIALS, name);
        profile
    }

    #[test]
    fn keys_region_and_endpoint_come_from_both_files() {
        let default = profile("default");
        assert_eq!(default.keys(), Ok(Some(Keys { id: "ID", secret: "SECRET/+=", token: None })));
        assert_eq!(default.get("region"), Some("eu-west-1"), "an indented line belongs to another setting");
        let r2 = profile("r2");
        let expected = Keys { id: "R2", secret: "HUSH", token: Some("TOKEN") };
        assert_eq!(r2.keys(), Ok(Some(expected)), "the credentials file takes precedence");
        assert_eq!((r2.get("region"), r2.get("endpoint_url")), (Some("auto"), Some("https://r2.example")));
        assert_eq!(profile("missing").keys(), Ok(None));
    }

    #[test]
    fn an_unusable_profile_is_an_error_with_a_fix() {
        let error = profile("sso").keys().expect_err("single sign-on");
        assert!(error.contains("export-credentials --profile sso"), "{error}");
        let error = profile("half").keys().expect_err("half a key");
        assert!(error.contains("`half` has no aws_secret_access_key"), "{error}");
    }
}
