//! Error classification: what an error response of S3, Google Cloud Storage or Azure means, and how an operator fixes
//! it.
//!
//! The services explain an error by a status and a code, but `object_store` passes on the status at best. So the
//! [client](super::client) reads error responses itself and puts them into the error: a [`StatusError`], or a
//! [`TransportError`] if there was no response.

use std::error::Error;

use httpdate::HttpDate;
use hyper::StatusCode;

use crate::store::{StoreError, UpstreamFault};

/// How rustls begins the message about a certificate that it does not trust.
pub(super) const INVALID_CERTIFICATE: &str = "invalid peer certificate";

/// An error response to a request for an object.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the response is {status}{}{}", after(", ", .code.as_ref(), ""), after(" (", .message.as_ref(), ")"))]
pub(super) struct StatusError {
    pub(super) status: StatusCode,
    /// The error code of the service, such as `NoSuchKey`.
    pub(super) code: Option<String>,
    pub(super) message: Option<String>,
    /// The region of the bucket, if the service names it.
    pub(super) region: Option<String>,
    /// `Last-Modified` of the object, on a 304.
    pub(super) last_modified: Option<HttpDate>,
}

fn after(before: &str, text: Option<&String>, behind: &str) -> String {
    text.map_or_else(String::new, |text| format!("{before}{}{behind}", text.trim_end_matches('.')))
}

/// Why there was no response.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{host} {reason}")]
pub(super) struct TransportError {
    pub(super) host: String,
    pub(super) reason: String,
    /// Whether the request was for credentials, not for an object.
    pub(super) for_credentials: bool,
    /// Whether a retry can help.
    pub(super) is_transient: bool,
}

/// Why a request for an object failed.
#[derive(Debug, Clone)]
pub(super) enum BucketError {
    /// The object is still the version in the request; with its `Last-Modified` if the service sends it.
    NotModified(Option<HttpDate>),
    /// The object is no longer the version in the request.
    Changed,
    /// There is no such object. `explained` tells whether the response has an error code: any web server answers 404,
    /// but a store also sends a code, except in response to a HEAD.
    Missing { explained: bool },
    /// We may not read the object, or there is none: without permission to list a bucket, the two look alike.
    Forbidden,
    /// No request was sent, because too many others are waiting.
    Busy,
    /// This object is archived: its bytes cannot be read before somebody restores them. Others may be fine.
    Archived(String),
    /// This object cannot be served. Others may be fine.
    Unusable(String),
    /// The bucket as a whole fails: the kind of fault, and a description.
    UpstreamFault(UpstreamFault, String),
}

impl BucketError {
    /// Classifies an error of `object_store`.
    pub(super) fn of(error: &object_store::Error) -> Self {
        if let Some(response) = find::<StatusError>(error) {
            return Self::of_status(response);
        }
        if let Some(error) = find::<TransportError>(error) {
            return Self::of_transport(error);
        }
        match error {
            object_store::Error::NotFound { .. } => Self::Missing { explained: true },
            object_store::Error::NotModified { .. } => Self::NotModified(None),
            object_store::Error::Precondition { .. } => Self::Changed,
            other => Self::Unusable(format!("its response cannot be used: {}", innermost(other))),
        }
    }

    fn of_status(response: &StatusError) -> Self {
        let code = response.code.as_deref().unwrap_or_default();
        match response.status {
            StatusCode::NOT_MODIFIED => return Self::NotModified(response.last_modified),
            // A range is only requested of a version that is long enough.
            StatusCode::PRECONDITION_FAILED | StatusCode::RANGE_NOT_SATISFIABLE => return Self::Changed,
            _ => {}
        }
        if let Some(region) = response.region.as_deref().filter(|_| is_about_region(response)) {
            return Self::UpstreamFault(
                UpstreamFault::Refused,
                format!(
                    "{response}: the bucket is in the region {region}; set AWS_REGION={region}, or `region` in its [[mount]]"
                ),
            );
        }
        if let Some((_, fix)) = FIXES.iter().find(|(known, _)| *known == code) {
            return Self::UpstreamFault(UpstreamFault::Refused, format!("{response}: {fix}"));
        }
        if ARCHIVED_CODES.contains(&code) {
            return Self::Archived(response.to_string());
        }
        if INVALID_KEY_CODES.contains(&code) {
            return Self::Missing { explained: true };
        }
        match response.status.as_u16() {
            404 => Self::Missing { explained: !code.is_empty() },
            403 if code == "AccessDenied" => Self::Forbidden,
            408 | 429 | 500..=599 => Self::UpstreamFault(UpstreamFault::Unavailable, response.to_string()),
            301 | 302 | 307 | 308 => Self::UpstreamFault(
                UpstreamFault::Refused,
                format!(
                    "{response}: it redirects to another address; check the bucket's name, region and endpoint"
                ),
            ),
            401 => Self::UpstreamFault(UpstreamFault::Refused, format!("{response}: check the credentials")),
            _ => Self::Unusable(response.to_string()),
        }
    }

    fn of_transport(error: &TransportError) -> Self {
        let fault = if error.is_transient { UpstreamFault::Unreachable } else { UpstreamFault::Refused };
        if !error.for_credentials {
            return Self::UpstreamFault(fault, error.to_string());
        }
        Self::UpstreamFault(
            fault,
            format!(
                "no credentials found ({error}); set them where the provider's own tools look for them (for S3: \
                 AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile), or set credentials = \"anonymous\" in its \
                 [[mount]] if the bucket is public"
            ),
        )
    }

    /// Whether a retry of the same request may succeed.
    pub(super) fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::UpstreamFault(
                UpstreamFault::Unreachable | UpstreamFault::Unavailable | UpstreamFault::Late,
                _
            )
        )
    }

    /// Whether the error means, for a request of one version, that this version is gone.
    pub(super) fn is_version_gone(&self) -> bool {
        matches!(self, Self::Changed | Self::Missing { .. } | Self::Forbidden)
    }

    /// The error of the store `name`, for a request without conditions.
    pub(super) fn into_error(self, name: &str) -> StoreError {
        match self {
            Self::Missing { .. } | Self::Forbidden => StoreError::NotFound,
            Self::Changed => StoreError::Changing,
            Self::Busy => StoreError::Busy(format!("all `upstream.connections` to {name} are in use").into()),
            Self::NotModified(_) => {
                upstream(UpstreamFault::Refused, name, "it answers 304 to a request without conditions")
            }
            Self::Archived(response) => StoreError::Archived(
                format!(
                    "it is archived in {name}, so it cannot be read ({response}); restore it, or copy it to a storage class \
                     that can be read at once"
                )
                .into(),
            ),
            Self::Unusable(reason) => upstream(UpstreamFault::Refused, name, &reason),
            Self::UpstreamFault(fault, reason) => upstream(fault, name, &reason),
        }
    }
}

fn upstream(fault: UpstreamFault, name: &str, reason: &str) -> StoreError {
    let (verb, fix) = match fault {
        UpstreamFault::Refused => ("cannot be read", ""),
        UpstreamFault::Unreachable => ("cannot be reached", "; check its endpoint and the network"),
        UpstreamFault::Unavailable => ("is unavailable", ""),
        UpstreamFault::Late => ("does not answer in time", "; check its endpoint and the network"),
    };
    StoreError::Upstream { fault, reason: format!("{name} {verb}: {reason}{fix}").into() }
}

/// Error codes of AWS, Google and Azure that the operator has to fix, whatever their status, and the fix.
const FIXES: &[(&str, &str)] = &[
    ("NoSuchBucket", "there is no bucket of this name; check the name and the endpoint"),
    ("InvalidBucketName", "the name is not valid for a bucket; check it"),
    ("ContainerNotFound", "there is no container of this name; check the name and the account"),
    (
        "InvalidAccessKeyId",
        "the service does not know the access key; check AWS_ACCESS_KEY_ID and the endpoint",
    ),
    ("SignatureDoesNotMatch", "the secret key does not match the access key; check AWS_SECRET_ACCESS_KEY"),
    ("ExpiredToken", "the session token has expired; get new credentials"),
    ("ExpiredTokenException", "the session token has expired; get new credentials"),
    ("InvalidToken", "the session token is not valid; get new credentials, and check AWS_SESSION_TOKEN"),
    ("TokenRefreshRequired", "the session token has expired; get new credentials"),
    (
        "RequestTimeTooSkewed",
        "the clocks of this machine and of the service differ; set this machine's clock (NTP)",
    ),
    (
        "RequestExpired",
        "the clocks of this machine and of the service differ; set this machine's clock (NTP)",
    ),
    ("AuthenticationRequired", "it requires credentials; check them"),
    ("InvalidAuthenticationInfo", "the credentials are malformed; check them"),
    (
        "AuthenticationFailed",
        "the account key is wrong, or the clock of this machine; check AZURE_STORAGE_ACCOUNT_KEY and the clock",
    ),
    ("NoAuthenticationInformation", "it requires credentials; set AZURE_STORAGE_ACCOUNT_KEY or a token"),
    (
        "PublicAccessNotPermitted",
        "the account does not allow public access; set AZURE_STORAGE_ACCOUNT_KEY or a token",
    ),
    (
        "AuthorizationFailure",
        "the key is wrong, or the network rules of the account exclude this machine; check both",
    ),
    (
        "AuthorizationPermissionMismatch",
        "the credentials have no permission to read blobs; assign the role Storage Blob Data Reader",
    ),
    ("AccountIsDisabled", "the account is disabled"),
    (
        "UserProjectMissing",
        "the bucket is requester-pays, which wamedia does not support; use a bucket whose owner pays",
    ),
];

/// Error codes of S3 and Azure for an archived object, also while it is being restored.
const ARCHIVED_CODES: [&str; 3] = ["InvalidObjectState", "BlobArchived", "BlobBeingRehydrated"];

/// Error codes for keys that no object can have; such an object is missing.
const INVALID_KEY_CODES: [&str; 3] = ["KeyTooLongError", "XMinioInvalidObjectName", "InvalidObjectName"];

/// Whether the response means that the request went to the wrong region.
fn is_about_region(response: &StatusError) -> bool {
    const CODES: [&str; 4] = [
        "PermanentRedirect",
        "TemporaryRedirect",
        "AuthorizationHeaderMalformed",
        "IllegalLocationConstraintException",
    ];
    response.status.is_redirection() || response.code.as_deref().is_some_and(|code| CODES.contains(&code))
}

/// The error response in an error of `object_store`, as text; the error itself if there was none.
pub(super) fn described(error: &object_store::Error) -> String {
    find::<StatusError>(error).map_or_else(|| innermost(error), ToString::to_string)
}

/// The first error of type `E` in a chain of causes.
fn find<'e, E: Error + 'static>(error: &'e (dyn Error + 'static)) -> Option<&'e E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        next = error.source();
    }
    None
}

/// The message of the innermost cause. The errors around it only repeat it.
pub(super) fn innermost(error: &dyn Error) -> String {
    let mut last = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        last = error.to_string();
        next = error.source();
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(status: u16, code: &str) -> StatusError {
        StatusError {
            status: StatusCode::from_u16(status).expect("a status"),
            code: (!code.is_empty()).then(|| code.to_owned()),
            message: None,
            region: None,
            last_modified: None,
        }
    }

    fn fault(status: u16, code: &str) -> Option<UpstreamFault> {
        match BucketError::of_status(&response(status, code)) {
            BucketError::UpstreamFault(fault, _) => Some(fault),
            _ => None,
        }
    }

    #[test]
    fn only_missing_and_forbidden_keys_mean_missing_media() {
        for (status, code) in [(404, "NoSuchKey"), (404, ""), (404, "BlobNotFound"), (400, "KeyTooLongError")]
        {
            let error = BucketError::of_status(&response(status, code));
            assert!(
                matches!(error, BucketError::Missing { explained } if explained != code.is_empty()),
                "{code}"
            );
        }
        assert!(matches!(BucketError::of_status(&response(403, "AccessDenied")), BucketError::Forbidden));
        for (status, code, expected) in [
            (404, "NoSuchBucket", UpstreamFault::Refused),
            (404, "ContainerNotFound", UpstreamFault::Refused),
            (403, "SignatureDoesNotMatch", UpstreamFault::Refused),
            (403, "InvalidAccessKeyId", UpstreamFault::Refused),
            (403, "RequestTimeTooSkewed", UpstreamFault::Refused),
            (400, "ExpiredToken", UpstreamFault::Refused),
            (401, "AuthenticationRequired", UpstreamFault::Refused),
            (301, "PermanentRedirect", UpstreamFault::Refused),
            (409, "PublicAccessNotPermitted", UpstreamFault::Refused),
            (503, "SlowDown", UpstreamFault::Unavailable),
            (429, "", UpstreamFault::Unavailable),
            (500, "InternalError", UpstreamFault::Unavailable),
        ] {
            assert_eq!(fault(status, code), Some(expected), "{status} {code}");
        }
        for (status, code) in
            [(403, "InvalidObjectState"), (409, "BlobArchived"), (409, "BlobBeingRehydrated")]
        {
            let error = BucketError::of_status(&response(status, code));
            assert!(matches!(error, BucketError::Archived(_)), "{status} {code} is about one object");
        }
        for (status, code) in [(403, ""), (400, "InvalidRequest")] {
            let error = BucketError::of_status(&response(status, code));
            assert!(matches!(error, BucketError::Unusable(_)), "{status} {code} is about one object");
        }
    }

    #[test]
    fn the_error_names_the_region_of_the_bucket() {
        for (status, code) in [(301, "PermanentRedirect"), (400, "AuthorizationHeaderMalformed"), (301, "")] {
            let response = StatusError { region: Some("eu-west-1".to_owned()), ..response(status, code) };
            let StoreError::Upstream { reason, .. } =
                BucketError::of_status(&response).into_error("s3://media")
            else {
                panic!("a fault");
            };
            assert!(reason.contains("set AWS_REGION=eu-west-1"), "{reason}");
        }
    }
}
