//! The files that say who we are to a bucket and whom we trust: which they are, and whether they are what they were.
//!
//! They are read where a client is [made](super::connect()). Keys are replaced in them without a word of it in the settings, so
//! whether a client has to be made anew is to be logged from the files. Tokens that are short-lived by nature (of web and workload
//! identity, and of containers) are not among them: `object_store` reads those again by itself.

use std::path::PathBuf;

use sha2::{Digest as _, Sha256};

use crate::config::{Bucket, Environment, Service};
use crate::small_file;

/// What is longer is no such file; a bundle of all authorities that there are has some hundred KiB.
const LONGEST: u64 = 16 << 20;

/// What stood in the files at some time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CredentialFingerprint([u8; 32]);

impl CredentialFingerprint {
    /// What stands in the files of `bucket` now. A file that cannot be read is none: whoever needs it tells of that.
    pub(crate) fn of(bucket: &Bucket) -> Self {
        let mut all = Sha256::new();
        for file in files(bucket.service, &bucket.environment) {
            let bytes = small_file::read(&file, LONGEST).map(|(bytes, _)| Sha256::digest(bytes));
            // Each takes as much room as any other, so that nothing of one can seem to be of the next.
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
    // Of all services: see `Connector`.
    of_service.into_iter().chain([named("AWS_CA_BUNDLE")]).flatten().collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::config::{Flags, Location, load};

    #[test]
    fn each_file_of_a_service_counts_for_its_buckets() {
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
