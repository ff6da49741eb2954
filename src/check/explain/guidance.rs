//! What an error text says about the payload: the place, what stands there, what is needed, and that as JSON.

use serde_json::{Map, Value, json};

use crate::suggest;
use crate::webhook::Details;
use crate::whatsapp::phone_forms::Forms;

/// Maximum number of parameters that are written out.
const MAX_PARAMETERS: u32 = 100;

/// The place in the payload that an error is about, and what to write there.
///
/// The field is a path as `message validate` prints it. Without the payload, the position of a component in the list is not known,
/// and its type names it: `template.components[type=body]`.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct Guidance {
    /// The path of the field.
    pub field: Option<String>,
    /// What stands there, as JSON, if the text or the payload beside it says so.
    pub value: Option<String>,
    /// What is needed there.
    pub needed: Option<String>,
    /// What is needed, as JSON that can be pasted once the words in capitals are replaced.
    pub paste: Option<Value>,
}

impl Eq for Guidance {}

impl Guidance {
    /// From an error text, and the payload if it is known.
    pub(super) fn of(details: &Details, request: Option<&Value>) -> Self {
        match details {
            Details::Button { card, index, sub_type } => button(*card, *index, sub_type.as_deref(), request),
            Details::Count { card, component, sent, expected } => {
                count(*card, component.as_deref(), (*sent, *expected), request)
            }
            Details::ParameterName { component } => parameter_name(component.as_deref(), request),
            Details::Whitespace { component } => whitespace(component.as_deref(), request),
            Details::Format { component, expected, .. } => format(component.as_deref(), expected, request),
            Details::Field { field, wanted, seen } => wrong_type(field, wanted, seen.as_deref(), request),
            Details::Choice { field, allowed, seen } => choice(field, allowed, seen.as_deref(), request),
            Details::Missing { field } => Self {
                field: Some(field.clone()),
                value: Some("nothing".to_owned()),
                needed: Some("the field, with a value".to_owned()),
                paste: Some(member(last(field), example(last(field)))),
            },
            Details::Unexpected { field } => unexpected(field, request),
            Details::Uri { parameter } => link(parameter, request),
            Details::Length { subject, min, max } => Self {
                field: Some(subject.clone()),
                needed: Some(format!("{min} to {max}")),
                ..Self::default()
            },
            Details::Template { name, language } => Self {
                field: Some("template.name, template.language.code".to_owned()),
                value: Some(json!([name, language]).to_string()),
                needed: Some(
                    "a name and a language that GET /WABA_ID/message_templates lists as APPROVED".to_owned(),
                ),
                paste: Some(json!({"name": name, "language": {"code": "LANGUAGE"}})),
            },
            Details::Object { id } => Self {
                value: Some(json!(id).to_string()),
                needed: Some(
                    "the id of a phone number, or of media, that the token has access to".to_owned(),
                ),
                ..Self::default()
            },
            _ => Self::default(),
        }
    }

    /// For a number that a test number's list may have in its other form.
    pub(super) fn of_number(forms: &Forms, request: Option<&Value>) -> Self {
        let Forms { country, digit, other, has_digit, given } = forms;
        let without = if *has_digit { "without" } else { "with" };
        let to = request.and_then(|request| request.get("to")).map(Value::to_string);
        Self {
            field: Some("to".to_owned()),
            value: Some(to.unwrap_or_else(|| json!(given).to_string())),
            needed: Some(format!(
                "the number exactly as the list of the test number has it; in {country} that is often {without} the {digit}: {other}"
            )),
            paste: Some(json!({"to": other})),
        }
    }

    fn at(place: Place, needed: String, paste: Value) -> Self {
        Self { field: Some(place.path), value: place.value, needed: Some(needed), paste: Some(paste) }
    }
}

/// A place in the payload, and what stands there.
struct Place {
    path: String,
    value: Option<String>,
    /// The component itself.
    found: Option<Value>,
}

/// The component of this type, in the template or in a card of its carousel.
fn component(
    kind: &str,
    card: Option<u32>,
    request: Option<&Value>,
    is_it: impl Fn(&Value) -> bool,
) -> Place {
    let (mut path, mut list) =
        ("template.components".to_owned(), request.and_then(|r| r.pointer("/template/components")));
    if let Some(card) = card {
        let components = list.and_then(Value::as_array);
        let at = components.and_then(|all| all.iter().position(|component| is_type(component, "carousel")));
        path = match at {
            Some(at) => format!("{path}[{at}].cards[{card}].components"),
            None => format!("{path}[type=carousel].cards[{card}].components"),
        };
        let pointer = format!("/cards/{card}/components");
        list = at.and_then(|at| components?.get(at)?.pointer(&pointer));
    }
    let components = list.and_then(Value::as_array);
    let at = components
        .and_then(|all| all.iter().position(|component| is_type(component, kind) && is_it(component)));
    let found = at.and_then(|at| components?.get(at)).cloned();
    let path = match at {
        Some(at) => format!("{path}[{at}]"),
        None => format!("{path}[type={kind}]"),
    };
    let value = match (&found, request) {
        (Some(found), _) => Some(shown(found)),
        (None, Some(_)) => Some("nothing: the payload has no such component".to_owned()),
        (None, None) => None,
    };
    Place { path, value, found }
}

fn is_type(component: &Value, kind: &str) -> bool {
    component.get("type").and_then(Value::as_str).is_some_and(|found| found.eq_ignore_ascii_case(kind))
}

fn button(card: Option<u32>, index: u32, sub_type: Option<&str>, request: Option<&Value>) -> Guidance {
    let is_it = |component: &Value| match component.get("index") {
        Some(Value::String(text)) => text.parse() == Ok(index),
        Some(Value::Number(number)) => number.as_u64() == Some(u64::from(index)),
        _ => false,
    };
    let mut place = component("button", card, request, is_it);
    if place.found.is_none() {
        place.path = place.path.replace("[type=button]", &format!("[type=button, index={index}]"));
    }
    let sub_type = sub_type.unwrap_or("url").to_ascii_lowercase();
    let (sub_type, parameter, what) = match &*sub_type {
        "quick_reply" | "quickreply" => (
            "quick_reply",
            json!({"type": "payload", "payload": "PAYLOAD"}),
            "the payload that a reply brings back",
        ),
        "copy_code" | "copycode" => {
            ("copy_code", json!({"type": "coupon_code", "coupon_code": "CODE"}), "the code to copy")
        }
        "flow" => {
            ("flow", json!({"type": "action", "action": {"flow_token": "TOKEN"}}), "the action of the flow")
        }
        "catalog" => (
            "catalog",
            json!({"type": "action", "action": {"thumbnail_product_retailer_id": "PRODUCT"}}),
            "the product for the thumbnail",
        ),
        "mpm" => (
            "mpm",
            json!({"type": "action", "action": {"thumbnail_product_retailer_id": "PRODUCT", "sections": [
                {"title": "TITLE", "product_items": [{"product_retailer_id": "PRODUCT"}]}]}}),
            "the products",
        ),
        _ => (
            "url",
            json!({"type": "text", "text": "SUFFIX"}),
            "the text that fills the placeholder of the button's URL",
        ),
    };
    let paste = json!({"type": "button", "sub_type": sub_type, "index": index.to_string(), "parameters": [parameter]});
    Guidance::at(place, format!("a component for this button, with one parameter: {what}"), paste)
}

fn count(
    card: Option<u32>,
    name: Option<&str>,
    (sent, expected): (u32, u32),
    request: Option<&Value>,
) -> Guidance {
    let kind = name.unwrap_or("body").trim_end_matches('s');
    let place = component(kind, card, request, |_| true);
    let parameters =
        |count: u32| if count == 1 { "1 parameter".to_owned() } else { format!("{count} parameters") };
    let needed = format!("{} in this component; the message has {sent}", parameters(expected));
    if expected == 0 {
        return Guidance {
            paste: None,
            ..Guidance::at(place, format!("{needed}: remove the component"), Value::Null)
        };
    }
    let existing = place.found.as_ref().and_then(|found| found.get("parameters")?.as_array()).cloned();
    let mut list = existing.unwrap_or_default();
    let wanted = expected.min(MAX_PARAMETERS);
    list.truncate(wanted as usize);
    for at in list.len() + 1..=wanted as usize {
        list.push(json!({"type": "text", "text": format!("TEXT {at}")}));
    }
    let paste = json!({"type": kind, "parameters": list});
    Guidance::at(place, needed, paste)
}

fn parameter_name(name: Option<&str>, request: Option<&Value>) -> Guidance {
    let kind = name.unwrap_or("body");
    let unnamed = |component: &Value| {
        let parameters = component.get("parameters").and_then(Value::as_array);
        parameters.is_some_and(|all| all.iter().any(|parameter| parameter.get("parameter_name").is_none()))
    };
    let place = component(kind, None, request, unnamed);
    let parameters = place.found.as_ref().and_then(|found| found.get("parameters")?.as_array());
    let named = |parameter: &Value| {
        let mut named = Map::new();
        for (key, value) in parameter.as_object().into_iter().flatten() {
            named.insert(key.clone(), value.clone());
            if key == "type" {
                let name = parameter.get("parameter_name").cloned().unwrap_or_else(|| "NAME".into());
                named.insert("parameter_name".to_owned(), name);
            }
        }
        Value::Object(named)
    };
    let list = match parameters {
        Some(parameters) => parameters.iter().take(MAX_PARAMETERS as usize).map(named).collect(),
        None => vec![json!({"type": "text", "parameter_name": "NAME", "text": "TEXT"})],
    };
    let paste = json!({"type": kind, "parameters": list});
    let needed = "`parameter_name` in each parameter: the name of the placeholder, without {{ }}".to_owned();
    Guidance::at(place, needed, paste)
}

fn whitespace(name: Option<&str>, request: Option<&Value>) -> Guidance {
    let needed = "text on one line, without tabs, and with at most four spaces in a row".to_owned();
    let wrong = request.and_then(|request| find_text(request.get("template")?, "template".to_owned(), 0));
    if let Some((field, text)) = wrong {
        let paste = json!({"type": "text", "text": one_line(&text)});
        return Guidance {
            field: Some(field),
            value: Some(shown(&json!(text))),
            needed: Some(needed),
            paste: Some(paste),
        };
    }
    let kind = name.unwrap_or("body");
    let place = component(kind, None, None, |_| true);
    Guidance::at(place, needed, json!({"type": "text", "text": "TEXT ON ONE LINE"}))
}

/// The first text of a parameter that WhatsApp does not accept.
fn find_text(value: &Value, path: String, depth: usize) -> Option<(String, String)> {
    match value {
        Value::String(text) if last(&path) == "text" && one_line(text) != *text => Some((path, text.clone())),
        Value::Array(all) if depth < 12 => all
            .iter()
            .enumerate()
            .find_map(|(at, value)| find_text(value, format!("{path}[{at}]"), depth + 1)),
        Value::Object(all) if depth < 12 => {
            all.iter().find_map(|(key, value)| find_text(value, format!("{path}.{key}"), depth + 1))
        }
        _ => None,
    }
}

/// The text with one space in place of each line break, tab and run of more than four spaces.
fn one_line(text: &str) -> String {
    let is_wrong = text.contains(['\n', '\r', '\t']) || text.contains("     ");
    if is_wrong { text.split_whitespace().collect::<Vec<_>>().join(" ") } else { text.to_owned() }
}

fn format(name: Option<&str>, expected: &str, request: Option<&Value>) -> Guidance {
    let kind = name.unwrap_or("header").to_ascii_lowercase();
    let place = component(&kind, None, request, |_| true);
    let expected = expected.to_ascii_lowercase();
    let parameter = match &*expected {
        "image" | "video" => json!({"type": expected, (&*expected): {"link": "https://HOST/FILE"}}),
        "document" => {
            json!({"type": "document", "document": {"link": "https://HOST/FILE.pdf", "filename": "FILE.pdf"}})
        }
        "location" => json!({"type": "location", "location": {
            "latitude": "37.44", "longitude": "-122.16", "name": "NAME", "address": "ADDRESS"}}),
        "currency" => json!({"type": "currency", "currency": {
            "fallback_value": "VALUE", "code": "USD", "amount_1000": 100_990}}),
        "date_time" => json!({"type": "date_time", "date_time": {"fallback_value": "DATE"}}),
        "product" => {
            json!({"type": "product", "product": {"product_retailer_id": "PRODUCT", "catalog_id": "CATALOG"}})
        }
        _ => json!({"type": "text", "text": "TEXT"}),
    };
    let paste = json!({"type": kind, "parameters": [parameter]});
    Guidance::at(place, format!("a parameter of the type `{expected}`, as the template has it"), paste)
}

fn wrong_type(field: &str, wanted: &str, seen: Option<&str>, request: Option<&Value>) -> Guidance {
    let found = lookup(request, field);
    let word = wanted.to_ascii_lowercase();
    let value = match found {
        Some(value @ (Value::Number(_) | Value::Bool(_))) if word.contains("string") => {
            value.to_string().into()
        }
        Some(Value::String(text)) if is_number(&word) && text.parse::<i64>().is_ok() => {
            serde_json::from_str(text).unwrap_or_else(|_| json!(1))
        }
        Some(value @ Value::Object(_)) if word.contains("array") || word.contains("list") => json!([value]),
        _ if word.contains("array") || word.contains("list") => json!([{}]),
        _ if word.contains("object") => json!({}),
        _ if word.contains("bool") => json!(true),
        _ if is_number(&word) => json!(1),
        _ => example(last(field)),
    };
    Guidance {
        field: Some(field.to_owned()),
        value: found.map(shown).or_else(|| seen.map(str::to_owned)),
        needed: Some(format!("the field must {wanted}")),
        paste: Some(member(last(field), value)),
    }
}

fn is_number(word: &str) -> bool {
    ["integer", "number", "float"].iter().any(|kind| word.contains(kind))
}

fn choice(field: &str, allowed: &[String], seen: Option<&str>, request: Option<&Value>) -> Guidance {
    let found = lookup(request, field);
    let stands = found.and_then(Value::as_str).or(seen);
    let near = stands
        .and_then(|seen| suggest::nearest(&seen.to_ascii_uppercase(), allowed.iter().map(String::as_str)));
    let is_button = last(field) == "sub_type";
    let mut needed = format!("one of {}", allowed.join(", "));
    if is_button && near.is_none() {
        needed.push_str("; a button of another type, such as a call button, takes no component: remove it");
    }
    let written = |word: &str| if is_button { word.to_ascii_lowercase() } else { word.to_owned() };
    // A button that takes no component has nothing to paste.
    let word = near.or_else(|| allowed.first().map(String::as_str).filter(|_| !is_button));
    Guidance {
        field: Some(field.to_owned()),
        value: found.map(shown).or_else(|| seen.map(|seen| json!(seen).to_string())),
        needed: Some(needed),
        paste: word.map(|word| member(last(field), written(word).into())),
    }
}

fn unexpected(field: &str, request: Option<&Value>) -> Guidance {
    let found = lookup(request, field);
    let is_misplaced = last(field) == "components" && !field.contains("template");
    let needed = if is_misplaced {
        "no field here: `components` belongs into `template`"
    } else {
        "no such field: remove it"
    };
    let components = found.cloned().unwrap_or_else(|| json!([{"type": "body", "parameters": []}]));
    Guidance {
        field: Some(field.to_owned()),
        value: found.map(shown),
        needed: Some(needed.to_owned()),
        paste: is_misplaced.then(|| {
            let template = request.and_then(|request| request.get("template")?.as_object()).cloned();
            let mut template = template.unwrap_or_else(|| {
                Map::from_iter([
                    ("name".to_owned(), json!("TEMPLATE")),
                    ("language".to_owned(), json!({"code": "LANGUAGE"})),
                ])
            });
            template.insert("components".to_owned(), components);
            json!({"template": template})
        }),
    }
}

fn link(parameter: &str, request: Option<&Value>) -> Guidance {
    let field = parameter.replace("['", ".").replace("[\"", ".").replace(['\'', '"', ']'], "");
    let found = lookup(request, &field);
    let mended =
        found.and_then(Value::as_str).map(|link| link.trim().replace("&amp;", "&").replace(' ', "%20"));
    let mended = mended.filter(|link| link.starts_with("https://") || link.starts_with("http://"));
    Guidance {
        needed: Some("a percent-encoded URL that begins with https:// or http://".to_owned()),
        value: found.map(shown),
        paste: Some(member(last(&field), mended.unwrap_or_else(|| "https://HOST/FILE".to_owned()).into())),
        field: Some(field),
    }
}

/// The value at `template.components[0].text` in the payload.
fn lookup<'a>(request: Option<&'a Value>, field: &str) -> Option<&'a Value> {
    let pointer: String = field
        .replace('[', ".")
        .replace(']', "")
        .split('.')
        .fold(String::new(), |pointer, step| pointer + "/" + step);
    request?.pointer(&pointer)
}

/// The name of the last field of a path.
fn last(field: &str) -> &str {
    let name = field.rsplit('.').next().unwrap_or(field);
    name.split('[').next().unwrap_or(name)
}

fn member(name: &str, value: Value) -> Value {
    Value::Object(Map::from_iter([(name.to_owned(), value)]))
}

/// A value for a field of this name.
fn example(name: &str) -> Value {
    match name {
        "messaging_product" => json!("whatsapp"),
        "recipient_type" => json!("individual"),
        "to" => json!("+16505551234"),
        "type" => json!("text"),
        "link" | "url" => json!("https://HOST/FILE"),
        "language" => json!({"code": "en_US"}),
        "code" => json!("en_US"),
        "template" => json!({"name": "TEMPLATE", "language": {"code": "en_US"}}),
        "text" => json!("TEXT"),
        "index" => json!("0"),
        _ => json!("VALUE"),
    }
}

/// A value as short JSON on one line, safe for a terminal.
fn shown(value: &Value) -> String {
    let json = crate::escape::json_line(value);
    let json = json.trim_end();
    let short: String = json.chars().take(300).collect();
    if short.len() < json.len() { format!("{short}…") } else { short }
}
