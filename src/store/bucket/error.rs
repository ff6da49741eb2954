//! What a bucket says other than yes, and what it means for us.
//!
//! The services tell why by a status and a code; `object_store` is_transient on the status at best. So the [client](super::client)
//! reads what is refused itself and sends it along inside the error, as an [`StatusError`], or a [`TransportError`] where there was
//! none.

use std::error::Error;

use httpdate::HttpDate;
use hyper::StatusCode;

use crate::store::{StoreError, UpstreamFault};

/// An answer to a request for an object that is no success.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the answer is {status}{}{}", after(", ", .code.as_ref(), ""), after(" (", .message.as_ref(), ")"))]
pub(super) struct StatusError {
    pub(super) status: StatusCode,
    /// The service's own word for it: `NoSuchKey`.
    pub(super) code: Option<String>,
    pub(super) message: Option<String>,
    /// Where the bucket is, if the service says so.
    pub(super) region: Option<String>,
    /// Of the object, on a 304.
    pub(super) last_modified: Option<HttpDate>,
}

fn after(before: &str, text: Option<&String>, behind: &str) -> String {
    text.map_or_else(String::new, |text| format!("{before}{}{behind}", text.trim_end_matches('.')))
}

/// Why there was no answer.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{host} {reason}")]
pub(super) struct TransportError {
    pub(super) host: String,
    pub(super) reason: String,
    /// Whether credentials were asked for, not an object.
    pub(super) for_credentials: bool,
    /// Whether trying again can help.
    pub(super) is_transient: bool,
}

/// What it means that a request for an object did not succeed.
#[derive(Debug, Clone)]
pub(super) enum BucketError {
    /// It is still the version that was asked about; `Last-Modified` comes along where the service tells it.
    NotModified(Option<HttpDate>),
    /// It is no longer the version that was asked for.
    Changed,
    /// There is no such object. Whether the answer gives a reason: any web server says 404, and a store says why, but to
    /// a HEAD.
    Missing { explained: bool },
    /// We may not read it, or there is none: who may not list a bucket is not logged which.
    Forbidden,
    /// It was not asked: too many others wait for it.
    Busy,
    /// This object cannot be had, which says nothing of the others.
    Unusable(String),
    /// The bucket cannot be asked: whose fault it is, and in words.
    UpstreamFault(UpstreamFault, String),
}

impl BucketError {
    /// What an error of `object_store` means.
    pub(super) fn of(error: &object_store::Error) -> Self {
        if let Some(answered) = find::<StatusError>(error) {
            return Self::of_status(answered);
        }
        if let Some(none) = find::<TransportError>(error) {
            return Self::of_transport(none);
        }
        match error {
            object_store::Error::NotFound { .. } => Self::Missing { explained: true },
            object_store::Error::NotModified { .. } => Self::NotModified(None),
            object_store::Error::Precondition { .. } => Self::Changed,
            other => Self::Unusable(format!("it answers in a way that cannot be used: {}", innermost(other))),
        }
    }

    fn of_status(answered: &StatusError) -> Self {
        let code = answered.code.as_deref().unwrap_or_default();
        match answered.status {
            StatusCode::NOT_MODIFIED => return Self::NotModified(answered.last_modified),
            // A part is only asked for of a version that has it.
            StatusCode::PRECONDITION_FAILED | StatusCode::RANGE_NOT_SATISFIABLE => return Self::Changed,
            _ => {}
        }
        if let Some(region) = answered.region.as_deref().filter(|_| is_about_region(answered)) {
            return Self::UpstreamFault(
                UpstreamFault::Refused,
                format!(
                    "{answered}: the bucket is in the region {region}; set AWS_REGION={region}, or region in its [[mount]]"
                ),
            );
        }
        if let Some((_, fix)) = FIXES.iter().find(|(known, _)| *known == code) {
            return Self::UpstreamFault(UpstreamFault::Refused, format!("{answered}: {fix}"));
        }
        if NAMELESS.contains(&code) {
            return Self::Missing { explained: true };
        }
        match answered.status.as_u16() {
            404 => Self::Missing { explained: !code.is_empty() },
            403 if code == "AccessDenied" => Self::Forbidden,
            408 | 429 | 500..=599 => Self::UpstreamFault(UpstreamFault::Unavailable, answered.to_string()),
            301 | 302 | 307 | 308 => Self::UpstreamFault(
                UpstreamFault::Refused,
                format!("{answered}: it sends us elsewhere; check the bucket's name, region and endpoint"),
            ),
            401 => Self::UpstreamFault(UpstreamFault::Refused, format!("{answered}: check the credentials")),
            _ => Self::Unusable(answered.to_string()),
        }
    }

    fn of_transport(none: &TransportError) -> Self {
        let fault = if none.is_transient { UpstreamFault::Unreachable } else { UpstreamFault::Refused };
        if !none.for_credentials {
            return Self::UpstreamFault(fault, none.to_string());
        }
        Self::UpstreamFault(
            fault,
            format!(
                "no credentials could be had ({none}); set them where the provider's own tools look for them (for S3 \
                 AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile), or write credentials = \"anonymous\" in its \
                 [[mount]] if everybody may read it"
            ),
        )
    }

    /// Whether the same request may succeed a moment later.
    pub(super) fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::UpstreamFault(
                UpstreamFault::Unreachable | UpstreamFault::Unavailable | UpstreamFault::Late,
                _
            )
        )
    }

    /// Whether who asked for one version is logged that it is not there any more.
    pub(super) fn is_version_gone(&self) -> bool {
        matches!(self, Self::Changed | Self::Missing { .. } | Self::Forbidden)
    }

    /// The same as the error of a store that is called `name`, for who asked without conditions.
    pub(super) fn into_error(self, name: &str) -> StoreError {
        match self {
            Self::Missing { .. } | Self::Forbidden => StoreError::NotFound,
            Self::Changed => StoreError::Changing,
            Self::Busy => StoreError::Busy(format!("all of upstream.connections to {name} are taken").into()),
            Self::NotModified(_) => {
                upstream(UpstreamFault::Refused, name, "it answers 304 to a request without conditions")
            }
            Self::Unusable(reason) => upstream(UpstreamFault::Refused, name, &reason),
            Self::UpstreamFault(fault, reason) => upstream(fault, name, &reason),
        }
    }
}

fn upstream(fault: UpstreamFault, name: &str, reason: &str) -> StoreError {
    let (verb, fix) = match fault {
        UpstreamFault::Refused => ("cannot be read", ""),
        UpstreamFault::Unreachable => {
            ("cannot be reached", "; check its endpoint, and the network on the way")
        }
        UpstreamFault::Unavailable => ("is out of order", ""),
        UpstreamFault::Late => {
            ("does not answer in time", "; check its endpoint, and the network on the way")
        }
    };
    StoreError::Upstream { fault, reason: format!("{name} {verb}: {reason}{fix}").into() }
}

/// The codes of AWS, Google and Azure that somebody here has to mend, whatever status they come with.
const FIXES: &[(&str, &str)] = &[
    ("NoSuchBucket", "there is no bucket of this name; check the name and the endpoint"),
    ("InvalidBucketName", "no bucket can have this name; check it"),
    ("ContainerNotFound", "there is no container of this name; check the name and the account"),
    ("InvalidAccessKeyId", "the access key is not known there; check AWS_ACCESS_KEY_ID and the endpoint"),
    ("SignatureDoesNotMatch", "the secret does not belong to the access key; check AWS_SECRET_ACCESS_KEY"),
    ("ExpiredToken", "the session token has expired; get new credentials"),
    ("ExpiredTokenException", "the session token has expired; get new credentials"),
    ("InvalidToken", "the session token is not valid; get new credentials, and check AWS_SESSION_TOKEN"),
    ("TokenRefreshRequired", "the session token has expired; get new credentials"),
    ("RequestTimeTooSkewed", "the clocks of this machine and the service differ; set this one's (NTP)"),
    ("RequestExpired", "the clocks of this machine and the service differ; set this one's (NTP)"),
    ("AuthenticationRequired", "it wants credentials; check them"),
    ("InvalidAuthenticationInfo", "the credentials are malformed; check them"),
    (
        "AuthenticationFailed",
        "the account's key is wrong, or this machine's clock is; check AZURE_STORAGE_ACCOUNT_KEY",
    ),
    ("NoAuthenticationInformation", "it wants credentials; set AZURE_STORAGE_ACCOUNT_KEY or a token"),
    (
        "PublicAccessNotPermitted",
        "the account lets nobody in without credentials; set AZURE_STORAGE_ACCOUNT_KEY or a token",
    ),
    (
        "AuthorizationFailure",
        "the key is wrong, or the account's network rules keep this machine out; check both",
    ),
    (
        "AuthorizationPermissionMismatch",
        "the credentials may not read blobs; give them the role Storage Blob Data Reader",
    ),
    ("AccountIsDisabled", "the account is disabled"),
    (
        "UserProjectMissing",
        "the bucket's requesters pay, which needs a project; use a bucket whose owner pays",
    ),
];

/// The codes that say that no object can have such a name, so that none has it.
const NAMELESS: [&str; 3] = ["KeyTooLongError", "XMinioInvalidObjectName", "InvalidObjectName"];

/// Whether the answer says that we asked in the wrong region.
fn is_about_region(answered: &StatusError) -> bool {
    const CODES: [&str; 4] = [
        "PermanentRedirect",
        "TemporaryRedirect",
        "AuthorizationHeaderMalformed",
        "IllegalLocationConstraintException",
    ];
    answered.status.is_redirection() || answered.code.as_deref().is_some_and(|code| CODES.contains(&code))
}

/// The error of this type among the causes of another.
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

/// The first cause, in its own words: what lies around it repeats it.
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

    fn answered(status: u16, code: &str) -> StatusError {
        StatusError {
            status: StatusCode::from_u16(status).expect("a status"),
            code: (!code.is_empty()).then(|| code.to_owned()),
            message: None,
            region: None,
            last_modified: None,
        }
    }

    fn fault(status: u16, code: &str) -> Option<UpstreamFault> {
        match BucketError::of_status(&answered(status, code)) {
            BucketError::UpstreamFault(fault, _) => Some(fault),
            _ => None,
        }
    }

    #[test]
    fn only_a_missing_key_and_one_that_is_denied_look_like_missing_media() {
        for (status, code) in [(404, "NoSuchKey"), (404, ""), (404, "BlobNotFound"), (400, "KeyTooLongError")]
        {
            let refusal = BucketError::of_status(&answered(status, code));
            assert!(
                matches!(refusal, BucketError::Missing { explained } if explained != code.is_empty()),
                "{code}"
            );
        }
        assert!(matches!(BucketError::of_status(&answered(403, "AccessDenied")), BucketError::Forbidden));
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
        for (status, code) in [(403, "InvalidObjectState"), (403, ""), (400, "InvalidRequest")] {
            let refusal = BucketError::of_status(&answered(status, code));
            assert!(matches!(refusal, BucketError::Unusable(_)), "{status} {code} is about one object");
        }
    }

    #[test]
    fn the_region_that_the_service_names_is_passed_on() {
        for (status, code) in [(301, "PermanentRedirect"), (400, "AuthorizationHeaderMalformed"), (301, "")] {
            let answered = StatusError { region: Some("eu-west-1".to_owned()), ..answered(status, code) };
            let StoreError::Upstream { reason, .. } =
                BucketError::of_status(&answered).into_error("s3://media")
            else {
                panic!("a fault");
            };
            assert!(reason.contains("set AWS_REGION=eu-west-1"), "{reason}");
        }
    }
}
