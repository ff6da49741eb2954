//! `message template`: a template with its parameters, from flags or JSON.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};

use super::template_list::TemplateList;
use super::{envelope, media, recipients};
use crate::cli::{CommandError, Exit, asset, print_stderr};
use crate::message::{
    self, Content, HeaderNeed, Parameter, TemplateButton, TemplateDefinition, TemplateDefinitions,
    TemplateHeader, TemplateText,
};

#[derive(Debug, Args)]
pub(super) struct Template {
    /// Name of the template: lower-case letters, digits and underscores
    #[arg(long, required_unless_present = "json")]
    name: Option<String>,

    /// Language of the template, such as en or pt_BR
    #[arg(long, value_name = "CODE", requires = "name")]
    language: Option<String>,

    /// Image, video or document for the header: an asset as for `wamedia link`, or a URL; with --templates, also the text
    /// of a text header
    #[arg(long, value_name = "PATH", requires = "name", conflicts_with = "json")]
    header: Option<PathBuf>,

    /// Text for the variable in a text header; for named parameters name=TEXT
    #[arg(long, value_name = "TEXT", requires = "name", conflicts_with_all = ["json", "header"], allow_hyphen_values = true)]
    header_text: Option<String>,

    /// Lifetime of the link in the header, for an asset that needs a signed one: 15m, 24h, 7d [default: 24h]
    #[arg(long, value_name = "TIME", value_parser = asset::lifetime, allow_hyphen_values = true, requires = "header")]
    expires: Option<Duration>,

    /// Text for the next variable in the body, or name=TEXT for a template with named parameters; repeatable
    #[arg(long, value_name = "TEXT", requires = "name", conflicts_with = "json", allow_hyphen_values = true)]
    parameter: Vec<String>,

    /// The parameters have names; --templates shows that by itself
    #[arg(long, requires = "name", conflicts_with = "json")]
    named: bool,

    /// Text for the button at an index from 0, repeatable: a URL suffix or a one-time passcode, or what the button takes by
    /// --templates; INDEX:SUB_TYPE=TEXT for others, such as 1:copy_code=SAVE20
    #[arg(long, value_name = "INDEX=TEXT", requires = "name", conflicts_with = "json")]
    button: Vec<ButtonText>,

    /// Replace line breaks, tabs and more than four spaces in a row, which WhatsApp refuses in variables, by one space
    #[arg(long)]
    flatten: bool,

    #[command(flatten)]
    list: TemplateList,

    /// File with the list of components, or without --name the whole template object; - for stdin
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,

    #[command(flatten)]
    addressed: envelope::Arguments,
}

impl Template {
    pub(super) fn run(&self, config: Option<PathBuf>) -> Result<Exit, CommandError> {
        let mut files: Vec<_> = self.list.files().collect();
        files.extend([("--json", self.json.as_deref()), ("--to-file", self.addressed.to_file())]);
        recipients::refuse_stdin_twice(&files)?;
        let json = self.json.as_deref().map(recipients::read_json).transpose()?;
        let templates = self.list.read()?;
        let mut content = match (&self.name, json) {
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
                    None => self.content_of_flags(name, language, templates.as_ref(), config)?,
                    Some(components) => Content::written("template", template(name, language, &components)),
                }
            }
        };
        if self.flatten {
            for path in content.flatten() {
                print_stderr(&flattened(&path));
            }
        }
        self.addressed.send_template(content, templates.as_ref())
    }

    fn content_of_flags(
        &self,
        name: &str,
        language: &str,
        templates: Option<&TemplateDefinitions>,
        config: Option<PathBuf>,
    ) -> Result<Content, CommandError> {
        let definition = templates.and_then(|templates| templates.find(name, language));
        let is_named = self.named || definition.is_some_and(TemplateDefinition::is_named);
        let mut header = self.header(is_named, definition, config)?;
        let mut body = Vec::with_capacity(self.parameter.len());
        for parameter in &self.parameter {
            if !is_named {
                body.push(Parameter::text(parameter));
                continue;
            }
            let (name, text) = name_and_text("--parameter", parameter, definition)?;
            // A named parameter says itself whether it is the header's.
            let is_of_header = definition.is_some_and(|definition| {
                definition.header_need() == HeaderNeed::Text(name)
                    && !definition.body_variables().iter().any(|variable| variable == name)
            });
            if is_of_header && header.is_none() {
                header = Some(TemplateHeader::Text(TemplateText::named(name, text)));
            } else {
                body.push(Parameter::named(name, text));
            }
        }
        let template = message::Template::new(name, language).body(body);
        let template = header.into_iter().fold(template, message::Template::header);
        let buttons: Result<Vec<_>, _> = self.button.iter().map(|button| button.build(definition)).collect();
        Ok(buttons?.into_iter().fold(template, message::Template::button).into())
    }

    fn header(
        &self,
        is_named: bool,
        definition: Option<&TemplateDefinition>,
        config: Option<PathBuf>,
    ) -> Result<Option<TemplateHeader>, CommandError> {
        let need = definition.map_or(HeaderNeed::Unknown, TemplateDefinition::header_need);
        let text = match (&self.header, &self.header_text, need) {
            (None, None, _) => return Ok(None),
            (None, Some(text), _) => text,
            (Some(path), _, HeaderNeed::Text(_)) => path.to_str().ok_or_else(|| {
                CommandError::new(Exit::Usage, "--header is not UTF-8, and the template's header is text")
            })?,
            (Some(_), _, HeaderNeed::Parameter(kind @ ("location" | "product" | "gif"))) => {
                let reason = format_args!(
                    "the template's header is a {kind}, which --header cannot describe; write the components to a file for \
                     --json"
                );
                return Err(CommandError::new(Exit::Usage, reason));
            }
            (Some(path), _, need) => {
                let kind = match need {
                    HeaderNeed::Parameter(kind) => Some(kind),
                    _ => None,
                };
                return self.media(path, kind, config).map(Some);
            }
        };
        let text = match (is_named, need) {
            (false, _) => TemplateText::new(text),
            // The one variable needs no name, but may have it.
            (true, HeaderNeed::Text(name)) => {
                let given = text.strip_prefix(name).and_then(|rest| rest.strip_prefix('='));
                TemplateText::named(name, given.unwrap_or(text))
            }
            (true, _) => {
                let (name, text) = name_and_text("--header-text", text, None)?;
                TemplateText::named(name, text)
            }
        };
        Ok(Some(TemplateHeader::Text(text)))
    }

    /// The header from a URL, or from an asset.
    fn media(
        &self,
        path: &Path,
        kind: Option<&str>,
        config: Option<PathBuf>,
    ) -> Result<TemplateHeader, CommandError> {
        let url = path.to_str().filter(|text| text.starts_with("https://") || text.starts_with("http://"));
        match url {
            Some(url) => media::header_of_url(url, kind).map(TemplateHeader::from),
            None => media::header(path, self.expires, config).map(TemplateHeader::from),
        }
    }
}

/// A note that a text was changed by --flatten.
pub(super) fn flattened(path: &str) -> String {
    format!(
        "wamedia: note: {path}: replaced line breaks, tabs and runs of more than four spaces by one space\n"
    )
}

fn name_and_text<'a>(
    flag: &str,
    written: &'a str,
    definition: Option<&TemplateDefinition>,
) -> Result<(&'a str, &'a str), CommandError> {
    let named = written.split_once('=').filter(|(name, _)| !name.is_empty());
    named.ok_or_else(|| {
        let variables = definition.map(TemplateDefinition::body_variables).unwrap_or_default();
        let first = variables.first().map_or("first_name", String::as_str);
        let reason = format_args!(
            "{flag} {} has no name, and the parameters of this template are named{}; write {flag} {first}=TEXT",
            written.escape_debug(),
            if variables.is_empty() { String::new() } else { format!(": {}", variables.join(", ")) }
        );
        CommandError::new(Exit::Usage, reason)
    })
}

/// A template object with components from `--json`.
fn template(name: &str, language: &str, components: &Value) -> Value {
    json!({ "name": name, "language": { "code": language }, "components": components })
}

/// `INDEX=TEXT` or `INDEX:SUB_TYPE=TEXT`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct ButtonText {
    index: u8,
    sub_type: Option<SubType>,
    text: String,
}

/// The sub-types whose parameter is one text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SubType {
    Url,
    CopyCode,
    QuickReply,
    Flow,
    Catalog,
    VoiceCall,
}

impl FromStr for SubType {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        Ok(match word.to_ascii_lowercase().as_str() {
            "url" => Self::Url,
            "copy_code" => Self::CopyCode,
            "quick_reply" => Self::QuickReply,
            "flow" => Self::Flow,
            "catalog" => Self::Catalog,
            "voice_call" => Self::VoiceCall,
            _ => {
                return Err("the sub-type is not url, copy_code, quick_reply, flow, catalog or voice_call; write the \
                            component to a file for --json"
                    .to_owned());
            }
        })
    }
}

impl FromStr for ButtonText {
    type Err = String;

    fn from_str(written: &str) -> Result<Self, String> {
        const FORM: &str =
            "not INDEX=TEXT; write the button's place, from 0 to 9, and what fills it, such as 0=spring-sale";
        let (place, text) = written.split_once('=').ok_or(FORM)?;
        let (index, sub_type) = match place.split_once(':') {
            Some((index, word)) => (index, Some(word.parse()?)),
            None => (place, None),
        };
        let index = index.parse().ok().filter(|index| *index <= 9).ok_or(FORM)?;
        Ok(Self { index, sub_type, text: text.to_owned() })
    }
}

impl ButtonText {
    fn build(&self, definition: Option<&TemplateDefinition>) -> Result<TemplateButton, CommandError> {
        let (index, text) = (self.index, &self.text);
        let listed = definition.and_then(|definition| definition.button_sub_type(index.into()));
        let sub_type = match (self.sub_type, listed) {
            (Some(written), _) => written,
            (None, Some(listed)) => listed.parse().map_err(|reason: String| {
                CommandError::new(Exit::Usage, format_args!("--button {index}: {reason}"))
            })?,
            // The validation reports a button that takes nothing, or that is not there.
            (None, None) => SubType::Url,
        };
        Ok(match sub_type {
            SubType::Url => TemplateButton::url(index, text),
            SubType::CopyCode => TemplateButton::copy_code(index, text),
            SubType::QuickReply => TemplateButton::quick_reply(index, text),
            SubType::Flow => TemplateButton::flow(index, Some(text), None),
            SubType::Catalog => TemplateButton::catalog(index, text),
            SubType::VoiceCall => TemplateButton::voice_call(index, None, Some(text)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_button_is_an_index_and_a_text() {
        let button = |index, sub_type, text: &str| ButtonText { index, sub_type, text: text.to_owned() };
        for (written, expected) in [
            ("0=a", button(0, None, "a")),
            ("9=a=b:c", button(9, None, "a=b:c")),
            ("1=", button(1, None, "")),
            ("1:copy_code=SAVE20", button(1, Some(SubType::CopyCode), "SAVE20")),
            ("1:URL=x", button(1, Some(SubType::Url), "x")),
        ] {
            assert_eq!(written.parse(), Ok(expected), "{written}");
        }
        for wrong in ["", "a", "0", "=a", "10=a", "-1=a", "x=a", "0:phone_number=1", "0:=a"] {
            assert!(wrong.parse::<ButtonText>().is_err(), "{wrong}");
        }
    }
}
