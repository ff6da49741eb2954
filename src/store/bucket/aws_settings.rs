//! What the environment and the profile of AWS say about requests to S3: endpoint, addressing, region, and what is not
//! supported.
//!
//! The precedence is that of the AWS SDKs and Tools Reference Guide: the mount's own settings, environment variables,
//! the profile's `[services …]` section, the profile.

use super::aws_profile::Profile;
use super::client::is_true;
use super::endpoint::{Endpoint, Source};
use crate::config::{Addressing, Bucket, Environment, service_url};

/// Variables with the endpoint of S3, the first that is set applies. The last one is known to `object_store` only.
const ENDPOINT_VARIABLES: [&str; 3] = ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"];

/// Whether to ignore all endpoints of the environment and of the profile.
pub(super) fn ignores_endpoints(environment: &Environment, profile: Option<&Profile>) -> bool {
    let of_profile = || profile?.get("ignore_configured_endpoint_urls");
    environment.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS").or_else(of_profile).is_some_and(is_true)
}

/// The endpoint, if one is configured.
pub(super) fn endpoint(bucket: &Bucket, profile: Option<&Profile>) -> Result<Option<Endpoint>, String> {
    let is_ignored = ignores_endpoints(&bucket.environment, profile);
    let variables = if is_ignored { &[][..] } else { &ENDPOINT_VARIABLES };
    let configured = Endpoint::configured(bucket, variables)?;
    let (None, Some(profile), false) = (&configured, profile, is_ignored) else { return Ok(configured) };
    let name = profile.name();
    let in_services =
        profile.of_service("s3", "endpoint_url")?.map(|url| (url, "endpoint_url below s3 in its services"));
    // Not documented, but some plugins of the AWS command line read it.
    let nested = || Some((profile.nested("s3", "endpoint_url")?, "endpoint_url below s3"));
    let own = || Some((profile.get("endpoint_url")?, "endpoint_url"));
    let Some((url, key)) = in_services.or_else(nested).or_else(own) else { return Ok(None) };
    let key = format!("{key} of the profile `{name}`");
    match service_url(url) {
        Ok(url) => Ok(Some(Endpoint { url, source: Source::Profile(key), is_in_host: false })),
        Err(reason) => Err(format!("{key}: {reason}")),
    }
}

/// Whether requests name the bucket in the host.
pub(super) fn is_in_host(bucket: &Bucket, profile: Option<&Profile>) -> Result<bool, String> {
    match bucket.addressing {
        Addressing::Path => return Ok(false),
        Addressing::VirtualHost => return Ok(true),
        Addressing::Usual => {}
    }
    if let Some(value) = bucket.environment.get("AWS_VIRTUAL_HOSTED_STYLE_REQUEST") {
        return Ok(is_true(value));
    }
    let Some(profile) = profile else { return Ok(false) };
    match profile.nested("s3", "addressing_style").unwrap_or("auto") {
        // Both forms reach the bucket where the AWS tools choose by themselves.
        "auto" | "path" => Ok(false),
        "virtual" => Ok(true),
        other => Err(format!(
            "addressing_style of the profile `{}` is `{}`; write path, virtual or auto",
            profile.name(),
            other.escape_debug()
        )),
    }
}

/// Rejects settings that would send requests to another address, with other trust, or with another signature than
/// wamedia does.
pub(super) fn refuse_unsupported(
    bucket: &Bucket,
    profile: Option<&Profile>,
    region: Option<&str>,
    has_endpoint: bool,
) -> Result<(), String> {
    let environment = &bucket.environment;
    let region = region.unwrap_or("REGION");
    let refuse = |setting: &str, fix: &str| {
        Err(format!("{setting}, which wamedia does not support; {fix}, or remove the setting"))
    };
    let of_profile = |key: &str| profile.and_then(|profile| profile.get(key));
    let nested = |key: &str| profile.and_then(|profile| profile.nested("s3", key));
    let name = profile.map(Profile::name).unwrap_or_default();
    // A configured endpoint takes precedence over all of these.
    let variants = [
        ("AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint", format!("https://s3-fips.{region}.amazonaws.com")),
        (
            "AWS_USE_DUALSTACK_ENDPOINT",
            "use_dualstack_endpoint",
            format!("https://s3.dualstack.{region}.amazonaws.com"),
        ),
        ("", "use_accelerate_endpoint", "https://s3-accelerate.amazonaws.com".to_owned()),
    ];
    for (variable, key, url) in variants.iter().filter(|_| !has_endpoint) {
        let addressing = if key.contains("accelerate") { " and addressing = \"virtual-host\"" } else { "" };
        let fix = format!("set endpoint = \"{url}\"{addressing} in its [[mount]]");
        match environment.get(variable) {
            Some(value) if is_true(value) => return refuse(&format!("{variable} is set"), &fix),
            None if of_profile(key).or_else(|| nested(key)).is_some_and(is_true) => {
                return refuse(&format!("the profile `{name}` has {key} = true"), &fix);
            }
            // The environment takes precedence over the profile.
            _ => {}
        }
    }
    if let Some(file) = of_profile("ca_bundle")
        && environment.get("AWS_CA_BUNDLE").is_none()
    {
        let fix = format!("set AWS_CA_BUNDLE={file}");
        return refuse(&format!("the profile `{name}` has ca_bundle = {file}"), &fix);
    }
    if let Some(version) = nested("signature_version")
        && !["s3v4", "v4"].contains(&version)
    {
        let setting = format!("the profile `{name}` has signature_version = {}", version.escape_debug());
        return refuse(&setting, "set it to s3v4");
    }
    Ok(())
}
