//! Probes a bucket: does it exist, may its objects be read, and is its address right?

use object_store::GetOptions;
use object_store::path::Path;

use super::Bucket;
use super::endpoint::{Endpoint, Suspicion};
use super::error::BucketError;
use crate::asset::AssetPath;
use crate::store::{PROBE_NAME, StoreError, UpstreamFault};

impl Bucket {
    /// Requests an object that does not exist, to verify that the bucket exists and that we may read it.
    pub(crate) async fn probe(&self) -> Result<(), StoreError> {
        let probe_path = AssetPath::from_plain(PROBE_NAME).expect("a path");
        let key = self.upstream.key(&probe_path).expect("a key");
        let name = self.upstream.name();
        let refused = |reason: String| StoreError::Upstream {
            fault: UpstreamFault::Refused,
            reason: format!("{name} cannot be read: {reason}").into(),
        };
        let suspicion = self.suspicion();
        let explained = |(endpoint, suspicion): &(&Endpoint, Suspicion)| endpoint.explain(suspicion);
        match self.upstream.get_unrecorded(&key, GetOptions::default()).await {
            // The pages of such a server would be served as assets, with media types of ours.
            Ok(_) => {
                let fix = suspicion.as_ref().map_or_else(|| "check its endpoint".to_owned(), explained);
                Err(refused(format!(
                    "it claims to have {key}, which does not exist, as a web server does that answers every path with a page; {fix}"
                )))
            }
            Err(BucketError::Missing { .. }) => match suspicion {
                Some(suspicion) if self.is_misaddressed(&key, &suspicion.1).await => {
                    Err(refused(format!("{}. As it is, every asset would be missing", explained(&suspicion))))
                }
                _ => Ok(()),
            },
            Err(BucketError::Forbidden) => {
                let hint = suspicion.as_ref().filter(|(_, suspicion)| suspicion.names_the_bucket);
                let hint = hint.map_or_else(String::new, |found| {
                    format!(" If all assets are missing: {}.", explained(found))
                });
                log::warn!(
                    "{name} denies access to an object that does not exist. If only the permission to list is missing, assets \
                     are served, but missing and forbidden objects look alike; if the permission to read is missing, too, none \
                     is served. Allow both ({}).{hint}",
                    self.upstream.permissions().join(", ")
                );
                Ok(())
            }
            Err(BucketError::UpstreamFault(UpstreamFault::Refused, reason))
                if suspicion.is_some() && is_about_address(&reason) =>
            {
                let fix = suspicion.as_ref().map(explained).unwrap_or_default();
                Err(refused(format!("{reason}; {fix}")))
            }
            Err(error) => Err(error.into_error(name)),
        }
    }

    /// What seems to be wrong with the endpoint, and its right value.
    pub(super) fn suspected_endpoint(&self) -> Option<String> {
        self.suspicion().map(|(endpoint, suspicion)| endpoint.explain(&suspicion))
    }

    fn suspicion(&self) -> Option<(&Endpoint, Suspicion)> {
        let (endpoint, service, bucket) = self.upstream.address();
        let endpoint = endpoint?;
        Some((endpoint, endpoint.suspicion(service, bucket)?))
    }

    /// Whether requests reach another bucket or none. A list request tells: to a bucket it is a list request, but with
    /// the bucket named twice it is a request for an object, which does not exist.
    async fn is_misaddressed(&self, key: &Path, suspicion: &Suspicion) -> bool {
        match self.upstream.list_error(key).await {
            Some(BucketError::Missing { .. }) => true,
            Some(BucketError::UpstreamFault(UpstreamFault::Refused, reason)) => is_about_address(&reason),
            // Azure rejects the parameters of a list request for a blob.
            Some(BucketError::Unusable(_)) => suspicion.names_the_bucket,
            _ => false,
        }
    }
}

/// Whether an error of a whole bucket says that there is no such bucket or service.
pub(super) fn is_about_address(reason: &str) -> bool {
    ["NoSuchBucket", "ContainerNotFound", "InvalidBucketName", "ResourceNotFound", "404", "redirects"]
        .iter()
        .any(|word| reason.contains(word))
}
