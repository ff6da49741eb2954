//! Credential files of a bucket: the key and CA files, and whether their contents changed.
//!
//! A [client](super::connect()) reads them once, when it is made. Keys in them are replaced without any change of the
//! settings, so a reload compares the files to find out whether a new client is needed. Short-lived tokens (web
//! identity, workload identity, containers) are not included: `object_store` reads those again by itself.

use std::path::PathBuf;

use sha2::{Digest as _, Sha256};

use crate::config::{Bucket, Environment, Service};
use crate::small_file;

/// Longer files are ignored, in bytes. A bundle of all public certificate authorities has some hundred KiB.
const MAX_LENGTH: u64 = 16 << 20;

/// A hash of the contents of all credential files at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CredentialFingerprint([u8; 32]);

impl CredentialFingerprint {
    /// The fingerprint of the files of `bucket` now. A file that cannot be read counts as empty; the code that needs
    /// it reports the error.
    pub(crate) fn of(bucket: &Bucket) -> Self {
        let mut all = Sha256::new();
        for file in files(bucket.service, &bucket.environment) {
            let bytes = small_file::read(&file, MAX_LENGTH).map(|(bytes, _)| Sha256::digest(bytes));
            // Each file adds the same number of bytes, so that no part of one file can pass for a part of the next.
            all.update(bytes.unwrap_or_default());
        }
        Self(all.finalize().into())
    }
}

fn files(service: Service, environment: &Environment) -> Vec<PathBuf> {
    let named = |variable: &str| environment.get(variable).map(PathBuf::from);
    let at_home = |usual: &str| environment.get("HOME").map(|home| PathBuf::from(home).join(usual));
    let of_service = match service {
        Service::S3 => vec![
            named("AWS_SHARED_CREDENTIALS_FILE").or_else(|| at_home(".aws/credentials")),
            named("AWS_CONFIG_FILE").or_else(|| at_home(".aws/config")),
        ],
        Service::Gcs => vec![
            named("SERVICE_ACCOUNT"),
            named("GOOGLE_SERVICE_ACCOUNT"),
            named("GOOGLE_SERVICE_ACCOUNT_PATH"),
            named("GOOGLE_APPLICATION_CREDENTIALS"),
            at_home(".config/gcloud/application_default_credentials.json"),
        ],
        Service::Azure => Vec::new(),
    };
    // For all services: see `Connector`.
    of_service.into_iter().chain([named("AWS_CA_BUNDLE")]).flatten().collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::config::{Flags, Location, load};

    #[test]
    fn a_change_of_any_credential_file_changes_the_fingerprint() {
        let home = tempfile::tempdir().unwrap();
        let at = |name: &str| home.path().join(name);
        for folder in [".aws", ".config/gcloud"] {
            fs::create_dir_all(at(folder)).unwrap();
        }
        let bucket = |url: &str, variables: &[(&str, &str)]| {
            let variables = variables.iter().map(|(name, file)| (name.into(), at(file).into()));
            let environment = variables.chain([("HOME".into(), home.path().into())]);
            let flags = Flags { store: Some(url.to_owned()), ..Flags::default() };
            match load(&flags, environment, home.path()).unwrap().mounts.remove(0).store {
                Location::Bucket(bucket) => bucket,
                Location::Folder(_) => unreachable!(),
            }
        };
        for (url, variables, file, counts) in [
            ("s3://media", &[][..], ".aws/credentials", true),
            ("s3://media", &[], ".aws/config", true),
            ("s3://media", &[("AWS_SHARED_CREDENTIALS_FILE", "keys")], "keys", true),
            ("s3://media", &[("AWS_SHARED_CREDENTIALS_FILE", "keys")], ".aws/credentials", false),
            ("s3://media", &[("AWS_CONFIG_FILE", "config")], "config", true),
            ("s3://media", &[("AWS_CA_BUNDLE", "ca.pem")], "ca.pem", true),
            ("s3://media", &[], "other", false),
            ("gs://media", &[("GOOGLE_APPLICATION_CREDENTIALS", "a.json")], "a.json", true),
            ("gs://media", &[("GOOGLE_SERVICE_ACCOUNT", "a.json")], "a.json", true),
            ("gs://media", &[("GOOGLE_SERVICE_ACCOUNT_PATH", "a.json")], "a.json", true),
            ("gs://media", &[("SERVICE_ACCOUNT", "a.json")], "a.json", true),
            ("gs://media", &[], ".config/gcloud/application_default_credentials.json", true),
            ("gs://media", &[], ".aws/credentials", false),
            ("az://media", &[("AWS_CA_BUNDLE", "ca.pem")], "ca.pem", true),
        ] {
            let bucket = bucket(url, variables);
            let mut seen = vec![CredentialFingerprint::of(&bucket)];
            for text in ["one", "two"] {
                fs::write(at(file), text).unwrap();
                let now = CredentialFingerprint::of(&bucket);
                assert_eq!(!seen.contains(&now), counts, "{url} {variables:?} {file} {text}");
                assert_eq!(now, CredentialFingerprint::of(&bucket), "{file}");
                seen.push(now);
            }
            fs::remove_file(at(file)).unwrap();
            assert_eq!(CredentialFingerprint::of(&bucket), seen[0], "{file}");
        }
    }
}
