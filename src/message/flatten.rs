//! Replaces white space that variables of templates do not take by one space.

use serde_json::Value;

use super::validate::join;
use super::variable_text::flattened;

/// Replaces each run of white space with a line break, a tab or more than four spaces by one space, in all texts that fill variables of
/// a template. Returns the paths of the changed texts.
///
/// ```
/// use wamedia::message::flatten;
///
/// let mut payload = serde_json::json!({"template": {"components": [
///     {"type": "body", "parameters": [{"type": "text", "text": "two\nlines"}]}
/// ]}});
/// assert_eq!(flatten(&mut payload), ["template.components[0].parameters[0].text"]);
/// assert_eq!(payload["template"]["components"][0]["parameters"][0]["text"], "two lines");
/// ```
pub fn flatten(payload: &mut Value) -> Vec<String> {
    let mut changed = Vec::new();
    for (kind, list) in [("template", "components"), ("hsm", "localizable_params")] {
        let Some(elements) = payload.get_mut(kind).and_then(|object| object.get_mut(list)) else { continue };
        let path = join(&join("", kind), list);
        if kind == "hsm" {
            parameters(elements, &path, &mut changed);
        } else {
            components(elements, &path, &mut changed);
        }
    }
    changed
}

/// The components of a template or of a card.
fn components(list: &mut Value, path: &str, changed: &mut Vec<String>) {
    for (at, component) in elements(list) {
        let path = format!("{path}[{at}]");
        if let Some(list) = component.get_mut("parameters") {
            parameters(list, &join(&path, "parameters"), changed);
        }
        let Some(cards) = component.get_mut("cards") else { continue };
        for (at, card) in elements(cards) {
            if let Some(list) = card.get_mut("components") {
                components(list, &join(&format!("{path}.cards[{at}]"), "components"), changed);
            }
        }
    }
}

fn parameters(list: &mut Value, path: &str, changed: &mut Vec<String>) {
    const TEXTS: [&str; 5] =
        ["/text", "/coupon_code", "/currency/fallback_value", "/date_time/fallback_value", "/default"];
    for (at, parameter) in elements(list) {
        for pointer in TEXTS {
            let Some(Value::String(text)) = parameter.pointer_mut(pointer) else { continue };
            if let Some(flat) = flattened(text) {
                *text = flat;
                changed.push(format!("{path}[{at}]{}", pointer.replace('/', ".")));
            }
        }
    }
}

fn elements(list: &mut Value) -> impl Iterator<Item = (usize, &mut Value)> {
    list.as_array_mut().into_iter().flatten().enumerate()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn texts_are_flattened_wherever_a_variable_is_filled() {
        let text = json!({"type": "text", "parameter_name": "a", "text": "a\tb"});
        let mut payload = json!({
            "text": {"body": "two\nlines"},
            "template": {"components": [
                {"type": "header", "parameters": [text]},
                {"type": "body", "parameters": [
                    {"type": "currency", "currency": {"fallback_value": "$ \n1"}},
                    {"type": "date_time", "date_time": {"fallback_value": "now"}},
                ]},
                {"type": "button", "sub_type": "url", "index": 0, "parameters": [text]},
                {"type": "button", "sub_type": "quick_reply", "index": 1, "parameters": [{"type": "payload", "payload": "a\nb"}]},
                {"type": "carousel", "cards": [{"card_index": 0, "components": [{"type": "body", "parameters": [text]}]}]},
            ]},
            "hsm": {"localizable_params": [{"default": "a     b"}]},
        });
        assert_eq!(
            flatten(&mut payload),
            [
                "template.components[0].parameters[0].text",
                "template.components[1].parameters[0].currency.fallback_value",
                "template.components[2].parameters[0].text",
                "template.components[4].cards[0].components[0].parameters[0].text",
                "hsm.localizable_params[0].default",
            ]
        );
        assert_eq!(payload["text"]["body"], "two\nlines");
        assert_eq!(payload["template"]["components"][3]["parameters"][0]["payload"], "a\nb");
        assert_eq!(flatten(&mut payload), [""; 0]);
        for odd in
            [json!(null), json!([]), json!({"template": 1}), json!({"template": {"components": {"a": [1]}}})]
        {
            assert_eq!(flatten(&mut odd.clone()), [""; 0]);
        }
    }
}
