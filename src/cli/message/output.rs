//! How payloads are printed: as JSON, or as a command that sends them.

use std::fmt::Write as _;

use clap::{Args, ValueEnum};
use serde_json::Value;

use super::super::{Failure, print};
use crate::message::{Dialect, EndpointParts};

/// The version of the Graph API whose shapes these payloads have.
const API_VERSION: &str = "v23.0";

/// How a payload is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// JSON, to be piped
    Json,
    /// A command for sh, to be pasted
    Curl,
}

#[derive(Debug, Args)]
#[group(skip)]
pub(super) struct Output {
    /// The API that it is for: cloud, on-premises, 360dialog or 360dialog-on-premises
    #[arg(long, value_name = "DIALECT", default_value = "cloud")]
    pub(super) dialect: Dialect,

    /// As JSON, or as a curl command
    #[arg(long, value_name = "FORMAT", value_enum, default_value = "json")]
    format: Format,

    /// For curl: the URL to post to, instead of the API's own
    #[arg(long, value_name = "URL")]
    endpoint: Option<String>,

    /// For curl: the id of the sending number in the Cloud API [default: the variable PHONE_NUMBER_ID]
    #[arg(long, value_name = "ID")]
    phone_number_id: Option<String>,

    /// For curl: the version of the Cloud API
    #[arg(long, value_name = "VERSION", default_value = API_VERSION)]
    api_version: String,
}

impl Output {
    /// Prints payloads; `as_lines` where each shall take one line.
    pub(super) fn print(&self, payloads: &[Value], as_lines: bool) -> Result<(), Failure> {
        let mut text = String::new();
        for payload in payloads {
            let json = if as_lines { payload.to_string() } else { format!("{payload:#}") };
            match self.format {
                Format::Json => text += &json,
                Format::Curl => self.write_curl(&mut text, &json),
            }
            text.push('\n');
        }
        print(&text)
    }

    fn write_curl(&self, text: &mut String, json: &str) {
        let parts = EndpointParts {
            version: Some(&self.api_version),
            phone_number_id: self.phone_number_id.as_deref(),
            host: None,
        };
        let url = match &self.endpoint {
            Some(url) => single_quoted(url),
            // In double quotes, for the variables that it may have.
            None => format!("\"{}\"", self.dialect.endpoint(&parts)),
        };
        let dialect = self.dialect;
        let _ = write!(
            text,
            "curl {url} \\\n  -H 'Content-Type: application/json' \\\n  -H \"{}: {}${}\" \\\n  --data-raw {}",
            dialect.credential_header(),
            dialect.credential_prefix(),
            dialect.credential_variable(),
            single_quoted(json)
        );
    }
}

/// A text as one word of a shell, which takes nothing in it for anything but itself (POSIX, Shell Command Language,
/// section 2.2.2).
fn single_quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quote_ends_the_quotes_and_begins_them_again() {
        assert_eq!(single_quoted("$a `b` \"c\" \\"), "'$a `b` \"c\" \\'");
        assert_eq!(single_quoted("it's"), r"'it'\''s'");
        assert_eq!(single_quoted(""), "''");
    }
}
