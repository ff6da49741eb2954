//! Makes the client of a bucket from its settings: endpoint, region and credentials.
//!
//! Environment variables mean what they mean to `object_store`, which is mostly what they mean to the provider's own
//! tools. The settings in the mount's table take precedence over them.

use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::{BackoffConfig, ClientConfigKey, ObjectStore, RetryConfig};

use super::aws_profile::{Keys, Profile};
use super::aws_settings;
use super::client::{Connector, is_true};
use super::endpoint::Endpoint;
use crate::config::{Bucket, Credentials, Environment, Service};
use crate::store::{StoreError, UpstreamFault};

/// The client of a bucket, and its endpoint, if one is configured.
pub(crate) struct Connection {
    pub(super) store: Arc<dyn ObjectStore>,
    pub(super) endpoint: Option<Endpoint>,
}

impl Connection {
    /// The connection of a program that has a store of its own.
    pub(crate) fn over(store: Arc<dyn ObjectStore>) -> Self {
        Self { store, endpoint: None }
    }
}

/// A client for a bucket. No request is sent yet.
///
/// Fails if the settings and the environment are incomplete or contradict each other.
pub(crate) fn connect(bucket: &Bucket, connector: &Connector) -> Result<Connection, StoreError> {
    let connected = reject_control_characters(&bucket.environment).and_then(|()| match bucket.service {
        Service::S3 => s3(bucket, connector),
        Service::Gcs => gcs(bucket, connector),
        Service::Azure => azure(bucket, connector),
    });
    connected.map_err(|reason| StoreError::Upstream {
        fault: UpstreamFault::Refused,
        reason: format!("{bucket} cannot be opened: {reason}").into(),
    })
}

/// A header value cannot contain a line break. A secret gets one when it is read from a file together with the file's
/// final line break.
fn reject_control_characters(environment: &Environment) -> Result<(), String> {
    let is_text = |name: &str| name == "GOOGLE_SERVICE_ACCOUNT_KEY";
    match environment.iter().find(|(name, value)| !is_text(name) && value.contains(char::is_control)) {
        None => Ok(()),
        Some((name, _)) => {
            Err(format!("the variable {name} contains a line break or another control character; remove it"))
        }
    }
}

/// No retries by `object_store`: [`upstream`](super::upstream) retries, because it knows the request's timeout.
fn no_retries() -> RetryConfig {
    RetryConfig { backoff: BackoffConfig::default(), max_retries: 0, retry_timeout: Duration::from_secs(20) }
}

/// The error message without the store name that `object_store` puts first.
fn without_store_name(error: &object_store::Error) -> String {
    let text = error.to_string();
    text.strip_prefix("Generic ")
        .and_then(|rest| rest.split_once(" error: "))
        .map_or(text.clone(), |(_, rest)| rest.to_owned())
}

/// The profile that applies to a bucket, and whether the environment has keys or a web identity.
fn profile(bucket: &Bucket) -> Result<(Option<Profile>, bool), String> {
    let environment = &bucket.environment;
    let is_set = |names: &[&str]| names.iter().any(|name| environment.get(name).is_some());
    let has_own_keys = is_set(&["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_WEB_IDENTITY_TOKEN_FILE"]);
    if bucket.credentials == Credentials::Usual
        && is_set(&["AWS_ACCESS_KEY_ID"]) != is_set(&["AWS_SECRET_ACCESS_KEY"])
    {
        return Err(
            "only one of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY is set; set both, or none".to_owned()
        );
    }
    let profile = match &bucket.credentials {
        Credentials::Profile(name) => Some(Profile::find(Some(name), environment)?),
        // The profile may have a region, but nothing that is required.
        Credentials::Usual if has_own_keys => Profile::find(None, environment).ok(),
        Credentials::Usual => Some(Profile::find(None, environment)?),
        // Its endpoint and region apply, too.
        Credentials::Anonymous => Profile::find(None, environment).ok(),
    };
    Ok((profile, has_own_keys))
}

fn s3(bucket: &Bucket, connector: &Connector) -> Result<Connection, String> {
    use AmazonS3ConfigKey as Key;
    let environment = &bucket.environment;
    let is_set = |names: &[&str]| names.iter().any(|name| environment.get(name).is_some());
    let (profile, has_own_keys) = profile(bucket)?;
    // Precedence: the profile that the mount names, then keys in the environment, then any other profile.
    let keys = match (&bucket.credentials, &profile) {
        (Credentials::Profile(name), Some(profile)) => Some(profile.keys()?.ok_or_else(|| {
            format!(
                "the profile `{}` has no keys; add aws_access_key_id and aws_secret_access_key, or a role_arn with a \
                 web_identity_token_file",
                name.escape_debug()
            )
        })?),
        (Credentials::Usual, Some(profile)) if !has_own_keys => profile.keys()?,
        _ => None,
    };
    let is_endpoint_ignored = aws_settings::ignores_endpoints(environment, profile.as_ref());
    let mut builder = AmazonS3Builder::new();
    for (name, value) in environment.iter().filter(|(name, _)| name.starts_with("AWS_")) {
        // Keys in the environment do not mix with those of the profile.
        let is_of_others = keys.is_some()
            && matches!(
                name,
                "AWS_ACCESS_KEY_ID"
                    | "AWS_SECRET_ACCESS_KEY"
                    | "AWS_SESSION_TOKEN"
                    | "AWS_TOKEN"
                    | "AWS_WEB_IDENTITY_TOKEN_FILE"
                    | "AWS_ROLE_ARN"
                    | "AWS_ROLE_SESSION_NAME"
            );
        let is_ignored = is_endpoint_ignored && name.starts_with("AWS_ENDPOINT");
        if !is_of_others
            && !is_ignored
            && let Ok(key) = name.to_ascii_lowercase().parse::<Key>()
        {
            builder = builder.with_config(key, value);
        }
    }
    match keys {
        Some(Keys::Static { id, secret, token }) => {
            builder = builder.with_access_key_id(id).with_secret_access_key(secret);
            if let Some(token) = token {
                builder = builder.with_token(token);
            }
        }
        Some(Keys::WebIdentity { file, role, session }) => {
            builder = builder.with_config(Key::WebIdentityTokenFile, file).with_config(Key::RoleArn, role);
            if let Some(session) = session {
                builder = builder.with_config(Key::RoleSessionName, session);
            }
        }
        None => {}
    }
    if bucket.credentials == Credentials::Anonymous {
        builder = builder.with_skip_signature(true);
    }
    let of_profile = |key| profile.as_ref().and_then(|profile| profile.get(key));
    let region = match &bucket.region {
        Some(region) => Some(region.as_str()),
        None if is_set(&["AWS_REGION", "AWS_DEFAULT_REGION"]) => None,
        None => of_profile("region"),
    };
    if let Some(region) = region {
        builder = builder.with_region(region);
    }
    let mut endpoint = aws_settings::endpoint(bucket, profile.as_ref())?;
    let known_region =
        region.or_else(|| environment.get("AWS_REGION").or_else(|| environment.get("AWS_DEFAULT_REGION")));
    aws_settings::refuse_unsupported(bucket, profile.as_ref(), known_region, endpoint.is_some())?;
    let is_in_host = aws_settings::is_in_host(bucket, profile.as_ref())?;
    builder = builder.with_virtual_hosted_style_request(is_in_host);
    if let Some(endpoint) = &mut endpoint {
        endpoint.is_in_host = is_in_host;
        let endpoint = &endpoint.url;
        // An http:// endpoint in wamedia's own configuration is intended.
        if bucket.endpoint.is_some() && endpoint.starts_with("http://") {
            builder = builder.with_config(Key::Client(ClientConfigKey::AllowHttp), "true");
        }
        let endpoint = if is_in_host { in_host(endpoint, &bucket.name) } else { endpoint.clone() };
        // The one for S3 alone would come before the other.
        builder = builder.with_config(Key::S3Endpoint, &endpoint).with_endpoint(endpoint);
    }
    let connector = match environment.get("AWS_IMDSV1_FALLBACK") {
        Some(value) if is_true(value) => connector.clone().passing_error_responses(),
        _ => connector.clone(),
    };
    let store = builder
        .with_bucket_name(&bucket.name)
        .with_http_connector(connector)
        .with_retry(no_retries())
        .build()
        .map_err(|e| format!("{}; check the AWS_ variables", without_store_name(&e)))?;
    Ok(Connection { store: Arc::new(store), endpoint })
}

/// The endpoint with the bucket as the first label of its host, as `object_store` expects it, unless it is there
/// already.
fn in_host(endpoint: &str, bucket: &str) -> String {
    match endpoint.split_once("://") {
        Some((scheme, host)) if host.strip_prefix(bucket).is_none_or(|rest| !rest.starts_with('.')) => {
            format!("{scheme}://{bucket}.{host}")
        }
        _ => endpoint.to_owned(),
    }
}

fn gcs(bucket: &Bucket, connector: &Connector) -> Result<Connection, String> {
    use GoogleConfigKey as Key;
    let mut builder = GoogleCloudStorageBuilder::new();
    for (name, value) in bucket.environment.iter() {
        if name == "SERVICE_ACCOUNT" {
            builder = builder.with_service_account_path(value);
        } else if name.starts_with("GOOGLE_")
            && let Ok(key) = name.to_ascii_lowercase().parse::<Key>()
        {
            builder = builder.with_config(key, value);
        }
    }
    if bucket.credentials == Credentials::Anonymous {
        builder = builder.with_skip_signature(true);
    }
    let endpoint = Endpoint::configured(bucket, &["GOOGLE_BASE_URL"])?;
    if let Some(endpoint) = &bucket.endpoint {
        builder = builder.with_config(Key::BaseUrl, endpoint);
        if endpoint.starts_with("http://") {
            builder = builder.with_config(Key::Client(ClientConfigKey::AllowHttp), "true");
        }
    }
    let store = builder
        .with_bucket_name(&bucket.name)
        .with_http_connector(connector.clone())
        .with_retry(no_retries())
        .build()
        .map_err(|e| format!("{}; check the GOOGLE_ variables", without_store_name(&e)))?;
    Ok(Connection { store: Arc::new(store), endpoint })
}

fn azure(bucket: &Bucket, connector: &Connector) -> Result<Connection, String> {
    use AzureConfigKey as Key;
    let mut builder = MicrosoftAzureBuilder::new();
    for (name, value) in bucket.environment.iter() {
        if name == "IDENTITY_ENDPOINT" {
            builder = builder.with_msi_endpoint(value);
        } else if name.starts_with("AZURE_")
            && let Ok(key) = name.to_ascii_lowercase().parse::<Key>()
        {
            builder = builder.with_config(key, value);
        }
    }
    if bucket.credentials == Credentials::Anonymous {
        builder = builder.with_skip_signature(true);
    }
    let endpoint = Endpoint::configured(bucket, &["AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT"])?;
    if let Some(endpoint) = &bucket.endpoint {
        builder = builder.with_endpoint(endpoint.clone());
        if endpoint.starts_with("http://") {
            builder = builder.with_allow_http(true);
        }
    }
    let store = builder
        .with_container_name(&bucket.name)
        .with_http_connector(connector.clone())
        .with_retry(no_retries())
        .build()
        .map_err(|e| {
            format!(
                "{}; check AZURE_STORAGE_ACCOUNT_NAME and the other AZURE_ variables",
                without_store_name(&e)
            )
        })?;
    Ok(Connection { store: Arc::new(store), endpoint })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bucket_is_in_the_host_once() {
        for (endpoint, expected) in [
            ("https://s3.example.com", "https://media.s3.example.com"),
            ("https://media.s3.example.com", "https://media.s3.example.com"),
            ("http://mediastore.example:9000", "http://media.mediastore.example:9000"),
        ] {
            assert_eq!(in_host(endpoint, "media"), expected);
        }
    }
}
