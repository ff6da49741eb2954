//! Output of payloads: JSON, or a curl command that sends them.

use std::fmt::Write as _;

use clap::{Args, ValueEnum};
use serde_json::Value;

use super::super::{CommandError, print};
use crate::message::{Dialect, EndpointParts};
use crate::shell::single_quoted;

/// The version of the Graph API whose shapes these payloads have.
const API_VERSION: &str = "v23.0";

/// How a payload is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// JSON
    Json,
    /// A curl command for sh
    Curl,
}

#[derive(Debug, Args)]
#[group(skip)]
pub(super) struct Output {
    /// API that receives the payload: cloud, on-premises, 360dialog or 360dialog-on-premises
    #[arg(long, value_name = "DIALECT", default_value = "cloud")]
    pub(super) dialect: Dialect,

    /// Output format: JSON, or a curl command
    #[arg(long, value_name = "FORMAT", value_enum, default_value = "json")]
    format: Format,

    /// For curl: URL to post to, instead of the API's own
    #[arg(long, value_name = "URL", value_parser = endpoint)]
    endpoint: Option<String>,

    /// For curl: id of the sending phone number in the Cloud API [default: the variable PHONE_NUMBER_ID]
    #[arg(long, value_name = "ID", value_parser = phone_number_id)]
    phone_number_id: Option<String>,

    /// For curl: version of the Cloud API
    #[arg(long, value_name = "VERSION", default_value = API_VERSION, value_parser = api_version)]
    api_version: String,
}

impl Output {
    /// Prints payloads; with `as_lines`, one a line.
    pub(super) fn print(&self, payloads: &[Value], as_lines: bool) -> Result<(), CommandError> {
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
            // In double quotes, so that the shell expands its variables.
            None => format!("\"{}\"", self.dialect.endpoint(&parts)),
        };
        let dialect = self.dialect;
        let _ = write!(
            text,
            "curl --globoff --url {url} \\\n  -H 'Content-Type: application/json' \\\n  -H \"{}: {}${}\" \\\n  --data-raw {}",
            dialect.credential_header(),
            dialect.credential_prefix(),
            dialect.credential_variable(),
            single_quoted(json)
        );
    }
}

/// A phone number id; digits only, because it is in double quotes in the command, where a shell expands `$`.
fn phone_number_id(text: &str) -> Result<String, String> {
    let is_id = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    is_id
        .then(|| text.to_owned())
        .ok_or_else(|| "not an id; write its digits, such as 106540352242922".to_owned())
}

fn endpoint(text: &str) -> Result<String, String> {
    let host = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    let is_url = host.is_some_and(|host| !host.is_empty() && host.bytes().all(|b| b.is_ascii_graphic()));
    is_url.then(|| text.to_owned()).ok_or_else(|| {
        "not a URL to post to; write one such as https://example.com/messages, percent-encoded".to_owned()
    })
}

fn api_version(text: &str) -> Result<String, String> {
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let is_version = text
        .strip_prefix('v')
        .and_then(|rest| rest.split_once('.'))
        .is_some_and(|(major, minor)| is_number(major) && is_number(minor));
    is_version
        .then(|| text.to_owned())
        .ok_or_else(|| format!("not a version; write one such as {API_VERSION}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_versions_with_shell_syntax_are_rejected() {
        for text in ["$(id)", "1\";x", "", "1 2", "`id`"] {
            assert!(phone_number_id(text).is_err() && api_version(text).is_err(), "{text}");
        }
        assert!(phone_number_id("106540352242922").is_ok() && api_version("v23.0").is_ok());
    }
}
