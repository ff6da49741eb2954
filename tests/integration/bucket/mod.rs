//! Serving a bucket: the real binary with the tests' S3 server, one file for each subject.

mod archived;
mod bodies;
mod cache;
mod clients;
mod faults;
mod identity;
mod mounts;
mod outage;
mod profiles;
mod proxies;
mod reload;
mod roles;
mod starting;

use std::process::Command;

use super::s3_server::S3Server;
use super::support::{Client, Folder, Response, Server, wamedia};

/// Serves the bucket of `s3` with these variables and these additions to the mount's table.
pub(crate) fn serving_with(s3: &S3Server, variables: &[(&str, &str)], mount: &str) -> Server {
    let folder = Folder::new();
    let server = Server::spawn(&mut command(s3, &folder, variables, mount));
    // The requests at startup are not part of any test.
    s3.clear();
    server
}

/// Serves the bucket of `s3` with default settings.
pub(crate) fn serving(s3: &S3Server) -> Server {
    serving_with(s3, &[], "")
}

/// The command that serves the bucket of `s3`, with its configuration in `folder`.
fn command(s3: &S3Server, folder: &Folder, variables: &[(&str, &str)], mount: &str) -> Command {
    let mut command = command_of(folder, &format!("[[mount]]\nstore = \"s3://media\"\n{mount}\n"));
    command.envs(s3.environment()).envs(variables.iter().copied());
    command
}

/// The command that serves the configuration `toml`, in an environment without bucket settings. `folder` is also its home.
pub(crate) fn command_of(folder: &Folder, toml: &str) -> Command {
    folder.write("wamedia.toml", toml);
    let mut command = wamedia();
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("AWS_")) {
        command.env_remove(name);
    }
    command.env("HOME", folder.path()).current_dir(folder.path()).args(["serve", "--listen", "127.0.0.1:0"]);
    command
}

/// Sends a request whose response is read later.
fn begun(server: &Server, request: &str) -> Client {
    let mut client = server.connect();
    client.send(request);
    client
}

/// Reads the response to its end, or until it breaks off.
#[track_caller]
fn finish(client: &mut Client) -> Response {
    let mut response = client.head().expect("a head");
    client.body(&mut response);
    response
}
