//! Reads template definitions from the JSON of WhatsApp's APIs.

use std::fmt;

use serde_json::{Map, Value};

use super::variables::{ParameterFormat, Variables, is_position};
use super::{Button, Card, Content, Definition, Definitions, Header, HeaderFormat, Offer, Pages};
use crate::whatsapp::templates::{BUTTON_TYPES, ButtonComponent};

/// Why JSON is not a list of template definitions.
///
/// ```
/// use wamedia::message::TemplateDefinitions;
///
/// let json = serde_json::json!({"error": {"message": "Invalid OAuth access token", "code": 190}});
/// let error = TemplateDefinitions::read(&json).unwrap_err();
/// assert!(error.to_string().contains("Invalid OAuth access token"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefinitionsError(String);

impl fmt::Display for DefinitionsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for DefinitionsError {}

fn error<T>(reason: impl Into<String>) -> Result<T, DefinitionsError> {
    Err(DefinitionsError(reason.into()))
}

/// The fields that lists of templates are in: Meta's, that of a WABA with `fields=message_templates`, and 360dialog's.
const LISTS: [&str; 4] = ["data", "message_templates", "waba_templates", "templates"];

/// Reads one response, an array of templates or of responses, or one template.
pub(super) fn definitions(json: &Value) -> Result<Definitions, DefinitionsError> {
    let mut read = Definitions::default();
    value(json, "", &mut read)?;
    if read.templates.is_empty() {
        return error(
            "has no templates; write what GET /{waba-id}/message_templates answers, an array of templates, or one template",
        );
    }
    Ok(read)
}

fn value(json: &Value, path: &str, read: &mut Definitions) -> Result<(), DefinitionsError> {
    match json {
        Value::Array(elements) => {
            for (at, element) in elements.iter().enumerate() {
                value(element, &format!("{path}[{at}]"), read)?;
            }
            Ok(())
        }
        Value::Object(map) => object(map, path, read),
        _ => error(format!("{}is neither a template nor a list of templates", at(path))),
    }
}

fn object(map: &Map<String, Value>, path: &str, read: &mut Definitions) -> Result<(), DefinitionsError> {
    if let Some(refused) = map.get("error") {
        let message = refused.get("message").and_then(Value::as_str).unwrap_or_default();
        return error(format!(
            "{}is an error response of WhatsApp, not a list of templates: {}; request the list again",
            at(path),
            message.escape_debug()
        ));
    }
    if map.contains_key("name") && (map.contains_key("language") || map.contains_key("components")) {
        read.templates.push(template(map, path)?);
        return Ok(());
    }
    let Some((name, list)) = LISTS.iter().find_map(|name| Some((name, map.get(*name)?))) else {
        return error(format!(
            "{}has neither `data` nor `name` and `language`; write what GET /{{waba-id}}/message_templates answers, an \
             array of templates, or one template",
            at(path)
        ));
    };
    let path = if path.is_empty() { (*name).to_owned() } else { format!("{path}.{name}") };
    value(list, &path, read)?;
    if list.is_array() {
        let cursor =
            |name: &str| map.get("paging").and_then(|paging| paging.get(name)).is_some_and(Value::is_string);
        read.pages.push(Pages { before: cursor("previous"), after: cursor("next") });
    }
    Ok(())
}

fn template(map: &Map<String, Value>, path: &str) -> Result<Definition, DefinitionsError> {
    let Some(name) = word(map, "name") else {
        return error(format!("{}`name` is not text; write the template's name", at(path)));
    };
    // Payloads have the language as an object.
    let language = map.get("language").and_then(|language| match language {
        Value::String(code) => Some(code.as_str()),
        other => other.get("code").and_then(Value::as_str),
    });
    let Some(language) = language else {
        return error(format!(
            "{}the template `{}` has no `language`; request it too (fields=name,language,status,parameter_format,components)",
            at(path),
            name.escape_debug()
        ));
    };
    let content = match map.get("components") {
        None | Some(Value::Null) => None,
        Some(Value::Array(components)) => Some(content(components)),
        Some(_) => return error(format!("{}`components` is not an array", at(path))),
    };
    let declared = word(map, "parameter_format").map(|format| {
        if format.eq_ignore_ascii_case("NAMED") {
            ParameterFormat::Named
        } else {
            ParameterFormat::Positional
        }
    });
    Ok(Definition {
        name: name.to_owned(),
        language: language.to_owned(),
        status: word(map, "status").map(str::to_uppercase),
        format: declared
            .unwrap_or_else(|| content.as_ref().map_or(ParameterFormat::Positional, inferred_format)),
        content,
    })
}

/// The format by the names of the variables, since `parameter_format` is returned only on request.
fn inferred_format(content: &Content) -> ParameterFormat {
    let cards = content.cards.iter().flatten().map(|card| &card.body);
    let header = content.header.iter().map(|header| &header.variables);
    let mut names = cards.chain(header).chain([&content.body]).flat_map(Variables::names);
    if names.any(|name| !is_position(name)) { ParameterFormat::Named } else { ParameterFormat::Positional }
}

fn content(components: &[Value]) -> Content {
    let mut content =
        Content { header: None, body: Variables::NONE, buttons: Vec::new(), offer: Offer::None, cards: None };
    for component in components.iter().filter_map(Value::as_object) {
        match word(component, "type").unwrap_or_default().to_uppercase().as_str() {
            "HEADER" => content.header = Some(header(component)),
            "BODY" => content.body = body(component),
            "BUTTONS" => content.buttons = buttons(component),
            "CAROUSEL" => content.cards = Some(cards(component)),
            "LIMITED_TIME_OFFER" => {
                let expires =
                    component.get("limited_time_offer").and_then(|offer| offer.get("has_expiration"));
                content.offer = match expires {
                    Some(Value::Bool(false)) => Offer::Endless,
                    _ => Offer::Expires,
                };
            }
            // FOOTER has no variables. Of others nothing is known.
            _ => {}
        }
    }
    content
}

fn header(component: &Map<String, Value>) -> Header {
    let written = word(component, "format").unwrap_or("TEXT").to_uppercase();
    let format = match written.as_str() {
        "TEXT" => HeaderFormat::Text,
        "IMAGE" => HeaderFormat::Other("image"),
        "VIDEO" => HeaderFormat::Other("video"),
        "GIF" => HeaderFormat::Other("gif"),
        "DOCUMENT" => HeaderFormat::Other("document"),
        "LOCATION" => HeaderFormat::Other("location"),
        "PRODUCT" => HeaderFormat::Other("product"),
        _ => HeaderFormat::Unknown,
    };
    let text = word(component, "text");
    Header { format, variables: text.map_or(Variables::Unknown, Variables::of) }
}

fn body(component: &Map<String, Value>) -> Variables {
    match word(component, "text") {
        Some(text) => Variables::of(text),
        // As authentication templates are created: Meta writes the text, whose only variable is the code.
        None if component.contains_key("add_security_recommendation") => {
            Variables::Known(vec!["1".to_owned()])
        }
        None => Variables::Unknown,
    }
}

fn buttons(component: &Map<String, Value>) -> Vec<Button> {
    let list = component.get("buttons").and_then(Value::as_array);
    list.into_iter().flatten().map(button).collect()
}

fn button(button: &Value) -> Button {
    let text = |name: &str| button.get(name).and_then(Value::as_str);
    let word = text("type").unwrap_or_default();
    let known = BUTTON_TYPES.iter().find(|known| known.word.eq_ignore_ascii_case(word));
    let url = text("url").unwrap_or_default();
    let variable = url.find("{{");
    Button {
        known,
        component: match known.map(|known| known.component) {
            Some(ButtonComponent::IfVariable) if variable.is_some() => Some(ButtonComponent::Required),
            // A URL button without its URL in the file may have a variable.
            Some(ButtonComponent::IfVariable) if url.is_empty() => None,
            Some(ButtonComponent::IfVariable) => Some(ButtonComponent::Refused),
            component => component,
        },
        label: text("text").map(str::to_owned),
        url_prefix: variable.map(|at| url[..at].to_owned()),
    }
}

fn cards(component: &Map<String, Value>) -> Vec<Card> {
    let list = component.get("cards").and_then(Value::as_array);
    let components =
        |card: &Value| card.get("components").and_then(Value::as_array).cloned().unwrap_or_default();
    let contents = list.into_iter().flatten().map(|card| content(&components(card)));
    contents
        .map(|content| Card { header: content.header, body: content.body, buttons: content.buttons })
        .collect()
}

fn word<'a>(map: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    map.get(name).and_then(Value::as_str)
}

/// `data[2]: `, to begin a sentence with.
fn at(path: &str) -> String {
    if path.is_empty() { String::new() } else { format!("{path}: ") }
}
