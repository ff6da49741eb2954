//! Environment variables: one for every key of [`KEYS`], two for `--config` and STORE, and one for the signing keys.
//!
//! Only this file knows the names of variables. It reads the variables that it is given, not the process's own, so that tests can
//! set them.

use std::ffi::OsString;
use std::path::PathBuf;

use super::raw::{Field, Value};
use super::service_links::ServiceLinks;
use super::settings_table::{KEYS, Key};
use super::state::default_state;
use super::{ConfigError, Environment, Place};
use crate::suggest::nearest;

const PREFIX: &str = "WAMEDIA_";
const CONFIG: &str = "WAMEDIA_CONFIG";
pub(super) const STORE: &str = "WAMEDIA_STORE";
const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";
/// The signing keys themselves, which no configuration file holds.
pub(super) const SIGNING_KEYS: &str = "WAMEDIA_SIGNING_KEYS";

/// The settings from environment variables.
#[derive(Default)]
pub(super) struct Variables {
    /// The configuration file to read.
    pub(super) config: Option<PathBuf>,
    /// The store to serve instead of the mounts.
    pub(super) store: Option<Field>,
    /// The signing keys, in the format of a key file.
    pub(super) signing_keys: Option<String>,
    pub(super) given: Vec<(&'static Key, Field)>,
    /// The providers' own variables for buckets.
    pub(super) buckets: Environment,
    /// The default folder for state.
    pub(super) state: PathBuf,
    /// The folder where systemd passes credentials (systemd.exec(5), `LoadCredential=`).
    pub(super) credentials: Option<PathBuf>,
}

/// `memory.cache` → `WAMEDIA_MEMORY_CACHE`
pub(super) fn variable(key: &str) -> String {
    format!("{PREFIX}{}", key.replace('.', "_").to_ascii_uppercase())
}

/// Reads the variables that begin with `WAMEDIA_`, and those about buckets.
pub(super) fn read(
    environment: impl Iterator<Item = (OsString, OsString)>,
) -> Result<Variables, ConfigError> {
    let all: Vec<_> = environment.collect();
    let buckets = Environment::of(&all);
    let state = default_state(&all);
    let credentials =
        all.iter().find(|(name, _)| name == CREDENTIALS).map(|(_, folder)| PathBuf::from(folder));
    let mut ours: Vec<_> = all
        .into_iter()
        .map(|(name, value)| (name.to_string_lossy().into_owned(), value))
        .filter(|(name, _)| name.starts_with(PREFIX))
        .collect();
    // An environment has no order; sorted, the same one of two mistakes is reported each time.
    ours.sort();
    let links = ServiceLinks::among(&ours);
    let mut variables = Variables { buckets, state, credentials, ..Variables::default() };
    for (name, value) in ours.clone() {
        if name == CONFIG {
            let path = PathBuf::from(value);
            if path.as_os_str().is_empty() {
                return Err(refuse(CONFIG, "config", "is empty; set a value, or unset it"));
            }
            variables.config = Some(path);
        } else if name == STORE {
            variables.store = Some(field("mount.store", name, value)?);
        } else if name == SIGNING_KEYS {
            let text = value.into_string();
            let text =
                text.map_err(|_| refuse(SIGNING_KEYS, "signing", "is not UTF-8; write it in UTF-8"))?;
            variables.signing_keys = Some(text);
        } else if let Some(key) = KEYS.iter().find(|key| variable(key.name) == name) {
            variables.given.push((key, field(key.name, name, value)?));
        } else if !links.have(&name) {
            let fix = fix(&name);
            return Err(ConfigError::UnknownVariable { name: name.escape_debug().to_string(), fix });
        }
    }
    Ok(variables)
}

fn field(key: &str, name: String, value: OsString) -> Result<Field, ConfigError> {
    match value.into_string() {
        Ok(text) => Ok(Field { key: key.to_owned(), value: Value::One(text), place: Place::Variable(name) }),
        Err(_) => Err(refuse(&name, key, "is not UTF-8; write it in UTF-8")),
    }
}

fn refuse(name: &str, key: &str, reason: &str) -> ConfigError {
    ConfigError::Value {
        key: key.to_owned(),
        place: Place::Variable(name.to_owned()),
        reason: reason.to_owned(),
    }
}

fn fix(name: &str) -> String {
    // The only flag whose name differs from its key.
    if name == "WAMEDIA_CACHE_CONTROL" {
        return format!("did you mean {}?", variable("cache.default"));
    }
    let known: Vec<_> = [CONFIG, STORE]
        .map(str::to_owned)
        .into_iter()
        .chain(KEYS.iter().map(|key| variable(key.name)))
        .chain([SIGNING_KEYS.to_owned()])
        .collect();
    // All have the same prefix, so only the rest is compared.
    let rests = known.iter().filter_map(|known| known.strip_prefix(PREFIX));
    match nearest(name.strip_prefix(PREFIX).unwrap_or_default(), rests) {
        Some(rest) => format!("did you mean {PREFIX}{rest}?"),
        None => format!("the known variables are {}", known.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(variables: &[(&str, &str)]) -> Result<Variables, ConfigError> {
        read(variables.iter().map(|(name, value)| (OsString::from(name), OsString::from(value))))
    }

    #[test]
    fn every_key_has_a_variable_of_its_own() {
        let mut names: Vec<_> = KEYS.iter().map(|key| variable(key.name)).collect();
        assert!(names.contains(&"WAMEDIA_LIMITS_HEAD_SIZE".to_owned()));
        names.extend([CONFIG, STORE, SIGNING_KEYS].map(str::to_owned));
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn only_wamedia_variables_are_read() {
        let variables = read_all(&[
            ("PATH", "/bin"),
            ("WAMEDIA_THREADS", "3"),
            ("WAMEDIA_CONFIG", "/etc/wamedia.toml"),
            ("WAMEDIA_STORE", "media"),
            ("XWAMEDIA_THREADS", "4"),
            ("WAMEDIA_SERVICE_HOST", "10.0.0.7"),
            ("WAMEDIA_SERVICE_PORT", "80"),
            ("WAMEDIA_SERVICE_PORT_HTTP", "80"),
            ("WAMEDIA_PORT", "tcp://10.0.0.7:80"),
            ("WAMEDIA_PORT_80_TCP_ADDR", "10.0.0.7"),
        ])
        .unwrap();
        assert_eq!(variables.config, Some(PathBuf::from("/etc/wamedia.toml")));
        assert_eq!(variables.store.unwrap().value, Value::One("media".to_owned()));
        let given: Vec<_> = variables.given.iter().map(|(key, field)| (key.name, &field.value)).collect();
        assert_eq!(given, [("threads", &Value::One("3".to_owned()))]);
    }

    #[test]
    fn unknown_variables_are_rejected_with_the_nearest() {
        for (name, part) in [
            ("WAMEDIA_LISTN", "did you mean WAMEDIA_LISTEN?"),
            ("WAMEDIA_CACHE_CONTROL", "did you mean WAMEDIA_CACHE_DEFAULT?"),
            ("WAMEDIA_LIMITS_HEADTIMEOUT", "did you mean WAMEDIA_LIMITS_HEAD_TIMEOUT?"),
            ("WAMEDIA_XYZZY", "the known variables are WAMEDIA_CONFIG, WAMEDIA_STORE, WAMEDIA_LISTEN"),
            ("WAMEDIA_PORT", "unknown variable WAMEDIA_PORT"),
            ("WAMEDIA_ADMIN_PORT", "did you mean WAMEDIA_ADMIN_LISTEN?"),
            ("WAMEDIA_SERVICE_PORT", "unknown variable WAMEDIA_SERVICE_PORT"),
            ("WAMEDIA_", "unknown variable WAMEDIA_ "),
        ] {
            let message = read_all(&[(name, "8080")]).err().expect(name).to_string();
            assert!(message.contains(part), "{message}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn values_must_be_utf_8_but_a_path_need_not() {
        use std::os::unix::ffi::OsStringExt;

        let bytes = || OsString::from_vec(vec![b'/', 0xff]);
        let message = read([("WAMEDIA_LISTEN".into(), bytes())].into_iter()).err().unwrap().to_string();
        assert!(message.contains("the variable WAMEDIA_LISTEN: is not UTF-8"), "{message}");
        let variables = read([("WAMEDIA_CONFIG".into(), bytes())].into_iter()).unwrap();
        assert_eq!(variables.config, Some(PathBuf::from(bytes())));
    }
}
