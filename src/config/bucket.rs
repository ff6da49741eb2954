//! Bucket settings: service, name, prefix, endpoint, credentials, and the environment variables of the provider.
//!
//! Validates without any request. The stores find out whether the bucket exists and grants access.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use hyper::Uri;

use super::ConfigError;
use super::raw::{Entry, Value};
use super::values::{WEEK, duration_within};
use crate::asset::AssetPath;
use crate::suggest::nearest;

/// A bucket whose objects are served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bucket {
    /// The service that stores it.
    pub service: Service,
    /// Its name; for Azure, the container's.
    pub name: String,
    /// Key prefix of all assets, without slashes at its ends; `""` serves the whole bucket.
    pub prefix: String,
    /// The URL of the service, instead of the provider's: `http://` or `https://`, host, and perhaps a port and a path.
    pub endpoint: Option<String>,
    /// The region of an S3 bucket, instead of the one in the environment.
    pub region: Option<String>,
    /// Where requests to S3 name the bucket.
    pub addressing: Addressing,
    /// The source of credentials.
    pub credentials: Credentials,
    /// How long cached assets are served while the bucket is unreachable (stale-if-error, RFC 5861): 0 to 7 days. Default 1 h.
    pub stale_if_error: Duration,
    /// The environment variables of the service and its tools.
    pub environment: Environment,
}

/// The supported object stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// Amazon S3 and compatible services: R2, `MinIO`, Ceph, `SeaweedFS` and others.
    S3,
    /// Google Cloud Storage.
    Gcs,
    /// Azure Blob Storage.
    Azure,
}

/// Where requests to S3 name the bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Addressing {
    /// As the environment sets it (`AWS_VIRTUAL_HOSTED_STYLE_REQUEST`); in the path where it is unset.
    Usual,
    /// First in the path: `https://s3.example.com/media/banner.jpg`.
    Path,
    /// First in the host: `https://media.s3.example.com/banner.jpg`.
    VirtualHost,
}

/// The source of credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credentials {
    /// The environment, the shared files and the machine's identity, in the order of the provider's own tools.
    Usual,
    /// None: for public buckets.
    Anonymous,
    /// This profile in the shared files of AWS.
    Profile(String),
}

/// Environment variables. Some are secret, so their values are never printed.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Environment(Arc<[(String, String)]>);

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

/// Prefixes of the variables of the providers' tools.
const PREFIXES: [&str; 3] = ["AWS_", "GOOGLE_", "AZURE_"];
/// Variables without such a prefix: the home of the shared files, a service account, Azure's managed identity, and proxies.
const OTHERS: [&str; 11] = [
    "HOME",
    "SERVICE_ACCOUNT",
    "IDENTITY_ENDPOINT",
    "HTTPS_PROXY",
    "https_proxy",
    "HTTP_PROXY",
    "http_proxy",
    "ALL_PROXY",
    "all_proxy",
    "NO_PROXY",
    "no_proxy",
];

impl Environment {
    /// The variables about object stores. Values that are not UTF-8 are ignored, as the tools do.
    pub(super) fn of(variables: &[(OsString, OsString)]) -> Self {
        let text = |text: &OsStr| text.to_str().map(str::to_owned);
        let mut ours: Vec<_> = variables
            .iter()
            .filter_map(|(name, value)| Some((text(name)?, text(value)?)))
            .filter(|(name, _)| {
                PREFIXES.iter().any(|prefix| name.starts_with(prefix)) || OTHERS.contains(&name.as_str())
            })
            .collect();
        ours.sort();
        Self(ours.into())
    }

    /// The value of a variable that is set and not empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// All variables that are set and not empty.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .filter(|(_, value)| !value.is_empty())
    }
}

impl Service {
    const ALL: [Self; 3] = [Self::S3, Self::Gcs, Self::Azure];

    /// The scheme of its URLs.
    pub const fn scheme(self) -> &'static str {
        match self {
            Self::S3 => "s3",
            Self::Gcs => "gs",
            Self::Azure => "az",
        }
    }
}

/// The URL that names it: `s3://media/campaign`.
impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.service.scheme(), self.name)?;
        if self.prefix.is_empty() { Ok(()) } else { write!(f, "/{}", self.prefix) }
    }
}

impl Bucket {
    /// Default of `fresh`: how long the metadata of an object is used before the bucket is asked again.
    pub const DEFAULT_FRESH: Duration = Duration::from_secs(5);
    /// Default of `stale_if_error`.
    pub const DEFAULT_STALE_IF_ERROR: Duration = Duration::from_hours(1);

    /// Parses a URL such as `s3://media/campaign`.
    pub(super) fn parse(url: &str, environment: Environment) -> Result<Self, String> {
        let shown = without_secrets(url);
        let (scheme, rest) = url.split_once("://").unwrap_or((url, ""));
        let Some(service) = Service::ALL.into_iter().find(|service| service.scheme() == scheme) else {
            return Err(unknown_scheme(url, scheme));
        };
        if rest.contains(['?', '#', '@']) {
            return Err(format!(
                "`{shown}` has more than a bucket and a prefix; write a URL such as \"{scheme}://bucket/prefix\", and put \
                 the rest into the keys of its [[mount]] or into the environment"
            ));
        }
        let (name, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"-._".contains(&b);
        if name.is_empty() || !name.bytes().all(is_plain) {
            return Err(format!(
                "`{shown}` names no bucket; write a URL such as \"{scheme}://bucket/prefix\", with letters, digits, dots and \
                 hyphens in the bucket's name"
            ));
        }
        let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
        if !prefix.is_empty() && !AssetPath::from_plain(prefix).is_ok_and(|path| path.as_str() == prefix) {
            return Err(format!(
                "`{shown}` has a prefix that no asset can have: its segments must not be empty, begin with a dot, or \
                 have a backslash or a control character; write a URL such as \"{scheme}://bucket/prefix\", not \
                 percent-encoded"
            ));
        }
        Ok(Self {
            service,
            name: name.to_owned(),
            prefix: prefix.to_owned(),
            endpoint: None,
            region: None,
            addressing: Addressing::Usual,
            credentials: Credentials::Usual,
            stale_if_error: Self::DEFAULT_STALE_IF_ERROR,
            environment,
        })
    }

    /// Whether requests to both go to the same bucket with the same credentials.
    pub(super) fn is_reached_like(&self, other: &Self) -> bool {
        Self { stale_if_error: other.stale_if_error, ..self.clone() } == *other
    }

    /// Reads the other keys of its `[[mount]]` table.
    pub(super) fn read(&mut self, entry: &Entry) -> Result<(), ConfigError> {
        if let Some(field) = entry.field("stale_if_error") {
            self.stale_if_error = field.read(|value| duration_within(value, Duration::ZERO..=WEEK))?;
        }
        if let Some(field) = entry.field("endpoint") {
            self.endpoint = Some(field.read(|value| service_url(value.one()?))?);
        }
        if let Some(field) = entry.field("region") {
            self.region = Some(field.read(|value| Ok(self.of_s3(value.one()?)?.to_owned()))?);
        }
        if let Some(field) = entry.field("addressing") {
            self.addressing = field.read(|value| addressing(self.of_s3(value.one()?)?))?;
        }
        if let Some(field) = entry.field("credentials") {
            self.credentials = field.read(|value| credentials(self.service, value))?;
        }
        Ok(())
    }

    fn of_s3<'t>(&self, text: &'t str) -> Result<&'t str, String> {
        match self.service {
            Service::S3 => Ok(text),
            Service::Gcs | Service::Azure => Err("is for s3:// buckets only; leave it out".to_owned()),
        }
    }
}

/// The keys of a `[[mount]]` that only apply to buckets.
pub(super) const KEYS: [&str; 5] = ["stale_if_error", "endpoint", "region", "addressing", "credentials"];

/// The URL for messages, without the part before an `@`, which may be a key and a secret.
fn without_secrets(url: &str) -> String {
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, rest))) => format!("{scheme}://\u{2026}@{}", rest.escape_debug()),
        _ => url.escape_debug().to_string(),
    }
}

fn unknown_scheme(url: &str, scheme: &str) -> String {
    let schemes = Service::ALL.map(Service::scheme);
    let meant = match scheme {
        "s3a" | "s3n" => Some("s3"),
        "gcs" => Some("gs"),
        "azure" | "abfs" | "abfss" | "adl" => Some("az"),
        other => nearest(other, schemes),
    };
    let fix = match meant {
        Some(meant) => format!("did you mean {meant}://?"),
        None => {
            format!("write a folder, or {}", schemes.map(|scheme| format!("{scheme}://bucket")).join(", "))
        }
    };
    format!("`{}` is not a known kind of store; {fix}", without_secrets(url))
}

/// Parses the URL of a service: scheme, host, perhaps a port and a path.
pub(crate) fn service_url(text: &str) -> Result<String, String> {
    let is_one = |uri: &Uri| {
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        // The port follows the last colon outside the brackets of an IPv6 address.
        let port = authority.rsplit_once(']').map_or(authority, |(_, rest)| rest).split_once(':');
        matches!(uri.scheme_str(), Some("http" | "https"))
            && uri.host().is_some_and(|host| !host.is_empty())
            && port.is_none_or(|(_, port)| port.parse::<u16>().is_ok())
            && !authority.contains('@')
            && uri.query().is_none()
            && !text.contains('#')
    };
    if text.parse().is_ok_and(|uri| is_one(&uri)) {
        return Ok(text.strip_suffix('/').unwrap_or(text).to_owned());
    }
    Err(format!(
        "`{}` is not the URL of a service; write scheme, host and port, such as \"https://s3.example.com\" or \
         \"http://127.0.0.1:9000\"",
        without_secrets(text)
    ))
}

impl Addressing {
    /// As it is written in a configuration file.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Usual => "usual",
            Self::Path => "path",
            Self::VirtualHost => "virtual-host",
        }
    }
}

fn addressing(text: &str) -> Result<Addressing, String> {
    [Addressing::Usual, Addressing::Path, Addressing::VirtualHost]
        .into_iter()
        .find(|known| known.as_str() == text)
        .ok_or_else(|| {
            format!(
                "`{}` is not a kind of addressing; write \"path\" (host/bucket/key) or \"virtual-host\" (bucket.host/key)",
                text.escape_debug()
            )
        })
}

/// Displays as it is written in a configuration file.
impl fmt::Display for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usual => f.write_str("usual"),
            Self::Anonymous => f.write_str("anonymous"),
            Self::Profile(name) => write!(f, "profile:{name}"),
        }
    }
}

fn credentials(service: Service, value: &Value) -> Result<Credentials, String> {
    let text = value.one()?;
    match (text, text.strip_prefix("profile:").map(str::trim)) {
        ("usual", _) => Ok(Credentials::Usual),
        ("anonymous", _) => Ok(Credentials::Anonymous),
        (_, Some(name)) if service == Service::S3 && !name.is_empty() => {
            Ok(Credentials::Profile(name.to_owned()))
        }
        (_, Some(_)) if service != Service::S3 => {
            Err("names a profile, but only s3:// buckets have profiles; write \"usual\" or \"anonymous\"".to_owned())
        }
        // The value may be a secret, so the message does not repeat it.
        _ => Err("is not \"usual\", \"anonymous\" or \"profile:NAME\"; write one of them (keys and secrets belong in \
                  the environment or in the provider's own files)"
            .to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> Result<Bucket, String> {
        Bucket::parse(url, Environment::default())
    }

    #[test]
    fn urls_name_a_service_a_bucket_and_a_prefix() {
        for (url, service, name, prefix) in [
            ("s3://media", Service::S3, "media", ""),
            ("s3://my.media-1/", Service::S3, "my.media-1", ""),
            ("gs://media/campaign/2026/", Service::Gcs, "media", "campaign/2026"),
            ("az://media/Preisliste M\u{e4}rz", Service::Azure, "media", "Preisliste M\u{e4}rz"),
        ] {
            let bucket = parse(url).expect(url);
            assert_eq!((bucket.service, &*bucket.name, &*bucket.prefix), (service, name, prefix), "{url}");
            assert_eq!(bucket.to_string(), url.trim_end_matches('/'));
        }
    }

    #[test]
    fn other_urls_are_rejected_with_the_fix() {
        for (url, part) in [
            ("s3://", "names no bucket"),
            ("s3:///prefix", "names no bucket"),
            ("s3://b\u{fc}cket", "names no bucket"),
            ("s3://key:secret@bucket", "more than a bucket"),
            ("s3://bucket?region=x", "more than a bucket"),
            ("s3://bucket//a", "prefix that no asset can have"),
            ("s3://bucket/a//b", "prefix that no asset can have"),
            ("s3://bucket/../a", "prefix that no asset can have"),
            ("gcs://bucket", "did you mean gs://?"),
            ("abfss://bucket", "did you mean az://?"),
            ("S3://bucket", "s3://bucket"),
            ("https://bucket.s3.amazonaws.com", "is not a known kind of store"),
        ] {
            let refusal = parse(url).expect_err(url);
            assert!(refusal.contains(part) && !refusal.contains("secret"), "{url}: {refusal}");
        }
    }

    #[test]
    fn services_are_named_by_scheme_host_and_port() {
        for url in [
            "https://s3.example.com",
            "http://127.0.0.1:9000/",
            "http://[::1]:9000",
            "https://x.supabase.co/storage/v1/s3",
        ] {
            assert_eq!(service_url(url).as_deref(), Ok(url.trim_end_matches('/')));
        }
        for url in [
            "",
            "s3.example.com",
            "127.0.0.1:9000",
            "http://",
            "http://[::1",
            "http://a b",
            "http://127.0.0.1:99999",
            "ftp://127.0.0.1",
            "https://key:secret@127.0.0.1",
            "https://a.example?b",
            "https://a.example#b",
            "https://a.example\n",
        ] {
            let refusal = service_url(url).expect_err(url);
            assert!(
                refusal.contains("is not the URL of a service") && !refusal.contains("secret"),
                "{refusal}"
            );
        }
    }

    #[test]
    fn values_of_the_environment_are_never_printed() {
        let of = |pairs: &[(&str, &str)]| {
            Environment::of(&pairs.iter().map(|(n, v)| ((*n).into(), (*v).into())).collect::<Vec<_>>())
        };
        let environment = of(&[
            ("AWS_SECRET_ACCESS_KEY", "hush"),
            ("AWS_REGION", ""),
            ("PATH", "/bin"),
            ("HOME", "/home/a"),
        ]);
        assert_eq!(environment.get("AWS_SECRET_ACCESS_KEY"), Some("hush"));
        assert_eq!(environment.get("AWS_REGION"), None, "an empty variable counts as unset");
        assert_eq!(environment.get("PATH"), None);
        let bucket = Bucket::parse("s3://media", environment).expect("a bucket");
        assert!(!format!("{bucket:?}").contains("hush"));
    }
}
