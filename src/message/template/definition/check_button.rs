//! Checks the components for the buttons of a template or of a card.

use serde_json::Value;

use super::Button;
use super::check_text::counted;
use crate::message::validate::{Place, Quoted, Report};
use crate::whatsapp::schema::Code;
use crate::whatsapp::templates::{ButtonComponent, ButtonType};

/// Checks all components of type `button` against the buttons. `list` is the place of the components.
pub(super) fn buttons(buttons: &[Button], components: &[(Place, &Value)], list: &Place, report: &mut Report) {
    let indexed: Vec<_> = components
        .iter()
        .filter_map(|(place, component)| Some((place, *component, index_of(component)?)))
        .collect();
    for (place, component, index) in &indexed {
        let Some(button) = buttons.get(*index) else {
            let reason = match buttons.len() {
                0 => "is for a button, and the template has none here; remove this component".to_owned(),
                len => format!(
                    "is for the button with the index {index}, and there are {}, with the indexes 0 to {}; correct the \
                     index, or remove this component",
                    counted(len, "button"),
                    len - 1
                ),
            };
            report.error(place, Code::TemplateCount, reason);
            continue;
        };
        one(button, *index, buttons, component, place, report);
    }
    for (index, button) in buttons.iter().enumerate() {
        if indexed.iter().any(|(_, _, other)| *other == index) {
            continue;
        }
        let Some(known) = button.known else { continue };
        let name = button_name(button, known, index);
        match button.component {
            Some(ButtonComponent::Required) => {
                let reason = format!(
                    "has no component for {name}, which requires a parameter; add {}",
                    sample(known, index)
                );
                report.error(list, Code::Missing, reason);
            }
            Some(ButtonComponent::Expected) => {
                let reason = format!(
                    "has no component for {name}, and all of Meta's examples have one; add {}",
                    sample(known, index)
                );
                report.warning(list, Some(Code::Missing), reason);
            }
            _ => {}
        }
    }
}

fn one(button: &Button, index: usize, all: &[Button], component: &Value, place: &Place, report: &mut Report) {
    let Some(known) = button.known else { return };
    let written = component.get("sub_type").and_then(Value::as_str);
    let is_right = |sub_type: Option<&str>| {
        written.is_some_and(|written| sub_type.is_some_and(|right| right.eq_ignore_ascii_case(written)))
    };
    let name = button_name(button, known, index);
    // An index that belongs to another button is the more likely mistake than the type.
    let other = all.iter().position(|other| {
        is_right(other.known.and_then(|known| known.sub_type))
            && other.component != Some(ButtonComponent::Refused)
    });
    let other = other.filter(|other| *other != index).map_or_else(String::new, |other| {
        format!(", or write the index {other} if it is for the button there")
    });
    if button.component == Some(ButtonComponent::Refused) {
        let (code, reason) = if known.word == "URL" {
            (Code::TemplateParameter, "does not require parameters, since its URL has no variable")
        } else {
            (Code::Parameter, "does not support parameters")
        };
        let reason = format!("is for {name}, which {reason}; remove this component{other}");
        report.error(place, code, reason);
        return;
    }
    let Some(right) = known.sub_type else { return };
    if !is_right(Some(right)) {
        if let Some((place, Value::String(written))) = place.descend(component, "sub_type") {
            let reason = format!("is {}, and this is {name}; write `{right}`{other}", Quoted(written));
            report.error(&place, Code::TemplateFormat, reason);
        }
        return;
    }
    if let Some(prefix) = button.url_prefix.as_deref().filter(|prefix| !prefix.is_empty()) {
        whole_url(prefix, component, place, report);
    }
}

/// Warns if the text is the whole URL, although it only replaces the variable.
fn whole_url(prefix: &str, component: &Value, place: &Place, report: &mut Report) {
    let Some((place, Value::Array(parameters))) = place.descend(component, "parameters") else { return };
    let Some(first) = parameters.first() else { return };
    let Some((place, Value::String(text))) = place.element(0).descend(first, "text") else { return };
    if let Some(suffix) = text.strip_prefix(prefix) {
        let reason = format!(
            "is the whole URL, and only replaces the variable in it, so the link begins with {} twice; write {}",
            Quoted(prefix),
            Quoted(suffix)
        );
        report.warning(&place, Some(Code::TemplateParameter), reason);
    } else if text.starts_with("https://") || text.starts_with("http://") {
        let reason = format!(
            "is a whole URL, and only replaces the variable of a URL that begins with {}; write the rest of that URL",
            Quoted(prefix)
        );
        report.warning(&place, Some(Code::TemplateParameter), reason);
    }
}

fn index_of(component: &Value) -> Option<usize> {
    match component.get("index")? {
        Value::String(text) => text.parse().ok(),
        other => other.as_u64().and_then(|index| usize::try_from(index).ok()),
    }
}

/// ``the button at index 0 of type Url (`Open`)``, as WhatsApp's errors name it.
fn button_name(button: &Button, known: &ButtonType, index: usize) -> String {
    let label = button.label.as_deref().map_or_else(String::new, |label| format!(" ({})", Quoted(label)));
    format!("the button at index {index} of type {}{label}", known.name)
}

/// A component to paste.
fn sample(known: &ButtonType, index: usize) -> String {
    let sub_type = known.sub_type.unwrap_or_default();
    let parameter = match sub_type {
        "url" => r#"{"type":"text","text":"…"}"#,
        "copy_code" => r#"{"type":"coupon_code","coupon_code":"…"}"#,
        "flow" => r#"{"type":"action","action":{"flow_token":"…"}}"#,
        "mpm" => {
            r#"{"type":"action","action":{"sections":[{"title":"…","product_items":[{"product_retailer_id":"…"}]}]}}"#
        }
        _ => r#"{"type":"action","action":{"order_details":{}}}"#,
    };
    format!(r#"{{"type":"button","sub_type":"{sub_type}","index":"{index}","parameters":[{parameter}]}}"#)
}
