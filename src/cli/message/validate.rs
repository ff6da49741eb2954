//! `wamedia message validate`: what WhatsApp would say to a payload.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::super::{CommandError, Exit, print, print_stderr};
use crate::cli::input;
use crate::message::{self, Dialect, Fault, Unknown};
use crate::whatsapp::messages::Code;

/// Hold a payload against WhatsApp's rules, offline, and print it back
///
/// A valid payload goes to stdout as it came, byte for byte; doubts go to stderr. Of one that is not, all faults and doubts
/// go to stdout in the order of the payload: what is wrong with which field, the limit that it breaks, the mend, the error
/// that WhatsApp answers with, and the document that says so.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wamedia message validate payload.json
  wamedia message validate --dialect 360dialog-on-premises payload.json
  wamedia message validate --format json - < payload.json
  wamedia message validate < payload.json | curl -d @- …

With --format json each fault is a line, an object with severity (error or warning), path, kind (a word such
as too-long, or null), code (a number or null), reason and source, whether on stdout or on stderr.

Exit codes: 0 WhatsApp would take it, doubts or not, 1 it would not, 2 wrong usage, no JSON, or more than
1 MiB, 3 the file could not be read.")]
pub(super) struct Arguments {
    /// The payload; - for stdin, as is no file
    file: Option<PathBuf>,

    /// The API that it is for: cloud, on-premises, 360dialog or 360dialog-on-premises
    #[arg(long, value_name = "DIALECT", default_value = "cloud")]
    dialect: Dialect,

    /// How faults are written
    #[arg(long, value_name = "FORMAT", value_enum, default_value = "text")]
    format: Format,

    /// Take fields that no document names as doubts rather than as errors
    #[arg(long)]
    allow_unknown: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A line each, for people
    Text,
    /// A JSON object a line
    Json,
}

/// The largest payload that is looked at, in bytes: many times what WhatsApp would take.
const MAX_PAYLOAD: u64 = 1 << 20;
const TOO_LONG: &str =
    "has more than 1 MiB, and no message is that long; give one payload at a time, and files as links";

pub(super) fn run(arguments: &Arguments) -> Result<Exit, CommandError> {
    let file = arguments.file.as_deref().filter(|file| *file != Path::new("-"));
    let name = file.map_or_else(|| "stdin".to_owned(), |file| file.display().to_string());
    let text = read(file).map_err(|failure| failure.about(&name))?;
    let payload: Value = serde_json::from_str(&text).map_err(|e| {
        CommandError::new(Exit::Usage, format_args!("is no JSON: {}", Fallacy(&e))).about(&name)
    })?;
    let unknown = if arguments.allow_unknown { Unknown::Warned } else { Unknown::Refused };
    let mut faults = message::repeated_names(&text);
    faults.extend(message::validate(&payload, arguments.dialect, unknown));
    let lines: String = faults.iter().map(|fault| line(fault, arguments.format)).collect();
    if faults.iter().any(Fault::is_error) {
        print(&lines)?;
        return Ok(Exit::No);
    }
    print_stderr(&lines);
    print(&text)?;
    Ok(Exit::Fine)
}

fn read(file: Option<&Path>) -> Result<String, CommandError> {
    let bytes = input::read(file, MAX_PAYLOAD, TOO_LONG)?;
    if bytes.starts_with("\u{feff}".as_bytes()) {
        let reason = "is no JSON: a byte order mark at line 1 column 1; save it as UTF-8 without one";
        return Err(CommandError::new(Exit::Usage, reason));
    }
    String::from_utf8(bytes).map_err(|e| {
        let good = &e.as_bytes()[..e.utf8_error().valid_up_to()];
        let line = good.split(|b| *b == b'\n').count();
        let column = good.rsplit(|b| *b == b'\n').next().map_or(0, <[u8]>::len) + 1;
        let reason = format!("is no JSON: no UTF-8 at line {line} column {column}; write it as UTF-8");
        CommandError::new(Exit::Usage, reason)
    })
}

/// Why a text is no JSON, with line and column.
struct Fallacy<'a>(&'a serde_json::Error);

impl std::fmt::Display for Fallacy<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // It ends in "at line 2 column 3", but for an empty text, which has no place to name.
        write!(f, "{}", self.0)?;
        if self.0.line() == 0 {
            write!(f, " at line 1 column 1")?;
        }
        let fixes = [
            ("trailing characters", "give one payload at a time"),
            ("recursion limit", "no payload is more than 127 levels deep"),
            (
                "lone leading surrogate",
                "write a character outside the basic plane as two escapes, or as itself",
            ),
        ];
        if let Some((_, fix)) = fixes.iter().find(|(begin, _)| self.0.to_string().starts_with(begin)) {
            write!(f, "; {fix}")?;
        }
        Ok(())
    }
}

fn line(fault: &Fault, format: Format) -> String {
    match format {
        Format::Text => format!("{fault}\n"),
        Format::Json => {
            let Fault { path, severity, kind, code, reason, source } = fault;
            let (severity, kind) = (severity.name(), kind.map(Code::name));
            let object = json!({
                "severity": severity, "path": path, "kind": kind, "code": code, "reason": reason, "source": source
            });
            format!("{object}\n")
        }
    }
}
