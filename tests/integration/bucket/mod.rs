//! Serving a bucket: the real binary before the S3 server of the tests, one file a subject.

mod bodies;
mod cache;
mod clients;
mod faults;
mod identity;
mod mounts;
mod outage;
mod reload;
mod roles;
mod starting;

use std::process::Command;

use super::s3_server::S3Server;
use super::support::{Client, Folder, Response, Server, wamedia};

/// Serves the bucket of `s3` with these variables and what `mount` adds to its table.
pub(crate) fn serving_with(s3: &S3Server, variables: &[(&str, &str)], mount: &str) -> Server {
    let folder = Folder::new();
    let server = Server::spawn(&mut command(s3, &folder, variables, mount));
    // Whatever was asked to see whether the bucket is there is no test's business.
    s3.clear();
    server
}

/// Serves the bucket of `s3` as it comes.
pub(crate) fn serving(s3: &S3Server) -> Server {
    serving_with(s3, &[], "")
}

/// The command that serves the bucket of `s3`, with its configuration in `folder`.
fn command(s3: &S3Server, folder: &Folder, variables: &[(&str, &str)], mount: &str) -> Command {
    let mut command = command_of(folder, &format!("[[mount]]\nstore = \"s3://media\"\n{mount}\n"));
    command.envs(s3.environment()).envs(variables.iter().copied());
    command
}

/// The command that serves what `toml` says, in an environment that knows of no bucket. `folder` is its home, too.
pub(crate) fn command_of(folder: &Folder, toml: &str) -> Command {
    folder.write("wamedia.toml", toml);
    let mut command = wamedia();
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("AWS_")) {
        command.env_remove(name);
    }
    command.env("HOME", folder.path()).current_dir(folder.path()).args(["serve", "--listen", "127.0.0.1:0"]);
    command
}

/// Sends the request, for a response that is read while something happens.
fn begun(server: &Server, request: &str) -> Client {
    let mut client = server.connect();
    client.send(request);
    client
}

/// Reads the response to its end, as far as it comes.
#[track_caller]
fn finish(client: &mut Client) -> Response {
    let mut response = client.head().expect("a head");
    client.body(&mut response);
    response
}
