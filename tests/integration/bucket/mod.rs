//! Serving a bucket: the real binary before the S3 server of the tests, one file a subject.

mod cache;

use super::s3_server::S3Server;
use super::support::{Folder, Server, wamedia};

/// Serves the bucket of `s3` with these variables and what `mount` adds to its table.
pub(crate) fn serving_with(s3: &S3Server, variables: &[(&str, &str)], mount: &str) -> Server {
    let folder = Folder::new();
    folder.write("wamedia.toml", format!("[[mount]]\nstore = \"s3://media\"\n{mount}\n"));
    let mut command = wamedia();
    command.current_dir(folder.path()).args(["serve", "--listen", "127.0.0.1:0"]);
    command.envs(s3.environment()).envs(variables.iter().copied());
    let server = Server::spawn(&mut command);
    // Whatever was asked to see whether the bucket is there is no test's business.
    s3.clear();
    server
}

/// Serves the bucket of `s3` as it comes.
pub(crate) fn serving(s3: &S3Server) -> Server {
    serving_with(s3, &[], "")
}
