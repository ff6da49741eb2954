//! AWS profiles: endpoint, addressing, region and keys from the shared files, in the order that AWS documents.

use std::process::Command;

use super::command_of;
use super::starting::refused;
use crate::s3_server::{ACCESS_KEY, Meta, REGION, S3Server, SECRET};
use crate::support::{Folder, Server};

const KEYS: &str = "[dev]\naws_access_key_id = AKIDTEST\naws_secret_access_key = SECRETTEST1234567890\n";

fn stored() -> S3Server {
    assert!(KEYS.contains(ACCESS_KEY) && KEYS.contains(SECRET));
    let s3 = S3Server::start();
    s3.put("a.jpg", "right", Meta::default());
    s3
}

/// Serves `s3://media` with the profile `dev` of this config file.
fn with_profile(folder: &Folder, config: &str, variables: &[(&str, &str)]) -> Command {
    folder.write(".aws/config", config);
    folder.write(".aws/credentials", KEYS);
    let mut command = command_of(folder, "[[mount]]\nstore = \"s3://media\"\n");
    command.envs([("AWS_PROFILE", "dev"), ("AWS_ALLOW_HTTP", "true")]).envs(variables.iter().copied());
    command
}

#[test]
fn the_endpoint_of_a_services_section_is_used() {
    let (s3, folder) = (stored(), Folder::new());
    let right = s3.endpoint();
    let gone = "http://127.0.0.1:9";
    let dev = format!("[profile dev]\nregion = {REGION}\n");
    let services = |url: &str| format!("services = local\n[services local]\ns3 =\n  endpoint_url = {url}\n");
    for (config, variables) in [
        (format!("{dev}{}", services(&right)), &[][..]),
        // Precedence, each over the next one.
        (format!("{dev}endpoint_url = {gone}\n{}", services(&right)), &[]),
        (format!("{dev}{}", services(gone)), &[("AWS_ENDPOINT_URL", &*right)]),
        (format!("{dev}{}", services(gone)), &[("AWS_ENDPOINT_URL_S3", &*right), ("AWS_ENDPOINT_URL", gone)]),
        (format!("{dev}endpoint_url = {right}\n"), &[]),
        (format!("{dev}s3 =\n  endpoint_url = {right}\n"), &[]),
        (format!("{dev}s3 =\n  addressing_style = path\n{}", services(&right)), &[]),
        // Harmless settings for uploads and for the AWS command line.
        (
            format!(
                "{dev}output = json\ns3_use_arn_region = true\nrequest_checksum_calculation = when_required\n\
                 s3 =\n  max_concurrent_requests = 20\n  payload_signing_enabled = true\n{}",
                services(&right)
            ),
            &[],
        ),
    ] {
        let server = Server::spawn(&mut with_profile(&folder, &config, variables));
        assert_eq!(server.get("/a.jpg").text(), "right", "{config} {variables:?}");
    }
}

#[test]
fn ignored_endpoints_are_not_used() {
    let (s3, folder) = (stored(), Folder::new());
    let config = format!("[profile dev]\nregion = {REGION}\nendpoint_url = http://127.0.0.1:9\n");
    for (config, variables) in [
        (
            config.clone(),
            &[("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true"), ("AWS_ENDPOINT_URL", "http://127.0.0.1:9")][..],
        ),
        (format!("{config}ignore_configured_endpoint_urls = true\n"), &[]),
    ] {
        let mut command = with_profile(&folder, &config, variables);
        // That of the mount is not one of them.
        folder.write(
            "wamedia.toml",
            format!("[[mount]]\nstore = \"s3://media\"\nendpoint = \"{}\"\n", s3.endpoint()),
        );
        assert_eq!(Server::spawn(&mut command).get("/a.jpg").text(), "right", "{config}");
    }
}

#[test]
fn unsupported_settings_of_a_profile_are_refused_by_name() {
    let folder = Folder::new();
    let services = "services = local\n[services local]\ns3 =\n  endpoint_url =";
    for (lines, variables, words) in [
        ("services = lost\n".to_owned(), &[][..], &["[services lost]", "`dev`"][..]),
        // Keys in the environment come first, but have no endpoint.
        (
            "services = lost\n".to_owned(),
            &[("AWS_ACCESS_KEY_ID", ACCESS_KEY), ("AWS_SECRET_ACCESS_KEY", SECRET)],
            &["[services lost]"],
        ),
        (
            format!("{services} 127.0.0.1:9000\n"),
            &[],
            &["endpoint_url below s3", "`dev`", "http://127.0.0.1:9000"],
        ),
        (
            "use_fips_endpoint = true\n".to_owned(),
            &[],
            &["use_fips_endpoint", "https://s3-fips.us-east-1.amazonaws.com"],
        ),
        (
            "use_dualstack_endpoint = true\n".to_owned(),
            &[],
            &["use_dualstack_endpoint", "https://s3.dualstack.us-east-1"],
        ),
        (
            String::new(),
            &[("AWS_USE_DUALSTACK_ENDPOINT", "true")],
            &["AWS_USE_DUALSTACK_ENDPOINT is set", "https://s3.dualstack"],
        ),
        ("s3 =\n  use_dualstack_endpoint = true\n".to_owned(), &[], &["use_dualstack_endpoint"]),
        (
            "s3 =\n  use_accelerate_endpoint = true\n".to_owned(),
            &[],
            &["use_accelerate_endpoint", "virtual-host"],
        ),
        (
            "s3 =\n  addressing_style = vhost\n".to_owned(),
            &[],
            &["addressing_style", "`vhost`", "path, virtual or auto"],
        ),
        ("s3 =\n  signature_version = s3\n".to_owned(), &[], &["signature_version", "s3v4"]),
        ("ca_bundle = /etc/ca.pem\n".to_owned(), &[], &["ca_bundle", "AWS_CA_BUNDLE=/etc/ca.pem"]),
        ("role_arn = arn:x\nsource_profile = b\n".to_owned(), &[], &["role_arn", "export-credentials"]),
    ] {
        let config = format!("[profile dev]\nregion = {REGION}\n{lines}");
        let mut command = with_profile(&folder, &config, variables);
        refused(&mut command, 2, &[&["s3://media cannot be opened: "], words].concat());
    }
}
