//! Message contents from flags or JSON: text, location, contacts, reaction, interactive, template and hsm.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};

use super::{envelope, media, recipients};
use crate::cli::{CommandError, Exit, asset};
use crate::message::{self, Contact, Content, Name, Parameter, Phone};

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

#[derive(Debug, Args)]
pub(super) struct Template {
    /// Name of the template: lower-case letters, digits and underscores
    #[arg(long, required_unless_present = "json")]
    name: Option<String>,

    /// Language of the template, such as en or pt_BR
    #[arg(long, value_name = "CODE", requires = "name")]
    language: Option<String>,

    /// Asset for the header, as for `wamedia link`: an image, a video or a document
    #[arg(long, value_name = "PATH", requires = "name", conflicts_with = "json")]
    header: Option<PathBuf>,

    /// Lifetime of the link in the header, for an asset that needs a signed one: 15m, 24h, 7d [default: 24h]
    #[arg(long, value_name = "TIME", value_parser = asset::lifetime, allow_hyphen_values = true, requires = "header")]
    expires: Option<Duration>,

    /// Text for the next variable in the body, repeatable
    #[arg(long, value_name = "TEXT", requires = "name", conflicts_with = "json")]
    parameter: Vec<String>,

    /// File with the list of components, or without --name the whole template object; - for stdin
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,

    #[command(flatten)]
    addressed: envelope::Arguments,
}

impl Template {
    pub(super) fn run(&self, config: Option<PathBuf>) -> Result<Exit, CommandError> {
        self.addressed.refuse_stdin_twice(self.json.as_deref())?;
        let json = self.json.as_deref().map(recipients::read_json).transpose()?;
        let content = match (&self.name, json) {
            (None, json) => {
                let json = json.expect("clap requires it without --name");
                if json.is_array() {
                    let reason = "--json has a list, so these are the components of a template; add --name and --language, or \
                                  write the whole template object";
                    return Err(CommandError::new(Exit::Usage, reason));
                }
                Content::written("template", json)
            }
            (Some(name), json) => {
                let Some(language) = &self.language else {
                    let reason = "a template needs a language; add --language, such as en or pt_BR";
                    return Err(CommandError::new(Exit::Usage, reason));
                };
                match json {
                    None => {
                        let parameters = self.parameter.iter().map(Parameter::text);
                        let template = message::Template::new(name, language).body(parameters);
                        match &self.header {
                            Some(path) => template.header(media::header(path, self.expires, config)?).into(),
                            None => template.into(),
                        }
                    }
                    Some(components) => Content::written("template", template(name, language, &components)),
                }
            }
        };
        self.addressed.send(content)
    }
}

/// A template object with components from `--json`.
fn template(name: &str, language: &str, components: &Value) -> Value {
    json!({ "name": name, "language": { "code": language }, "components": components })
}
