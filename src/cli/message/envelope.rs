//! Flags common to all kinds of messages: recipients, reply, callback data and dialect.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::Value;

use super::super::{CommandError, Exit, print_stderr};
use super::output::Output;
use super::recipients;
use crate::message::{Content, Fault, Message, Recipient, TemplateDefinitions, Unknown};
use crate::whatsapp::messages::is_user_id;

#[derive(Debug, Args)]
#[group(skip)]
pub(super) struct Arguments {
    /// Recipient, repeatable: a number with + and country code, or a user id such as US.13491208655302741918
    #[arg(long, value_name = "RECIPIENT", required_unless_present = "to_file")]
    to: Vec<String>,

    /// File with further recipients, one a line; - for stdin
    #[arg(long, value_name = "FILE")]
    to_file: Option<PathBuf>,

    /// The recipients are group ids
    #[arg(long)]
    group: bool,

    /// Reply to the message with this id
    #[arg(long, value_name = "WAMID")]
    reply_to: Option<String>,

    /// Text that webhooks about this message repeat
    #[arg(long, value_name = "TEXT")]
    callback_data: Option<String>,

    /// Report fields and values that no document lists as warnings, not as errors
    #[arg(long)]
    allow_unknown: bool,

    #[command(flatten)]
    output: Output,
}

/// A recipient, and its file and line if it comes from a file.
struct Addressee {
    text: String,
    line: Option<String>,
}

impl Arguments {
    /// Prints the payload for every recipient; if WhatsApp would reject it for any of them, prints only the reasons.
    pub(super) fn send(&self, content: Content) -> Result<Exit, CommandError> {
        self.send_template(content, None)
    }

    /// The same, validated against the definition of the template.
    pub(super) fn send_template(
        &self,
        content: Content,
        templates: Option<&TemplateDefinitions>,
    ) -> Result<Exit, CommandError> {
        let recipient = |text: &str| if self.group { Recipient::group(text) } else { recipient(text) };
        self.send_to(content, templates, recipient)
    }

    /// The same for content that only groups can receive.
    pub(super) fn send_to_groups(&self, content: Content) -> Result<Exit, CommandError> {
        self.send_to(content, None, |text| Recipient::group(text))
    }

    /// Rejects reading both the content (`--json -`) and the recipients (`--to-file -`) from stdin.
    pub(super) fn refuse_stdin_twice(&self, json: Option<&Path>) -> Result<(), CommandError> {
        recipients::refuse_stdin_twice(&[("--json", json), ("--to-file", self.to_file.as_deref())])
    }

    /// The file of `--to-file`.
    pub(super) fn to_file(&self) -> Option<&Path> {
        self.to_file.as_deref()
    }

    fn send_to(
        &self,
        content: Content,
        templates: Option<&TemplateDefinitions>,
        recipient: impl Fn(&str) -> Recipient,
    ) -> Result<Exit, CommandError> {
        let unknown = if self.allow_unknown { Unknown::Warned } else { Unknown::Refused };
        let addressees = self.addressees()?;
        let mut message = Message::new("", content);
        if let Some(id) = &self.reply_to {
            message = message.reply_to(id);
        }
        if let Some(data) = &self.callback_data {
            message = message.callback_data(data);
        }
        let mut payloads: Vec<Value> = Vec::with_capacity(addressees.len());
        let mut printed = HashSet::new();
        let mut is_refused = false;
        for addressee in addressees {
            message = message.to(recipient(&addressee.text));
            let faults = match message.build_against(self.output.dialect, unknown, templates) {
                Ok(built) => {
                    payloads.push(built.value);
                    built.warnings
                }
                Err(refused) => {
                    is_refused = true;
                    refused.faults().to_vec()
                }
            };
            for fault in faults {
                let line = fault_line(&fault, addressee.line.as_deref());
                if !printed.contains(&line) {
                    print_stderr(&line);
                    printed.insert(line);
                }
            }
        }
        if is_refused {
            return Ok(Exit::No);
        }
        self.output.print(&payloads, self.to_file.is_some() || self.to.len() > 1)?;
        Ok(Exit::Fine)
    }

    fn addressees(&self) -> Result<Vec<Addressee>, CommandError> {
        let mut addressees: Vec<_> =
            self.to.iter().map(|text| Addressee { text: text.clone(), line: None }).collect();
        if let Some(file) = &self.to_file {
            let text = recipients::read(file)?;
            // A byte order mark is not part of the first number.
            let lines = text.strip_prefix('\u{feff}').unwrap_or(&text).lines().map(str::trim).enumerate();
            for (index, text) in lines {
                let line = format!("{}:{}", file.display(), index + 1);
                let (text, dropped) = recipients::without_invisible(text);
                if dropped > 0 {
                    let noun = if dropped == 1 { "character" } else { "characters" };
                    print_stderr(&format!("wamedia: {line}: note: {dropped} invisible {noun} dropped\n"));
                }
                if !text.is_empty() {
                    addressees.push(Addressee { text, line: Some(line) });
                }
            }
            if addressees.is_empty() {
                let reason = format_args!("{} has no recipients; write one a line", file.display());
                return Err(CommandError::new(Exit::Usage, reason));
            }
        }
        Ok(addressees)
    }
}

/// A telephone number, or a business-scoped user id.
fn recipient(text: &str) -> Recipient {
    if is_user_id(text) { Recipient::user(text) } else { Recipient::phone(text) }
}

/// A fault as a line for stderr. Faults of a recipient name its line; faults of the message are the same for all, so they appear
/// once.
fn fault_line(fault: &Fault, line: Option<&str>) -> String {
    match line {
        Some(line) if matches!(&*fault.path, "to" | "recipient") => format!("wamedia: {line}: {fault}\n"),
        _ => format!("wamedia: {fault}\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_ids_and_phone_numbers_are_distinguished() {
        assert_eq!(recipient("US.13491208655302741918"), Recipient::user("US.13491208655302741918"));
        assert_eq!(recipient("US.ENT.11815799212886844830"), Recipient::user("US.ENT.11815799212886844830"));
        for number in ["+1 650 555 1234", "1.650.555.1234", "US.", "us.1", "USA.1", ""] {
            assert_eq!(recipient(number), Recipient::phone(number));
        }
    }
}
