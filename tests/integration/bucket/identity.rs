//! Credentials: keys in the environment, profiles, anonymous access; and no secret is ever printed.

use super::starting::refused;
use super::{command, command_of};
use crate::s3_server::{ACCESS_KEY, FOREVER, Fault, Meta, REGION, S3Server, SECRET, any, of};
use crate::support::{Folder, Server, outcome};

const TOML: &str = "[[mount]]\nstore = \"s3://media\"\n";
const WRONG_KEYS: [(&str, &str); 2] =
    [("AWS_ACCESS_KEY_ID", ACCESS_KEY), ("AWS_SECRET_ACCESS_KEY", "HUSH0000000000000000")];

fn keys(id: &str, secret: &str) -> String {
    format!("aws_access_key_id = {id}\naws_secret_access_key = {secret}\n")
}

/// The shared files of AWS: `right` and `wrong` have keys, `sso` uses single sign-on.
fn shared_files(folder: &Folder, s3: &S3Server) {
    let credentials = format!(
        "[right]\n{}\n[wrong]\n{}",
        keys(ACCESS_KEY, SECRET),
        keys(ACCESS_KEY, "HUSH0000000000000000")
    );
    let config = ["right", "wrong", "sso"]
        .map(|name| format!("[profile {name}]\nregion = {REGION}\nendpoint_url = {}\n", s3.endpoint()));
    folder.write("aws/credentials", credentials);
    folder.write("aws/config", config.concat() + "sso_session = work\nsso_account_id = 1\n");
}

/// A command that uses the shared files and nothing else.
fn with_shared_files(folder: &Folder, s3: &S3Server, toml: &str) -> std::process::Command {
    shared_files(folder, s3);
    let mut command = command_of(folder, toml);
    command
        .env("AWS_SHARED_CREDENTIALS_FILE", folder.at("aws/credentials"))
        .env("AWS_CONFIG_FILE", folder.at("aws/config"))
        .env("AWS_ALLOW_HTTP", "true");
    command
}

fn stored() -> S3Server {
    let s3 = S3Server::start();
    s3.put("a.jpg", "right", Meta::default());
    s3
}

#[test]
fn a_profile_has_keys_a_region_and_an_endpoint() {
    let (s3, folder) = (stored(), Folder::new());
    let server = Server::spawn(with_shared_files(&folder, &s3, TOML).env("AWS_PROFILE", "right"));
    assert_eq!(server.get("/a.jpg").text(), "right");
    assert!(s3.requests().iter().all(|seen| seen.signed));
    refused(
        with_shared_files(&folder, &s3, TOML).env("AWS_PROFILE", "wrong"),
        2,
        &["s3://media cannot be read: ", "SignatureDoesNotMatch"],
    );
}

#[test]
fn the_files_are_found_in_the_home_folder() {
    let (s3, folder) = (stored(), Folder::new());
    shared_files(&folder, &s3);
    std::fs::rename(folder.at("aws"), folder.at(".aws")).expect("a rename");
    let mut command = command_of(&folder, TOML);
    let server = Server::spawn(command.env("AWS_PROFILE", "right").env("AWS_ALLOW_HTTP", "true"));
    assert_eq!(server.get("/a.jpg").text(), "right");
}

#[test]
fn a_profile_that_the_mount_names_comes_before_the_environment() {
    let (s3, folder) = (stored(), Folder::new());
    let named = |profile: &str| format!("{TOML}credentials = \"profile:{profile}\"\n");
    let server = Server::spawn(
        with_shared_files(&folder, &s3, &named("right"))
            .envs(WRONG_KEYS)
            // A session token that belongs to the wrong keys.
            .env("AWS_SESSION_TOKEN", "HUSH")
            .env("AWS_PROFILE", "wrong"),
    );
    assert_eq!(server.get("/a.jpg").text(), "right");
    let mut command = with_shared_files(&folder, &s3, &named("wrong"));
    refused(command.envs(s3.environment()), 2, &["SignatureDoesNotMatch"]);
    let mut command = with_shared_files(&folder, &s3, &named("missing"));
    refused(command.envs(s3.environment()), 2, &["there is no profile `missing`"]);
}

#[test]
fn keys_in_the_environment_come_before_its_profile() {
    let (s3, folder) = (stored(), Folder::new());
    let mut command = with_shared_files(&folder, &s3, TOML);
    let server = Server::spawn(command.envs(s3.environment()).env("AWS_PROFILE", "wrong"));
    assert_eq!(server.get("/a.jpg").text(), "right");
    let mut command = with_shared_files(&folder, &s3, TOML);
    refused(command.envs(WRONG_KEYS).env("AWS_PROFILE", "right"), 2, &["SignatureDoesNotMatch"]);
}

#[test]
fn an_unusable_profile_is_an_error_with_a_fix() {
    let (s3, folder) = (stored(), Folder::new());
    refused(
        with_shared_files(&folder, &s3, TOML).env("AWS_PROFILE", "missing"),
        2,
        &[
            "s3://media cannot be opened: there is no profile `missing` in ",
            "aws/credentials",
            "aws/config",
            "add it",
        ],
    );
    refused(
        with_shared_files(&folder, &s3, TOML).env("AWS_PROFILE", "sso"),
        2,
        &["the profile `sso` gets its keys by sso_session", "aws configure export-credentials --profile sso"],
    );
    let empty = format!("{TOML}credentials = \"profile:empty\"\n");
    let mut command = with_shared_files(&folder, &s3, &empty);
    folder.write("aws/credentials", "[empty]\n");
    refused(&mut command, 2, &["the profile `empty` has no keys"]);
    folder.write("aws/credentials", format!("[empty]\naws_access_key_id = {ACCESS_KEY}\n"));
    refused(&mut command, 2, &["the profile `empty` has no aws_secret_access_key"]);
    assert!(s3.requests().is_empty());
}

#[test]
fn anonymous_requests_are_not_signed() {
    let (s3, folder) = (stored(), Folder::new());
    let server = Server::spawn(&mut command(&s3, &folder, &[], "credentials = \"anonymous\""));
    // This server rejects unsigned requests, which looks like a forbidden key.
    assert_eq!(server.get("/a.jpg").status, 404);
    let seen = s3.requests();
    assert!(seen.len() >= 2 && seen.iter().all(|seen| !seen.signed), "{seen:?}");
    // No other credentials are tried either, even if they could not work.
    let mut command = with_shared_files(&folder, &s3, &format!("{TOML}credentials = \"anonymous\"\n"));
    Server::spawn(command.env("AWS_ENDPOINT_URL", s3.endpoint()).env("AWS_PROFILE", "missing"));
}

#[test]
fn secrets_are_never_printed() {
    const TOKEN: &str = "HUSH-the-token-of-a-session";
    let (s3, folder) = (stored(), Folder::new());
    let with = |toml: &str| {
        let mut command = with_shared_files(&folder, &s3, toml);
        command.envs(s3.environment()).env("AWS_SESSION_TOKEN", TOKEN);
        command
    };
    let secret_in = |text: &str| [SECRET, TOKEN, ACCESS_KEY].into_iter().find(|secret| text.contains(secret));

    let outcome = outcome(with(&format!("{TOML}credentials = \"profile:right\"\n")).arg("--print-config"));
    assert_eq!(outcome.code, Some(0));
    assert_eq!(secret_in(&(outcome.stdout + &outcome.stderr)), None);

    // This server ignores a token that belongs to nothing.
    let server = Server::spawn(&mut with(TOML));
    for fault in
        [Fault::WRONG_SIGNATURE, Fault::EXPIRED_TOKEN, Fault::HangUp, Fault::SLOW_DOWN, Fault::NoLength]
    {
        s3.fault(of("a.jpg"), fault, FOREVER);
        let response = server.get("/a.jpg");
        assert!(response.status >= 500);
        assert_eq!(secret_in(response.text()), None);
        s3.heal();
    }
    assert_eq!(server.get("/a.jpg").text(), "right");
    for line in server.end() {
        assert_eq!(secret_in(&line), None, "{line}");
    }

    for fault in
        [Fault::WRONG_SIGNATURE, Fault::EXPIRED_TOKEN, Fault::SLOW_DOWN, Fault::Elsewhere("eu-west-1")]
    {
        s3.fault(any, fault, FOREVER);
        let outcome = crate::support::outcome(&mut with(TOML));
        assert!(matches!(outcome.code, Some(2 | 3)), "{outcome:?}");
        assert_eq!(secret_in(&outcome.stderr), None, "{outcome:?}");
        s3.heal();
    }
}
