//! Contents that come from flags, or, where those cannot say it, from JSON: text, location, contacts, reaction, interactive,
//! template.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};

use super::{envelope, media, recipients};
use crate::cli::{CommandError, Exit, asset};
use crate::message::{self, Contact, Content, Name, Parameter, Phone};

/// The content that was written as JSON, where one was.
fn written(
    kind: &str,
    json: Option<&Path>,
    addressed: &envelope::Arguments,
) -> Result<Option<Content>, CommandError> {
    addressed.refuse_stdin_twice(json)?;
    json.map(|file| Ok(Content::written(kind, recipients::read_json(file)?))).transpose()
}

/// What clap has seen to.
fn given(flag: Option<&String>) -> &str {
    flag.expect("clap asks for it where there is no --json")
}

#[derive(Debug, Args)]
pub(super) struct Text {
    /// What it says, at most 4096 characters
    #[arg(long, value_name = "TEXT", required_unless_present = "json", allow_hyphen_values = true)]
    body: Option<String>,

    /// Show a preview of the first URL in it; or, with =false, say that none is to be shown
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    preview_url: Option<bool>,

    /// The text object, instead of all this: a file, or - for stdin
    #[arg(long, value_name = "FILE", conflicts_with_all = ["body", "preview_url"])]
    json: Option<PathBuf>,

    #[command(flatten)]
    addressed: envelope::Arguments,
}

impl Text {
    pub(super) fn run(&self) -> Result<Exit, CommandError> {
        let content = written("text", self.json.as_deref(), &self.addressed)?.unwrap_or_else(|| {
            let text = message::Text::new(given(self.body.as_ref()));
            self.preview_url.into_iter().fold(text, message::Text::preview_url).into()
        });
        self.addressed.send(content)
    }
}

#[derive(Debug, Args)]
pub(super) struct Location {
    /// In degrees, -90 to 90
    #[arg(long, value_name = "DEGREES", allow_negative_numbers = true, required_unless_present = "json")]
    latitude: Option<f64>,

    /// In degrees, -180 to 180
    #[arg(long, value_name = "DEGREES", allow_negative_numbers = true, required_unless_present = "json")]
    longitude: Option<f64>,

    /// What the place is called
    #[arg(long)]
    name: Option<String>,

    /// Where it is
    #[arg(long)]
    address: Option<String>,

    /// The location object, instead of all this: a file, or - for stdin
    #[arg(long, value_name = "FILE", conflicts_with_all = ["latitude", "longitude", "name", "address"])]
    json: Option<PathBuf>,

    #[command(flatten)]
    addressed: envelope::Arguments,
}

impl Location {
    pub(super) fn run(&self) -> Result<Exit, CommandError> {
        let content = written("location", self.json.as_deref(), &self.addressed)?.unwrap_or_else(|| {
            let degrees = |flag: Option<f64>| flag.expect("clap asks for it where there is no --json");
            let place = message::Location::new(degrees(self.latitude), degrees(self.longitude));
            let place = self.name.iter().fold(place, message::Location::name);
            self.address.iter().fold(place, message::Location::address).into()
        });
        self.addressed.send(content)
    }
}

#[derive(Debug, Args)]
pub(super) struct Contacts {
    /// What somebody is called: the first name in front
    #[arg(long, required_unless_present = "json")]
    name: Option<String>,

    /// A telephone number of theirs, repeatable
    #[arg(long, value_name = "NUMBER")]
    phone: Vec<String>,

    /// An address for email of theirs, repeatable
    #[arg(long, value_name = "ADDRESS")]
    email: Vec<String>,

    /// The list of contacts, instead of all this: a file, or - for stdin
    #[arg(long, value_name = "FILE", conflicts_with_all = ["name", "phone", "email"])]
    json: Option<PathBuf>,

    #[command(flatten)]
    addressed: envelope::Arguments,
}

impl Contacts {
    pub(super) fn run(&self) -> Result<Exit, CommandError> {
        let content = written("contacts", self.json.as_deref(), &self.addressed)?.unwrap_or_else(|| {
            let name = given(self.name.as_ref());
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
    /// The message that is reacted to
    #[arg(long, value_name = "WAMID", required_unless_present = "json")]
    message_id: Option<String>,

    /// One emoji; an empty one takes the reaction away
    #[arg(long, required_unless_present = "json")]
    emoji: Option<String>,

    /// The reaction object, instead of all this: a file, or - for stdin
    #[arg(long, value_name = "FILE", conflicts_with_all = ["message_id", "emoji"])]
    json: Option<PathBuf>,

    #[command(flatten)]
    addressed: envelope::Arguments,
}

impl Reaction {
    pub(super) fn run(&self) -> Result<Exit, CommandError> {
        let content = written("reaction", self.json.as_deref(), &self.addressed)?.unwrap_or_else(|| {
            message::Reaction::new(given(self.message_id.as_ref()), given(self.emoji.as_ref())).into()
        });
        self.addressed.send(content)
    }
}

/// What has too many forms for flags.
#[derive(Debug, Args)]
pub(super) struct Written {
    /// The object of that kind: a file, or - for stdin
    #[arg(long, value_name = "FILE", required = true)]
    json: Option<PathBuf>,

    #[command(flatten)]
    addressed: envelope::Arguments,
}

impl Written {
    pub(super) fn run(&self, kind: &str) -> Result<Exit, CommandError> {
        let content = written(kind, self.json.as_deref(), &self.addressed)?;
        self.addressed.send(content.expect("clap asks for it"))
    }
}

#[derive(Debug, Args)]
pub(super) struct Template {
    /// The template's name: lower-case letters, digits and underscores
    #[arg(long, required_unless_present = "json")]
    name: Option<String>,

    /// Its language, such as en or pt_BR
    #[arg(long, value_name = "CODE", requires = "name")]
    language: Option<String>,

    /// An asset for its header, as for `wamedia link`: an image, a video or a document
    #[arg(long, value_name = "PATH", requires = "name", conflicts_with = "json")]
    header: Option<PathBuf>,

    /// How long the link in its header counts, for an asset that needs a signed one: 15m, 24h, 7d [default: 24h]
    #[arg(long, value_name = "TIME", value_parser = asset::lifetime, allow_hyphen_values = true, requires = "header")]
    expires: Option<Duration>,

    /// A text for the next variable in its body, repeatable
    #[arg(long, value_name = "TEXT", requires = "name", conflicts_with = "json")]
    parameter: Vec<String>,

    /// The list of its components; or, without --name, the template object: a file, or - for stdin
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
                let json = json.expect("clap asks for it where there is no --name");
                if json.is_array() {
                    let reason = "--json has a list, which are the components of a template: add --name and --language, \
                                  or write the whole template object";
                    return Err(CommandError::new(Exit::Usage, reason));
                }
                Content::written("template", json)
            }
            (Some(name), json) => {
                let Some(language) = &self.language else {
                    let reason = "a template is sent in a language: add --language, such as en or pt_BR";
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

/// A template with components that were written by hand.
fn template(name: &str, language: &str, components: &Value) -> Value {
    json!({ "name": name, "language": { "code": language }, "components": components })
}
