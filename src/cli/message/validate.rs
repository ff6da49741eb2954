//! `wamedia message validate`: checks a payload against WhatsApp's rules.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::super::{CommandError, Exit, print, print_stderr};
use super::template_list::TemplateList;
use super::{recipients, template};
use crate::cli::input;
use crate::message::{self, Dialect, Fault, Unknown};
use crate::whatsapp::messages::Code;

/// Check a payload against WhatsApp's rules, offline, and print it unchanged
///
/// A valid payload goes to stdout byte for byte (unless --flatten changes it); warnings go to stderr. For an invalid one, all errors and warnings go to stdout
/// in the order of the payload: the field, what is wrong with it, the limit, the fix, WhatsApp's error code, and the document
/// with the rule.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wamedia message validate payload.json
  wamedia message validate --dialect 360dialog-on-premises payload.json
  wamedia message validate --templates templates.json payload.json
  wamedia message validate --format json - < payload.json
  wamedia message validate < payload.json | curl -d @- …

With --format json, each error or warning is one line: an object with severity (error or warning),
path, kind (a word such as too-long, or null), code (a number or null), reason and source.

Exit codes: 0 WhatsApp would accept it, with or without warnings, 1 WhatsApp would reject it,
2 wrong usage, not JSON, or more than 1 MiB, 3 system error (the file could not be read).")]
pub(super) struct Arguments {
    /// File with the payload [default: stdin, also written -]
    file: Option<PathBuf>,

    /// API that receives the payload: cloud, on-premises, 360dialog or 360dialog-on-premises
    #[arg(long, value_name = "DIALECT", default_value = "cloud")]
    dialect: Dialect,

    /// Format of errors and warnings
    #[arg(long, value_name = "FORMAT", value_enum, default_value = "text")]
    format: Format,

    /// Report fields and values that no document lists as warnings, not as errors
    #[arg(long)]
    allow_unknown: bool,

    /// Replace line breaks, tabs and more than four spaces in a row, which WhatsApp refuses in variables of templates, by
    /// one space; a payload that changes is printed with other indentation
    #[arg(long)]
    flatten: bool,

    #[command(flatten)]
    list: TemplateList,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// One line of text each
    Text,
    /// One JSON object a line
    Json,
}

/// The largest accepted payload, in bytes: many times what WhatsApp would accept.
const MAX_PAYLOAD: u64 = 1 << 20;
const TOO_LONG: &str =
    "has more than 1 MiB, and no message is that long; pass one payload at a time, with files as links";

pub(super) fn run(arguments: &Arguments) -> Result<Exit, CommandError> {
    let file = arguments.file.as_deref().filter(|file| *file != Path::new("-"));
    let mut files: Vec<_> = arguments.list.files().collect();
    files.push(("the payload", Some(file.unwrap_or(Path::new("-")))));
    recipients::refuse_stdin_twice(&files)?;
    let templates = arguments.list.read()?;
    let name = file.map_or_else(|| "stdin".to_owned(), |file| file.display().to_string());
    let text = read(file).map_err(|failure| failure.about(&name))?;
    let mut payload: Value = serde_json::from_str(&text).map_err(|e| {
        CommandError::new(Exit::Usage, format_args!("is not JSON: {}", JsonError(&e))).about(&name)
    })?;
    let unknown = if arguments.allow_unknown { Unknown::Warned } else { Unknown::Refused };
    let mut faults = message::duplicate_keys(&text);
    let changed = if arguments.flatten { message::flatten(&mut payload) } else { Vec::new() };
    for path in &changed {
        print_stderr(&template::flattened(path));
    }
    faults.extend(match &templates {
        Some(templates) => templates.validate(&payload, arguments.dialect, unknown),
        None => message::validate(&payload, arguments.dialect, unknown),
    });
    let lines: String = faults.iter().map(|fault| line(fault, arguments.format)).collect();
    if faults.iter().any(Fault::is_error) {
        print(&lines)?;
        return Ok(Exit::No);
    }
    print_stderr(&lines);
    if changed.is_empty() {
        print(&text)?;
    } else {
        print(&format!("{payload:#}\n"))?;
    }
    Ok(Exit::Fine)
}

fn read(file: Option<&Path>) -> Result<String, CommandError> {
    let bytes = input::read(file, MAX_PAYLOAD, TOO_LONG)?;
    if bytes.starts_with("\u{feff}".as_bytes()) {
        let reason = "is not JSON: a byte order mark at line 1 column 1; save it as UTF-8 without one";
        return Err(CommandError::new(Exit::Usage, reason));
    }
    String::from_utf8(bytes).map_err(|e| {
        let good = &e.as_bytes()[..e.utf8_error().valid_up_to()];
        let line = good.split(|b| *b == b'\n').count();
        let column = good.rsplit(|b| *b == b'\n').next().map_or(0, <[u8]>::len) + 1;
        let reason = format!("is not JSON: invalid UTF-8 at line {line} column {column}; save it as UTF-8");
        CommandError::new(Exit::Usage, reason)
    })
}

/// Displays a syntax error of JSON with line, column and the fix.
struct JsonError<'a>(&'a serde_json::Error);

impl std::fmt::Display for JsonError<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // serde_json adds "at line 2 column 3" except for an empty text.
        write!(f, "{}", self.0)?;
        if self.0.line() == 0 {
            write!(f, " at line 1 column 1")?;
        }
        let fixes = [
            ("trailing characters", "pass one payload at a time"),
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
