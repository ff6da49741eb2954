//! Endpoints that already contain the bucket, as consoles print them: each request would name the bucket twice, and
//! each asset would be missing.
//!
//! The text of an endpoint only raises a suspicion: a gateway may serve a store below a path, and a host may have the
//! name of a bucket. The [probe](super::Bucket::probe) verifies it.

use std::net::Ipv4Addr;

use hyper::Uri;

use crate::config::{Bucket, Service, service_url};

/// The endpoint of a bucket, where one is configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Endpoint {
    /// Scheme, host, perhaps port and path, without a slash at its end.
    pub(super) url: String,
    pub(super) source: Source,
    /// Whether requests name the bucket in the host.
    pub(super) is_in_host: bool,
}

/// The setting that an endpoint comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    /// `endpoint` of a `[[mount]]`.
    Mount,
    /// An environment variable.
    Variable(&'static str),
    /// A key in a profile of AWS, in words.
    Profile(String),
}

/// An endpoint that seems to contain the bucket.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Suspicion {
    /// What is wrong with it: `ends with the name of the bucket`.
    what: &'static str,
    /// The endpoint without it.
    right: String,
    /// Whether it contains the very name of the bucket.
    pub(super) names_the_bucket: bool,
}

impl Endpoint {
    /// The endpoint from the mount's table, else from the first of these variables that is set.
    pub(super) fn configured(bucket: &Bucket, variables: &[&'static str]) -> Result<Option<Self>, String> {
        let of = |url, source| Self { url, source, is_in_host: false };
        if let Some(url) = &bucket.endpoint {
            return Ok(Some(of(url.clone(), Source::Mount)));
        }
        let set = variables.iter().find_map(|name| Some((*name, bucket.environment.get(name)?)));
        set.map(|(name, value)| match service_url(value) {
            Ok(url) => Ok(of(url, Source::Variable(name))),
            Err(reason) => Err(format!("the variable {name}: {reason}")),
        })
        .transpose()
    }

    /// What seems to be wrong with this endpoint for a bucket of this name.
    pub(super) fn suspicion(&self, service: Service, bucket: &str) -> Option<Suspicion> {
        let uri: Uri = self.url.parse().ok()?;
        let (scheme, authority) = (uri.scheme_str()?, uri.authority()?.as_str());
        let path = uri.path().trim_matches('/');
        if let Some(before) =
            path.strip_suffix(bucket).filter(|before| before.is_empty() || before.ends_with('/'))
        {
            let right = format!("{scheme}://{authority}/{before}").trim_end_matches('/').to_owned();
            return Some(Suspicion {
                what: "ends with the name of the bucket",
                right,
                names_the_bucket: true,
            });
        }
        // The path of an Azure emulator is the account.
        if !path.is_empty() && service != Service::Azure {
            let right = format!("{scheme}://{authority}");
            return Some(Suspicion {
                what: "has a path, which the service takes for a bucket",
                right,
                names_the_bucket: false,
            });
        }
        // The host of Azure begins with the account, which may have the name of the container.
        if self.is_in_host || service == Service::Azure || uri.host()?.parse::<Ipv4Addr>().is_ok() {
            return None;
        }
        let (first, rest) = authority.split_once('.')?;
        let names_the_bucket = authority.strip_prefix(bucket).is_some_and(|rest| rest.starts_with('.'));
        let rest = if names_the_bucket { &authority[bucket.len() + 1..] } else { rest };
        let is_provider = rest.ends_with(".amazonaws.com")
            && (rest.starts_with("s3.") || rest.starts_with("s3-"))
            || rest == "storage.googleapis.com";
        (names_the_bucket || is_provider && first != "s3").then(|| Suspicion {
            what: "begins with the name of a bucket",
            right: format!("{scheme}://{rest}"),
            names_the_bucket,
        })
    }

    /// What is wrong with it, and the right value, to follow the name of the store.
    pub(super) fn explain(&self, suspicion: &Suspicion) -> String {
        let Suspicion { what, right, .. } = suspicion;
        let url = &self.url;
        match &self.source {
            Source::Mount => {
                format!("its endpoint {url} {what}; write endpoint = \"{right}\" in its [[mount]]")
            }
            Source::Variable(name) => format!("its endpoint {url} {what}; set {name}={right}"),
            Source::Profile(key) => format!("its endpoint {url} {what}; write {key} = {right}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_that_contains_the_bucket_is_suspicious() {
        let s3 = Service::S3;
        for (service, url, is_in_host, expected) in [
            (
                s3,
                "https://acc.r2.cloudflarestorage.com/media",
                false,
                Some("https://acc.r2.cloudflarestorage.com"),
            ),
            (
                s3,
                "https://acc.r2.cloudflarestorage.com/media",
                true,
                Some("https://acc.r2.cloudflarestorage.com"),
            ),
            (
                s3,
                "https://acc.r2.cloudflarestorage.com/other",
                false,
                Some("https://acc.r2.cloudflarestorage.com"),
            ),
            (s3, "https://acc.r2.cloudflarestorage.com", false, None),
            (s3, "http://gateway:9000/s3/media", false, Some("http://gateway:9000/s3")),
            (s3, "https://media.s3.example.com:8443", false, Some("https://s3.example.com:8443")),
            (s3, "https://media.s3.example.com", true, None),
            (s3, "https://mediastore.example.com", false, None),
            (
                s3,
                "https://other.s3.eu-west-1.amazonaws.com",
                false,
                Some("https://s3.eu-west-1.amazonaws.com"),
            ),
            (s3, "https://s3.eu-west-1.amazonaws.com", false, None),
            (s3, "https://s3.dualstack.eu-west-1.amazonaws.com", false, None),
            (s3, "http://127.0.0.1:9000", false, None),
            (s3, "http://[::1]:9000", false, None),
            (s3, "http://minio:9000", false, None),
            (
                Service::Gcs,
                "https://storage.googleapis.com/media",
                false,
                Some("https://storage.googleapis.com"),
            ),
            (
                Service::Gcs,
                "https://other.storage.googleapis.com",
                false,
                Some("https://storage.googleapis.com"),
            ),
            (Service::Gcs, "https://storage.googleapis.com", false, None),
            (
                Service::Azure,
                "https://acc.blob.core.windows.net/media",
                false,
                Some("https://acc.blob.core.windows.net"),
            ),
            (Service::Azure, "https://media.blob.core.windows.net", false, None),
            (Service::Azure, "http://127.0.0.1:10000/devstoreaccount1", false, None),
        ] {
            let endpoint = Endpoint { url: url.to_owned(), source: Source::Mount, is_in_host };
            let right = endpoint.suspicion(service, "media").map(|suspicion| suspicion.right);
            assert_eq!(right.as_deref(), expected, "{url}");
        }
    }

    #[test]
    fn the_error_names_the_setting_and_its_right_value() {
        for (source, word) in [
            (Source::Mount, "endpoint = \"https://r2.example\" in its [[mount]]"),
            (Source::Variable("AWS_ENDPOINT_URL"), "AWS_ENDPOINT_URL=https://r2.example"),
            (
                Source::Profile("endpoint_url in the profile `r2`".to_owned()),
                "endpoint_url in the profile `r2` = https://r2.example",
            ),
        ] {
            let endpoint = Endpoint { url: "https://r2.example/media".to_owned(), source, is_in_host: false };
            let suspicion = endpoint.suspicion(Service::S3, "media").expect("a suspicion");
            assert!(endpoint.explain(&suspicion).ends_with(word));
        }
    }
}
