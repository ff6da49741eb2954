//! The `wamedia` program: runs one command and exits with its exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    wamedia::cli::run()
}
