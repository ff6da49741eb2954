//! AWS profiles in `~/.aws/credentials` and `~/.aws/config`: keys, a web identity, and settings of services.
//!
//! The format is that of the AWS SDKs and Tools Reference Guide, "Shared config and credentials files" and
//! "Service-specific endpoints". Ways to get keys that need other requests (single sign-on, roles assumed with other
//! keys, processes) are rejected, and the error names another way. What the settings mean for requests is decided in
//! [`aws_settings`](super::aws_settings).

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use crate::config::Environment;

/// The settings of a profile.
pub(super) struct Profile {
    name: String,
    section: Section,
    /// The `[services …]` section that the profile names, or why there is none.
    services: Result<Section, String>,
}

/// The settings in a section of a file.
#[derive(Default)]
struct Section {
    values: BTreeMap<String, String>,
    /// The indented settings below another, by both keys.
    nested: BTreeMap<(String, String), String>,
}

/// How a profile gets its keys.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Keys<'a> {
    /// Static keys. Those of a session have a token.
    Static { id: &'a str, secret: &'a str, token: Option<&'a str> },
    /// A role that is assumed with a token in a file.
    WebIdentity { file: &'a str, role: &'a str, session: Option<&'a str> },
}

/// Keys of a profile that request credentials in ways that wamedia does not support.
const UNSUPPORTED_KEYS: [&str; 6] = [
    "sso_session",
    "sso_start_url",
    "sso_account_id",
    "credential_process",
    "credential_source",
    "login_session",
];

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
        let read = |path: &Option<PathBuf>| path.as_deref().map_or_else(|| Ok(String::new()), read_if_exists);
        let (profile, exists) = Self::parse(name, &read(&config)?, &read(&credentials)?);
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

    /// The profile `name` in the texts of both files, and whether there is one.
    fn parse(name: &str, config: &str, credentials: &str) -> (Self, bool) {
        let (mut section, mut services) = (Section::default(), Section::default());
        let mut missing = None;
        // In the config file, `[profile default]` takes precedence over `[default]`, which is then ignored.
        let mut exists = section.take(config, &format!("profile {name}"));
        if !exists && name == "default" {
            exists = section.take(config, name);
        }
        // The credentials file takes precedence over the config file, so it is read last.
        exists |= section.take(credentials, name);
        if let Some(named) = section.get("services")
            && !services.take(config, &format!("services {named}"))
        {
            missing = Some(format!(
                "the profile `{}` has services = {named}, but the config file has no section [services {named}]; add it, or \
                 remove the line",
                name.escape_debug()
            ));
        }
        let services = missing.map_or(Ok(services), Err);
        (Self { name: name.to_owned(), section, services }, exists)
    }

    /// Its name, for messages.
    pub(super) fn name(&self) -> String {
        self.name.escape_debug().to_string()
    }

    /// The value of a key, unless it is empty.
    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.section.get(key)
    }

    /// The value of a key that is nested below another: `s3 =` with `addressing_style = path`.
    pub(super) fn nested(&self, parent: &str, key: &str) -> Option<&str> {
        self.section.nested(parent, key)
    }

    /// The value of a key of a service in the `[services …]` section of the profile. Fails if the profile names a
    /// section that does not exist.
    pub(super) fn of_service(&self, service: &str, key: &str) -> Result<Option<&str>, String> {
        Ok(self.services.as_ref().map_err(Clone::clone)?.nested(service, key))
    }

    /// How it gets its keys; `None` if it has none.
    pub(super) fn keys(&self) -> Result<Option<Keys<'_>>, String> {
        let name = self.name();
        let unsupported = |key: &str| {
            Err(format!(
                "the profile `{name}` gets its keys by {key}, which wamedia does not support; export them with the AWS \
                 tools before the start: eval \"$(aws configure export-credentials --profile {name} --format env)\""
            ))
        };
        // As in the AWS tools, a role takes precedence over keys in the same profile, which may be there to assume it.
        match (self.get("role_arn"), self.get("web_identity_token_file")) {
            (Some(role), Some(file)) => {
                return Ok(Some(Keys::WebIdentity { file, role, session: self.get("role_session_name") }));
            }
            (Some(_), None) => return unsupported("role_arn"),
            (None, Some(_)) => {
                return Err(format!(
                    "the profile `{name}` has a web_identity_token_file, but no role_arn; add it"
                ));
            }
            (None, None) => {}
        }
        match (self.get("aws_access_key_id"), self.get("aws_secret_access_key")) {
            (Some(id), Some(secret)) => {
                Ok(Some(Keys::Static { id, secret, token: self.get("aws_session_token") }))
            }
            (None, None) => match UNSUPPORTED_KEYS.into_iter().find(|key| self.get(key).is_some()) {
                None => Ok(None),
                Some(key) => unsupported(key),
            },
            (Some(_), None) => Err(format!("the profile `{name}` has no aws_secret_access_key; add it")),
            (None, Some(_)) => Err(format!("the profile `{name}` has no aws_access_key_id; add it")),
        }
    }
}

/// The text of a file, which may be missing.
fn read_if_exists(path: &Path) -> Result<String, String> {
    match std::fs::read_to_string(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        read => read.map_err(|e| format!("{} cannot be read: {e}; fix or remove the file", path.display())),
    }
}

impl Section {
    /// Adds the settings in a section of a file. Returns whether there is such a section.
    fn take(&mut self, text: &str, section: &str) -> bool {
        let (mut is_ours, mut exists) = (false, false);
        // The last setting without indentation, if it has no value of its own: indented lines belong to it.
        let mut parent: Option<String> = None;
        for line in text.lines() {
            let is_indented = line.starts_with([' ', '\t']);
            let line = line.trim();
            if line.is_empty() || line.starts_with(['#', ';']) {
                continue;
            }
            if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.split(']').next()) {
                is_ours = name.split_whitespace().eq(section.split_whitespace());
                exists |= is_ours;
                parent = None;
            } else if is_ours && let Some((key, value)) = line.split_once('=') {
                let value = without_comment(value);
                let key = key.trim().to_ascii_lowercase();
                if !is_indented {
                    parent = value.is_empty().then(|| key.clone());
                    self.values.insert(key, value.to_owned());
                } else if let Some(parent) = &parent {
                    self.nested.insert((parent.clone(), key), value.to_owned());
                }
            }
        }
        exists
    }

    fn get(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(String::as_str).filter(|value| !value.is_empty())
    }

    fn nested(&self, parent: &str, key: &str) -> Option<&str> {
        let value = self.nested.get(&(parent.to_owned(), key.to_owned()));
        value.map(String::as_str).filter(|value| !value.is_empty())
    }
}

/// The value without a comment, which begins with `#` or `;` after white space.
fn without_comment(value: &str) -> &str {
    let is_start =
        |(at, mark): &(usize, &str)| matches!(*mark, "#" | ";") && value[..*at].ends_with([' ', '\t']);
    let end = value.match_indices(['#', ';']).find(is_start).map_or(value.len(), |(at, _)| at);
    value[..end].trim()
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
        Profile::parse(name, CONFIG, CREDENTIALS).0
    }

    #[test]
    fn keys_region_and_endpoint_come_from_both_files() {
        let default = profile("default");
        assert_eq!(default.keys(), Ok(Some(Keys::Static { id: "ID", secret: "SECRET/+=", token: None })));
        assert_eq!(default.get("region"), Some("eu-west-1"), "an indented line belongs to another setting");
        let r2 = profile("r2");
        let expected = Keys::Static { id: "R2", secret: "HUSH", token: Some("TOKEN") };
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

    #[test]
    fn a_services_section_and_nested_settings_are_read() {
        let config = "[profile dev]\nservices = local\ns3 =\n  addressing_style = virtual ; a comment\nregion = x\n  ignored = y\n\
            [services local]\ndynamodb =\n  endpoint_url = http://other\ns3 = \n\tendpoint_url = http://127.0.0.1:9000\n\
            [services elsewhere]\ns3 =\n  endpoint_url = http://elsewhere\n";
        let (profile, exists) = Profile::parse("dev", config, "");
        assert!(exists);
        assert_eq!(profile.of_service("s3", "endpoint_url"), Ok(Some("http://127.0.0.1:9000")));
        assert_eq!(profile.nested("s3", "addressing_style"), Some("virtual"));
        assert_eq!((profile.get("region"), profile.get("ignored")), (Some("x"), None));
        let (profile, _) = Profile::parse("dev", "[profile dev]\nservices = lost\n", "");
        let error = profile.of_service("s3", "endpoint_url").expect_err("no section");
        assert!(error.contains("no section [services lost]"), "{error}");
    }

    #[test]
    fn profile_default_takes_precedence_over_default() {
        let config = "[default]\nregion = one\nendpoint_url = http://one\n[profile default]\nregion = two\n";
        let (profile, _) = Profile::parse("default", config, "");
        assert_eq!((profile.get("region"), profile.get("endpoint_url")), (Some("two"), None));
    }

    #[test]
    fn a_role_takes_precedence_over_keys() {
        let web = "[profile a]\nrole_arn = arn:r\nweb_identity_token_file = /t\n";
        let keys = "[a]\naws_access_key_id = ID\naws_secret_access_key = HUSH\n";
        let (profile, _) = Profile::parse("a", web, keys);
        let expected = Keys::WebIdentity { file: "/t", role: "arn:r", session: None };
        assert_eq!(profile.keys(), Ok(Some(expected)));
        for (key, config) in [
            ("role_arn", "[profile a]\nrole_arn = arn:r\nsource_profile = b\n"),
            ("role_arn", "[profile a]\nrole_arn = arn:r\ncredential_source = Environment\n"),
        ] {
            for credentials in ["", keys] {
                let (profile, _) = Profile::parse("a", config, credentials);
                let error = profile.keys().expect_err("not supported");
                assert!(error.contains(key) && error.contains("export-credentials"), "{error}");
            }
        }
        for key in ["credential_process", "sso_session", "sso_start_url", "login_session"] {
            let (profile, _) = Profile::parse("a", &format!("[profile a]\n{key} = x\n"), "");
            assert!(profile.keys().expect_err("not supported").contains(key));
        }
    }
}
