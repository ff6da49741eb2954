//! The environment: every key of [`KEYS`] as a variable, the two that stand for the flags `--config` and STORE, and the keys of
//! signed links.
//!
//! This is the only file that knows how variables are named. It reads what it is handed, not the process's own
//! environment, so that tests can say what stands there.

use std::ffi::OsString;
use std::path::PathBuf;

use super::acme::default_state;
use super::raw::{Field, Value};
use super::settings_table::{KEYS, Key};
use super::{ConfigError, Environment, Place};
use crate::suggest::nearest;

const PREFIX: &str = "WAMEDIA_";
const CONFIG: &str = "WAMEDIA_CONFIG";
const STORE: &str = "WAMEDIA_STORE";
const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";
/// The keys of signed links themselves, which stand in no configuration file.
pub(super) const SIGNING_KEYS: &str = "WAMEDIA_SIGNING_KEYS";

/// What the environment says of us.
#[derive(Default)]
pub(super) struct Variables {
    /// The configuration file to read.
    pub(super) config: Option<PathBuf>,
    /// The one store to serve.
    pub(super) store: Option<Field>,
    /// The keys of signed links, as in a key file.
    pub(super) signing_keys: Option<String>,
    pub(super) given: Vec<(&'static Key, Field)>,
    /// What others are told of buckets, and we are, too.
    pub(super) buckets: Environment,
    /// Where state is kept, as long as no setting says so.
    pub(super) state: PathBuf,
    /// Where the service manager hands over credentials (systemd.exec(5), `LoadCredential=`).
    pub(super) credentials: Option<PathBuf>,
}

/// `memory.cache` → `WAMEDIA_MEMORY_CACHE`
pub(super) fn variable(key: &str) -> String {
    format!("{PREFIX}{}", key.replace('.', "_").to_ascii_uppercase())
}

/// Takes what begins with `WAMEDIA_` out of an environment, and what is about buckets.
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
        .filter(|(name, value)| name.starts_with(PREFIX) && !is_kubernetes(name, value))
        .collect();
    // An environment has no order, but of two mistakes the same one should be told each time.
    ours.sort();
    let mut variables = Variables { buckets, state, credentials, ..Variables::default() };
    for (name, value) in ours {
        if name == CONFIG {
            let path = PathBuf::from(value);
            if path.as_os_str().is_empty() {
                return Err(refuse(CONFIG, "config", "is empty; give it a value, or leave it out"));
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
        } else {
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
    // The one flag whose name is not its key's.
    if name == "WAMEDIA_CACHE_CONTROL" {
        return format!("did you mean {}?", variable("cache.default"));
    }
    let known: Vec<_> = [CONFIG, STORE]
        .map(str::to_owned)
        .into_iter()
        .chain(KEYS.iter().map(|key| variable(key.name)))
        .chain([SIGNING_KEYS.to_owned()])
        .collect();
    // All begin alike, so only the rest can tell how near they are.
    let rests = known.iter().filter_map(|known| known.strip_prefix(PREFIX));
    match nearest(name.strip_prefix(PREFIX).unwrap_or_default(), rests) {
        Some(rest) => format!("did you mean {PREFIX}{rest}?"),
        None => format!("the known ones are {}", known.join(", ")),
    }
}

/// Whether Kubernetes set this variable. Every container gets some for each service of its namespace, and a service
/// that is called `wamedia` gives them names like ours (Kubernetes documentation, "Accessing the Service",
/// environment variables: `…_SERVICE_HOST`, `…_SERVICE_PORT`, and the `…_PORT` family of Docker links).
fn is_kubernetes(name: &str, value: &OsString) -> bool {
    let rest = name.strip_prefix(PREFIX).unwrap_or_default();
    let is_address =
        || ["tcp://", "udp://", "sctp://"].iter().any(|scheme| value.to_string_lossy().starts_with(scheme));
    rest == "SERVICE_HOST"
        || rest == "SERVICE_PORT"
        || rest.starts_with("SERVICE_PORT_")
        || rest.starts_with("PORT_")
        || (rest == "PORT" && is_address())
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
    fn only_ours_are_taken() {
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
    fn unknown_variables_are_refused_with_the_nearest() {
        for (name, part) in [
            ("WAMEDIA_LISTN", "did you mean WAMEDIA_LISTEN?"),
            ("WAMEDIA_CACHE_CONTROL", "did you mean WAMEDIA_CACHE_DEFAULT?"),
            ("WAMEDIA_LIMITS_HEADTIMEOUT", "did you mean WAMEDIA_LIMITS_HEAD_TIMEOUT?"),
            ("WAMEDIA_XYZZY", "the known ones are WAMEDIA_CONFIG, WAMEDIA_STORE, WAMEDIA_LISTEN"),
            ("WAMEDIA_PORT", "unknown variable WAMEDIA_PORT"),
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
