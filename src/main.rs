//! The `wamedia` program: one command, and what became of it as an exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    wamedia::cli::run()
}
