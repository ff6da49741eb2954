//! Message contents from flags or JSON: text, location, contacts, reaction, interactive and hsm.

use std::path::{Path, PathBuf};

use clap::Args;

use super::{envelope, recipients};
use crate::cli::{CommandError, Exit};
use crate::message::{self, Contact, Content, Name, Phone};

/// The content from `--json`, if that flag is there.
fn from_json(
    kind: &str,
    json: Option<&Path>,
    addressed: &envelope::Arguments,
) -> Result<Option<Content>, CommandError> {
    addressed.refuse_stdin_twice(json)?;
    json.map(|file| Ok(Content::written(kind, recipients::read_json(file)?))).transpose()
}

/// The value of a flag that clap requires without `--json`.
fn required(flag: Option<&String>) -> &str {
    flag.expect("clap requires it without --json")
}

#[derive(Debug, Args)]
pub(super) struct Text {
    /// Text of the message, at most 4096 characters
    #[arg(long, value_name = "TEXT", required_unless_present = "json", allow_hyphen_values = true)]
    body: Option<String>,

    /// Show a preview of the first URL in the text; with =false, explicitly show none
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    preview_url: Option<bool>,

    /// File with the whole text object, instead of these flags; - for stdin
    #[arg(long, value_name = "FILE", conflicts_with_all = ["body", "preview_url"])]
    json: Option<PathBuf>,

    #[command(flatten)]
    addressed: envelope::Arguments,
}

impl Text {
    pub(super) fn run(&self) -> Result<Exit, CommandError> {
        let content = from_json("text", self.json.as_deref(), &self.addressed)?.unwrap_or_else(|| {
            let text = message::Text::new(required(self.body.as_ref()));
            self.preview_url.into_iter().fold(text, message::Text::preview_url).into()
        });
        self.addressed.send(content)
    }
}

#[derive(Debug, Args)]
pub(super) struct Location {
    /// Latitude in degrees, -90 to 90
    #[arg(long, value_name = "DEGREES", allow_negative_numbers = true, required_unless_present = "json")]
    latitude: Option<f64>,

    /// Longitude in degrees, -180 to 180
    #[arg(long, value_name = "DEGREES", allow_negative_numbers = true, required_unless_present = "json")]
    longitude: Option<f64>,

    /// Name of the place
    #[arg(long)]
    name: Option<String>,

    /// Address of the place
    #[arg(long)]
    address: Option<String>,

    /// File with the whole location object, instead of these flags; - for stdin
    #[arg(long, value_name = "FILE", conflicts_with_all = ["latitude", "longitude", "name", "address"])]
    json: Option<PathBuf>,

    #[command(flatten)]
    addressed: envelope::Arguments,
}

impl Location {
    pub(super) fn run(&self) -> Result<Exit, CommandError> {
        let content = from_json("location", self.json.as_deref(), &self.addressed)?.unwrap_or_else(|| {
            let degrees = |flag: Option<f64>| flag.expect("clap requires it without --json");
            let place = message::Location::new(degrees(self.latitude), degrees(self.longitude));
            let place = self.name.iter().fold(place, message::Location::name);
            self.address.iter().fold(place, message::Location::address).into()
        });
        self.addressed.send(content)
    }
}

#[derive(Debug, Args)]
pub(super) struct Contacts {
    /// Full name of the contact, first name first
    #[arg(long, required_unless_present = "json")]
    name: Option<String>,

    /// Telephone number of the contact, repeatable
    #[arg(long, value_name = "NUMBER")]
    phone: Vec<String>,

    /// Email address of the contact, repeatable
    #[arg(long, value_name = "ADDRESS")]
    email: Vec<String>,

    /// File with the whole list of contacts, instead of these flags; - for stdin
    #[arg(long, value_name = "FILE", conflicts_with_all = ["name", "phone", "email"])]
    json: Option<PathBuf>,

    #[command(flatten)]
    addressed: envelope::Arguments,
}

impl Contacts {
    pub(super) fn run(&self) -> Result<Exit, CommandError> {
        let content = from_json("contacts", self.json.as_deref(), &self.addressed)?.unwrap_or_else(|| {
            let name = required(self.name.as_ref());
            let first = name.split_whitespace().next().unwrap_or_default();
            let contact = Contact::new(Name::first(name, first));
            let contact = self.phone.iter().fold(contact, |contact, phone| contact.phone(Phone::new(phone)));
            let contact = self.email.iter().fold(contact, |contact, email| contact.email(email, None));
            message::Contacts::one(contact).into()
        });
        self.addressed.send(content)
    }
}

#[derive(Debug, Args)]
pub(super) struct Reaction {
    /// Id of the message to react to
    #[arg(long, value_name = "WAMID", required_unless_present = "json")]
    message_id: Option<String>,

    /// One emoji; an empty text removes the reaction
    #[arg(long, required_unless_present = "json")]
    emoji: Option<String>,

    /// File with the whole reaction object, instead of these flags; - for stdin
    #[arg(long, value_name = "FILE", conflicts_with_all = ["message_id", "emoji"])]
    json: Option<PathBuf>,

    #[command(flatten)]
    addressed: envelope::Arguments,
}

impl Reaction {
    pub(super) fn run(&self) -> Result<Exit, CommandError> {
        let content = from_json("reaction", self.json.as_deref(), &self.addressed)?.unwrap_or_else(|| {
            message::Reaction::new(required(self.message_id.as_ref()), required(self.emoji.as_ref())).into()
        });
        self.addressed.send(content)
    }
}

/// A content with too many forms for flags.
#[derive(Debug, Args)]
pub(super) struct JsonOnly {
    /// File with the object of that kind; - for stdin
    #[arg(long, value_name = "FILE", required = true)]
    json: Option<PathBuf>,

    #[command(flatten)]
    addressed: envelope::Arguments,
}

impl JsonOnly {
    pub(super) fn run(&self, kind: &str) -> Result<Exit, CommandError> {
        let content = from_json(kind, self.json.as_deref(), &self.addressed)?;
        self.addressed.send(content.expect("clap requires it"))
    }
}
