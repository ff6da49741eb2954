//! From the settings of a bucket to a client of its service: where it is, and who we say that we are.
//!
//! The variables of the environment mean what they mean to `object_store`, and so mostly what they mean to the provider's own
//! tools; what the table of the mount says comes before them.

use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::{BackoffConfig, ClientConfigKey, ObjectStore, RetryConfig};

use super::aws_profile::{Keys, Profile};
use super::client::{Connector, is_true};
use crate::config::{Addressing, Bucket, Credentials, Environment, Service, service_url};
use crate::store::{StoreError, UpstreamFault};

/// A client for a bucket. Nobody is asked anything yet.
///
/// Fails where the settings and the environment do not say enough, or contradict each other.
pub(crate) fn connect(bucket: &Bucket, connector: &Connector) -> Result<Arc<dyn ObjectStore>, StoreError> {
    let connected = refuse_control_characters(&bucket.environment).and_then(|()| match bucket.service {
        Service::S3 => s3(bucket, connector),
        Service::Gcs => gcs(bucket, connector),
        Service::Azure => azure(bucket, connector),
    });
    connected.map_err(|reason| StoreError::Upstream {
        fault: UpstreamFault::Refused,
        reason: format!("{bucket} cannot be opened: {reason}").into(),
    })
}

/// What is sent in a header cannot hold a line break, which a secret gets when it is read from a file with its last line's.
fn refuse_control_characters(environment: &Environment) -> Result<(), String> {
    let is_text = |name: &str| name == "GOOGLE_SERVICE_ACCOUNT_KEY";
    match environment.iter().find(|(name, value)| !is_text(name) && value.contains(char::is_control)) {
        None => Ok(()),
        Some((name, _)) => {
            Err(format!("the variable {name} holds a line break or another control character; take it out"))
        }
    }
}

/// The URL of a service that the first of these variables which is set gives.
fn said_url(environment: &Environment, names: &[&str]) -> Option<Result<String, String>> {
    let (name, value) = names.iter().find_map(|name| Some((name, environment.get(name)?)))?;
    Some(service_url(value).map_err(|reason| format!("the variable {name}: {reason}")))
}

/// Retries are [`upstream`](super::upstream)'s, which knows how long a client may be kept waiting.
fn no_retries() -> RetryConfig {
    RetryConfig { backoff: BackoffConfig::default(), max_retries: 0, retry_timeout: Duration::from_secs(20) }
}

/// What is wrong, without the name of the store that `object_store` puts first.
fn words(error: &object_store::Error) -> String {
    let text = error.to_string();
    text.strip_prefix("Generic ")
        .and_then(|rest| rest.split_once(" error: "))
        .map_or(text.clone(), |(_, rest)| rest.to_owned())
}

fn s3(bucket: &Bucket, connector: &Connector) -> Result<Arc<dyn ObjectStore>, String> {
    use AmazonS3ConfigKey as Key;
    let environment = &bucket.environment;
    let says = |names: &[&str]| names.iter().any(|name| environment.get(name).is_some());
    let has_own = says(&["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_WEB_IDENTITY_TOKEN_FILE"]);
    if bucket.credentials == Credentials::Usual
        && says(&["AWS_ACCESS_KEY_ID"]) != says(&["AWS_SECRET_ACCESS_KEY"])
    {
        return Err(
            "of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY only one is set; set both, or none".to_owned()
        );
    }
    let profile = match &bucket.credentials {
        Credentials::Profile(name) => Some(Profile::find(Some(name), environment)?),
        // A region may stand there, too, but nothing that is needed.
        Credentials::Usual if has_own => Profile::find(None, environment).ok(),
        Credentials::Usual => Some(Profile::find(None, environment)?),
        Credentials::Anonymous => None,
    };
    // A profile that is named in the settings comes before the keys in the environment, and those before any other.
    let keys = match (&bucket.credentials, &profile) {
        (Credentials::Profile(name), Some(profile)) => Some(profile.keys()?.ok_or_else(|| {
            format!(
                "the profile `{}` has no keys; add aws_access_key_id and aws_secret_access_key",
                name.escape_debug()
            )
        })?),
        (Credentials::Usual, Some(profile)) if !has_own => profile.keys()?,
        _ => None,
    };
    let mut builder = AmazonS3Builder::new();
    for (name, value) in environment.iter().filter(|(name, _)| name.starts_with("AWS_")) {
        // A session's token that is left in the environment belongs to other keys than the profile's.
        let is_of_others = keys.is_some() && matches!(name, "AWS_SESSION_TOKEN" | "AWS_TOKEN");
        if !is_of_others && let Ok(key) = name.to_ascii_lowercase().parse::<Key>() {
            builder = builder.with_config(key, value);
        }
    }
    if let Some(Keys { id, secret, token }) = keys {
        builder = builder.with_access_key_id(id).with_secret_access_key(secret);
        if let Some(token) = token {
            builder = builder.with_token(token);
        }
    }
    if bucket.credentials == Credentials::Anonymous {
        builder = builder.with_skip_signature(true);
    }
    let of_profile = |key| profile.as_ref().and_then(|profile| profile.get(key));
    let region = match &bucket.region {
        Some(region) => Some(region.as_str()),
        None if says(&["AWS_REGION", "AWS_DEFAULT_REGION"]) => None,
        None => of_profile("region"),
    };
    if let Some(region) = region {
        builder = builder.with_region(region);
    }
    let endpoint = bucket
        .endpoint
        .clone()
        .map(Ok)
        .or_else(|| said_url(environment, &["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"]))
        .or_else(|| Some(service_url(of_profile("endpoint_url")?)))
        .transpose()?;
    let is_in_host = match bucket.addressing {
        Addressing::Usual => environment.get("AWS_VIRTUAL_HOSTED_STYLE_REQUEST").is_some_and(is_true),
        Addressing::Path => false,
        Addressing::VirtualHost => true,
    };
    builder = builder.with_virtual_hosted_style_request(is_in_host);
    if let Some(endpoint) = &endpoint {
        // A plain one that stands in our own configuration is meant.
        if bucket.endpoint.is_some() && endpoint.starts_with("http://") {
            builder = builder.with_config(Key::Client(ClientConfigKey::AllowHttp), "true");
        }
        let endpoint = if is_in_host { in_host(endpoint, &bucket.name) } else { endpoint.clone() };
        // The one for S3 alone would come before the other.
        builder = builder.with_config(Key::S3Endpoint, &endpoint).with_endpoint(endpoint);
    }
    let connector = match environment.get("AWS_IMDSV1_FALLBACK") {
        Some(said) if is_true(said) => connector.clone().showing_refusals(),
        _ => connector.clone(),
    };
    let store = builder
        .with_bucket_name(&bucket.name)
        .with_http_connector(connector)
        .with_retry(no_retries())
        .build()
        .map_err(|e| format!("{}; check the AWS_ variables", words(&e)))?;
    Ok(Arc::new(store))
}

/// An endpoint with the bucket first in its host, where `object_store` expects it, unless it stands there already.
fn in_host(endpoint: &str, bucket: &str) -> String {
    match endpoint.split_once("://") {
        Some((scheme, host)) if host.strip_prefix(bucket).is_none_or(|rest| !rest.starts_with('.')) => {
            format!("{scheme}://{bucket}.{host}")
        }
        _ => endpoint.to_owned(),
    }
}

fn gcs(bucket: &Bucket, connector: &Connector) -> Result<Arc<dyn ObjectStore>, String> {
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
    said_url(&bucket.environment, &["GOOGLE_BASE_URL"]).transpose()?;
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
        .map_err(|e| format!("{}; check the GOOGLE_ variables", words(&e)))?;
    Ok(Arc::new(store))
}

fn azure(bucket: &Bucket, connector: &Connector) -> Result<Arc<dyn ObjectStore>, String> {
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
    said_url(&bucket.environment, &["AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT"]).transpose()?;
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
            format!("{}; check AZURE_STORAGE_ACCOUNT_NAME and the other AZURE_ variables", words(&e))
        })?;
    Ok(Arc::new(store))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bucket_stands_once_in_the_host() {
        for (endpoint, expected) in [
            ("https://s3.example.com", "https://media.s3.example.com"),
            ("https://media.s3.example.com", "https://media.s3.example.com"),
            ("http://mediastore.example:9000", "http://media.mediastore.example:9000"),
        ] {
            assert_eq!(in_host(endpoint, "media"), expected);
        }
    }
}
