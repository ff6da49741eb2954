//! Rules about several fields of an object.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::Walk;
use super::json_path::{Place, Quoted};
use super::scalars;
use super::variants::Layers;
use crate::whatsapp::schema::{Code, Rule};

impl Walk {
    /// Checks an object against a rule of its shape. Fields of the wrong kind are reported only as such.
    pub(super) fn rule(&mut self, rule: &Rule, layers: &Layers, map: &Map<String, Value>, place: &Place) {
        match *rule {
            Rule::OneOf(names) => self.one_of(names, map, place),
            Rule::AnyOf(names) => {
                let known: Vec<_> = names
                    .iter()
                    .filter(|name| layers.field(name, self.platform).is_some())
                    .copied()
                    .collect();
                let Some((first, others)) = known.split_first() else { return };
                if !known.iter().any(|name| map.contains_key(*name)) {
                    let reason = match others {
                        [] => "is missing; add it".to_owned(),
                        others => {
                            format!("is missing, and so is {}; add at least one", scalars::any_of(others))
                        }
                    };
                    self.error(&of(map, place, first), Code::Missing, reason);
                }
            }
            Rule::Titled { list } => self.titled(list, map, place),
            Rule::Total { list, items, max } => self.total(list, items, max, map, place),
            Rule::Distinct { list, items, key } => {
                let inner = elements(map, place, list).into_iter();
                let inner = inner.flat_map(|(place, element)| {
                    element.as_object().map_or_else(Vec::new, |map| elements(map, &place, items))
                });
                let keys: Vec<_> = inner.filter_map(|(place, element)| place.descend(element, key)).collect();
                self.distinct(keys.into_iter());
            }
            Rule::Once { list, many, key } => self.once(list, many, key, map, place),
            Rule::Alike { list, by } => self.alike(list, by, map, place),
            Rule::Says { field, word, reason } => {
                if map.get(field).and_then(Value::as_str) != Some(word) {
                    self.error(&of(map, place, field), Code::Value, reason);
                }
            }
            Rule::Doubt { field, reason } => {
                if map.contains_key(field) {
                    self.warning(&of(map, place, field), None, reason);
                }
            }
            Rule::Excludes { field, word, absent, reason } => {
                if map.get(field).and_then(Value::as_str) == Some(word) && map.contains_key(absent) {
                    self.error(&of(map, place, absent), Code::Parameter, reason);
                }
            }
            Rule::Needs { field, needed, reason } => {
                if map.contains_key(field) && !map.contains_key(needed) {
                    self.error(&of(map, place, needed), Code::Parameter, reason);
                }
            }
            Rule::Numbered { list, key, below } => self.numbered(list, key, below, map, place),
            Rule::OneParameterFormat { source } => {
                self.one_parameter_format(map, &place.clone().from(source));
            }
            Rule::PdfFile => self.pdf_file(map, place),
            Rule::NamedFile => self.named_file(map, place),
            Rule::LinkedKind(kind) => self.linked_kind(kind, map, place),
            Rule::VoiceFile => self.voice_file(map, place),
        }
    }

    fn one_of(&mut self, names: &[&str], map: &Map<String, Value>, place: &Place) {
        let mut there = names.iter().filter(|name| map.contains_key(**name));
        match (there.next(), there.next()) {
            (None, _) => {
                let reason = format!("has neither {}; add one of them", names.join(" nor "));
                self.error(place, Code::Missing, reason);
            }
            (Some(first), Some(second)) => {
                let reason = format!("has both {first} and {second}; remove one of them");
                self.error(place, Code::Parameter, reason);
            }
            (Some(_), None) => {}
        }
    }

    fn titled(&mut self, list: &str, map: &Map<String, Value>, place: &Place) {
        let elements = elements(map, place, list);
        if elements.len() < 2 {
            return;
        }
        for (place, element) in elements {
            if let Value::Object(map) = element
                && !map.contains_key("title")
            {
                let reason = format!("is missing; with more than one of {list}, each needs a title: add it");
                self.error(&place.field("title", map.len()), Code::Missing, reason);
            }
        }
    }

    fn total(&mut self, list: &str, items: &str, max: usize, map: &Map<String, Value>, place: &Place) {
        let all = elements(map, place, list);
        let count = |element: &Value| element.get(items).and_then(Value::as_array).map_or(0, Vec::len);
        let total: usize = all.iter().map(|(_, element)| count(element)).sum();
        if total > max {
            let reason = format!("have {total} {items} in total; at most {max} are allowed: remove some");
            self.error(&of(map, place, list), Code::Value, reason);
        }
    }

    fn once(&mut self, list: &str, many: &str, key: &str, map: &Map<String, Value>, place: &Place) {
        let mut seen = HashSet::new();
        for (place, element) in elements(map, place, list) {
            let Some(kind) = element.get("type").and_then(Value::as_str).map(str::to_lowercase) else {
                continue;
            };
            // A number and its text are the same.
            let told_by = (kind == many).then(|| element.get(key)).flatten().map(|value| match value {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            });
            let name =
                told_by.as_ref().map_or_else(|| kind.clone(), |by| format!("{kind} with the {key} {by}"));
            if !seen.insert((kind, told_by)) {
                let reason = format!("is a second {}, but a template has only one; remove it", Quoted(&name));
                self.warning(&place, None, reason);
            }
        }
    }

    fn alike(&mut self, list: &str, by: &[(&str, &str)], map: &Map<String, Value>, place: &Place) {
        let all = elements(map, place, list);
        let Some(((first_place, first), others)) = all.split_first() else { return };
        // Only once, not for each of the others: there may be many of both.
        let wanted: Vec<_> = by
            .iter()
            .map(|(path, what)| (path, what, look_of(first_place.descend(first, path).map(|(_, v)| v))))
            .collect();
        for (place, element) in others {
            if !element.is_object() {
                continue;
            }
            for (path, what, wanted) in &wanted {
                let found = place.descend(element, path);
                let given = look_of(found.as_ref().map(|(_, v)| *v));
                if *wanted != given {
                    let place = found.map_or_else(|| place.clone(), |(place, _)| place);
                    let reason = format!(
                        "has a different {what} than the first of {list}: {} instead of {}; use the same for all",
                        Quoted(&given),
                        Quoted(wanted)
                    );
                    self.error(&place, Code::Value, reason);
                    // Further differences follow from this one.
                    break;
                }
            }
        }
    }

    fn numbered(&mut self, list: &str, key: &str, below: u64, map: &Map<String, Value>, place: &Place) {
        let all = elements(map, place, list);
        for (place, element) in &all {
            let Some((place, value)) = place.descend(element, key) else { continue };
            let number = match value {
                Value::String(text) => text.parse().ok(),
                other => other.as_u64(),
            };
            if let Some(number) = number.filter(|number| (all.len() as u64..below).contains(number)) {
                let reason = format!(
                    "is {number}, and there are {} {list}: they are numbered from 0 to {} without a gap; renumber them",
                    all.len(),
                    all.len() - 1
                );
                self.error(&place, Code::Value, reason);
            }
        }
    }

    /// Named and positional parameters cannot be mixed in the texts of a template. A variable in a button's URL has no name.
    fn one_parameter_format(&mut self, template: &Map<String, Value>, place: &Place) {
        let mut texts = elements(template, place, "components");
        let cards: Vec<_> = texts
            .iter()
            .filter_map(|(place, component)| Some(elements(component.as_object()?, place, "cards")))
            .flatten()
            .filter_map(|(place, card)| Some(elements(card.as_object()?, &place, "components")))
            .flatten()
            .collect();
        texts.extend(cards);
        let is_text = |component: &Value| is_word(component, "type", &["header", "body"]);
        let parameters = texts
            .iter()
            .filter(|(_, component)| is_text(component))
            .filter_map(|(place, component)| Some(elements(component.as_object()?, place, "parameters")))
            .flatten()
            .filter(|(_, parameter)| is_word(parameter, "type", &["text", "currency", "date_time"]));
        let mut first: Option<(String, bool)> = None;
        for (place, parameter) in parameters {
            let Some(map) = parameter.as_object() else { continue };
            let is_named = map.contains_key("parameter_name");
            let (of_first, is_first_named) = first.get_or_insert((place.path.clone(), is_named));
            let reason = match (*is_first_named, is_named) {
                (true, false) => format!(
                    "is missing, and {of_first} has one: parameters of a template are all named or all positional; add the \
                     name, or remove all names"
                ),
                (false, true) => format!(
                    "names the parameter, and {of_first} has no name: parameters of a template are all named or all \
                     positional; remove the name, or name all"
                ),
                _ => continue,
            };
            self.error(&of(map, &place, "parameter_name"), Code::Parameter, reason);
        }
    }
}

/// Whether a field of an object is one of these words, in any case.
fn is_word(object: &Value, field: &str, words: &[&str]) -> bool {
    let word = object.get(field).and_then(Value::as_str);
    word.is_some_and(|word| words.iter().any(|known| word.eq_ignore_ascii_case(known)))
}

/// The place of a field, be it there or not.
pub(super) fn of(map: &Map<String, Value>, place: &Place, name: &str) -> Place {
    place.field(name, map.keys().position(|key| key == name).unwrap_or(map.len()))
}

/// The elements of an array, if it is one.
fn elements<'a>(map: &'a Map<String, Value>, place: &Place, list: &str) -> Vec<(Place, &'a Value)> {
    let Some(Value::Array(elements)) = map.get(list) else { return Vec::new() };
    let place = of(map, place, list);
    elements.iter().enumerate().map(|(at, element)| (place.element(at), element)).collect()
}

/// The part of a value that must be the same: a word, or the number and types of elements.
fn look_of(value: Option<&Value>) -> String {
    match value {
        None => "none".to_owned(),
        Some(Value::Array(elements)) => {
            let types: Vec<_> = elements
                .iter()
                .map(|element| element.get("type").and_then(Value::as_str).unwrap_or("?"))
                .collect();
            types.join(", ")
        }
        Some(Value::String(word)) => word.clone(),
        Some(_) => "?".to_owned(),
    }
}
