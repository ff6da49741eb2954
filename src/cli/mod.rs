//! The command line: one file a command, and the only code that prints.
//!
//! Results go to stdout, everything else to stderr. Every error names the thing, the reason and the fix. The exit code,
//! [`Exit`], is for scripts.

// Doc comments on arguments are help texts, printed as they are.
#![allow(clippy::doc_markdown)]

mod asset;
mod check;
mod generate;
mod index;
mod input;
mod link;
mod message;
mod progress;
mod serve;
mod simulate;
mod walk;

use std::ffi::OsString;
use std::fmt;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tokio::runtime::{Builder, Runtime};

use crate::config::{self, Flags, Settings};
use crate::store::{StoreError, UpstreamFault};

/// Hosts media for WhatsApp link sends.
///
/// A WhatsApp message can name the URL of an image, video, audio file, sticker or document, which Meta's fetcher downloads.
/// wamedia serves those files with the headers that tell WhatsApp how long to keep each one, checks them against WhatsApp's
/// rules, and writes the messages that send them.
#[derive(Debug, Parser)]
#[command(name = "wamedia", version, max_term_width = 100, after_help = EXAMPLES)]
struct Arguments {
    /// Configuration file [default: ./wamedia.toml if it exists]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::Arguments),
    Check(check::Arguments),
    Simulate(simulate::Arguments),
    Link(link::Arguments),
    Index(index::Arguments),
    // Boxed, because it is by far the largest variant.
    Message(Box<message::Arguments>),
    Generate(generate::Arguments),
}

const EXAMPLES: &str = "\
Examples:
  wamedia serve media               host the folder `media` on http://127.0.0.1:8080
  wamedia serve                     host the folders and buckets of ./wamedia.toml
  wamedia check media               check whether WhatsApp will take each file
  wamedia link campaign/banner.jpg  print the link to put into a message
  wamedia message campaign/banner.jpg --to +16505551234
                                    print the message that sends it
  wamedia index media               write the index that keeps Last-Modified over deployments
  wamedia message validate a.json   check the payload of a message against WhatsApp's rules

Every setting has an environment variable: WAMEDIA_ and its key, as in WAMEDIA_MEMORY_CACHE.
Flags override environment variables, which override the configuration file.

Exit codes: 0 fine, 1 the answer is no, 2 wrong usage or configuration, 3 system error.";

/// Exit codes. Scripts depend on the numbers, so they never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Exit {
    /// Done, and the answer is yes.
    Fine = 0,
    /// Done, and the answer is no.
    No = 1,
    /// Wrong usage or configuration.
    Usage = 2,
    /// System error: I/O, network.
    System = 3,
}

/// Why a command failed, and its exit code.
#[derive(Debug)]
struct CommandError {
    exit: Exit,
    message: String,
}

impl CommandError {
    fn new(exit: Exit, message: impl fmt::Display) -> Self {
        Self { exit, message: message.to_string() }
    }

    /// The same error, with its subject in front.
    fn about(self, thing: impl fmt::Display) -> Self {
        Self { message: format!("{thing}: {}", self.message), ..self }
    }
}

/// A bucket that denies access is a configuration error. An archived asset cannot be sent, which is an answer. Any other store error
/// is a system error.
fn store_error(error: StoreError) -> CommandError {
    let exit = match error {
        StoreError::Upstream { fault: UpstreamFault::Refused, .. } => Exit::Usage,
        StoreError::Archived(_) => Exit::No,
        _ => Exit::System,
    };
    CommandError::new(exit, error)
}

/// Runs the command that the process was started with.
pub fn run() -> ExitCode {
    // Exits the process with 0 after help and version, with 2 after wrong usage.
    let arguments = Arguments::parse_from(with_config_first(std::env::args_os().collect()));
    let result = match arguments.command {
        Command::Serve(command) => serve::run(command, arguments.config),
        Command::Check(command) => check::run(&command, arguments.config.as_deref()),
        Command::Simulate(command) => simulate::run(&command, arguments.config),
        Command::Link(command) => link::run(&command, arguments.config),
        Command::Index(command) => index::run(&command, arguments.config),
        Command::Message(command) => message::run(&command, arguments.config),
        Command::Generate(command) => generate::run(&command),
    };
    let exit = result.unwrap_or_else(|failure| {
        print_stderr(&format!("wamedia: {}\n", failure.message));
        failure.exit
    });
    ExitCode::from(exit as u8)
}

/// Moves a `--config` that directly follows `message` in front of it, where it means the same. After `message`, clap would
/// take it for a flag of the command, which conflicts with its subcommands.
fn with_config_first(mut arguments: Vec<OsString>) -> Vec<OsString> {
    let is_message = |argument: &OsString| argument == "message";
    let Some(at) = arguments.iter().position(is_message) else { return arguments };
    let after = |at: usize| arguments.get(at + 1).and_then(|argument| argument.to_str());
    let count = match after(at) {
        Some("--config") => 2,
        Some(argument) if argument.starts_with("--config=") => 1,
        _ => return arguments,
    };
    let end = (at + 1 + count).min(arguments.len());
    arguments[at..end].rotate_left(1);
    arguments
}

fn load(flags: &Flags) -> Result<Settings, CommandError> {
    let here = std::env::current_dir().map_err(|e| {
        CommandError::new(Exit::System, format_args!("cannot determine the working directory: {e}"))
    })?;
    config::load(flags, std::env::vars_os(), &here).map_err(|e| CommandError::new(Exit::Usage, e))
}

/// Like [`load`], for a command that works without settings: `None` where no store is configured.
fn load_or_none(flags: &Flags) -> Result<Option<Settings>, CommandError> {
    let here = std::env::current_dir().map_err(|e| {
        CommandError::new(Exit::System, format_args!("cannot determine the working directory: {e}"))
    })?;
    match config::load(flags, std::env::vars_os(), &here) {
        Ok(settings) => Ok(Some(settings)),
        Err(config::ConfigError::NoMount) => Ok(None),
        Err(error) => Err(CommandError::new(Exit::Usage, error)),
    }
}

/// Most threads that wait for the file system at the same time.
const WAITING_THREADS: usize = 32;

/// The background runtime. Its shutdown waits for no thread: one that is blocked on a file system or a name lookup must not
/// keep the process alive.
struct Background(Option<Runtime>);

impl std::ops::Deref for Background {
    type Target = Runtime;

    fn deref(&self) -> &Runtime {
        self.0.as_ref().expect("the runtime exists until it is dropped")
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

fn background() -> Result<Background, CommandError> {
    Builder::new_multi_thread()
        .worker_threads(1)
        .max_blocking_threads(WAITING_THREADS)
        .thread_name("background")
        .enable_all()
        .build()
        .map(|runtime| Background(Some(runtime)))
        .map_err(|e| CommandError::new(Exit::System, format_args!("cannot start threads: {e}")))
}

/// Prints a result to stdout. A closed pipe is no error.
fn print(text: &str) -> Result<(), CommandError> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(e) if e.kind() != io::ErrorKind::BrokenPipe => {
            Err(CommandError::new(Exit::System, format_args!("cannot write to stdout: {e}")))
        }
        _ => Ok(()),
    }
}

/// Prints anything but a result. A closed stderr is ignored.
fn print_stderr(text: &str) {
    let _ = io::stderr().write_all(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn config_flag_works_before_and_after_the_command() {
        let line = |text: &str| text.split(' ').map(OsString::from).collect::<Vec<_>>();
        for (given, expected) in [
            ("wamedia message --config F text --body Hi", "wamedia --config F message text --body Hi"),
            ("wamedia message --config=F validate a", "wamedia --config=F message validate a"),
            ("wamedia --config F message a.jpg", "wamedia --config F message a.jpg"),
            ("wamedia message a.jpg --config F", "wamedia message a.jpg --config F"),
            ("wamedia message --config", "wamedia --config message"),
            ("wamedia serve --config F", "wamedia serve --config F"),
        ] {
            assert_eq!(with_config_first(line(given)), line(expected));
        }
    }
}
