//! Validation: checks a payload against WhatsApp's rules.
//!
//! The walk reads the JSON value itself, so nothing is lost by parsing it into types. It follows the shapes of
//! [`crate::whatsapp::messages`] and is only as deep as they are, however deep the payload is. The rules for fields are there; this
//! module implements each [`Kind`] and each rule.

mod emoji;
mod field_rules;
mod file_rules;
mod json_path;
mod report;
mod scalars;
#[cfg(test)]
mod tests;
mod variants;

pub(super) use self::json_path::{Place, Quoted, join};
pub(super) use self::report::Report;

use std::collections::HashSet;

use serde_json::{Map, Value};

use self::variants::Layers;
use super::{Dialect, Fault};
use crate::suggest;
use crate::whatsapp::messages;
use crate::whatsapp::schema::{Code, Field, Kind, List, Platform, Shape};

/// How to report an undocumented field or value.
///
/// ```
/// use wamedia::message::{Dialect, Unknown, validate};
///
/// let payload = serde_json::json!({
///     "messaging_product": "whatsapp", "to": "+16505551234", "type": "text", "text": {"body": "Hi", "colour": "red"}
/// });
/// assert!(validate(&payload, Dialect::Cloud, Unknown::Refused)[0].is_error());
/// assert!(!validate(&payload, Dialect::Cloud, Unknown::Warned)[0].is_error());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Unknown {
    /// As an error.
    #[default]
    Refused,
    /// As a warning.
    Warned,
}

/// All errors and warnings about a payload, in its order; empty for a valid payload.
///
/// Faults of an object as a whole come before those of its fields; missing fields come after them. Objects without a documented
/// shape are not checked. Pure and total: no JSON value makes it panic.
///
/// Duplicate keys cannot be found here, because a [`Value`] keeps only the last one; see
/// [`duplicate_keys`](mod@super::duplicate_keys).
///
/// ```
/// use wamedia::message::{Dialect, Unknown, validate};
///
/// let payload = serde_json::json!({
///     "messaging_product": "whatsapp", "to": "+16505551234", "type": "text", "text": {"body": "Hi"}
/// });
/// assert!(validate(&payload, Dialect::Cloud, Unknown::Refused).is_empty());
/// ```
#[must_use]
pub fn validate(payload: &Value, dialect: Dialect, unknown: Unknown) -> Vec<Fault> {
    report(payload, dialect, unknown).into_faults()
}

/// The same, before it is sorted: other checks may add to it.
pub(super) fn report(payload: &Value, dialect: Dialect, unknown: Unknown) -> Report {
    let platform = dialect.platform();
    let shape = messages::payload(platform, |name| payload.get(name).is_some());
    let mut walk = Walk { platform, unknown, report: Report::new(platform) };
    walk.object(payload, shape, &Place::payload(shape.source.unwrap_or_default()));
    walk.report
}

struct Walk {
    platform: Platform,
    unknown: Unknown,
    report: Report,
}

impl Walk {
    fn error(&mut self, place: &Place, code: Code, reason: impl Into<String>) {
        self.report.error(place, code, reason);
    }

    fn warning(&mut self, place: &Place, code: Option<Code>, reason: impl Into<String>) {
        self.report.warning(place, code, reason);
    }

    /// Reports an undocumented field or value.
    fn undocumented(&mut self, place: &Place, code: Code, reason: impl Into<String>) {
        match self.unknown {
            Unknown::Refused => self.error(place, code, reason),
            Unknown::Warned => self.warning(place, Some(code), reason),
        }
    }

    /// Reports a value of the wrong JSON type.
    fn mistyped(&mut self, place: &Place, code: Code, value: &Value, wanted: &str) {
        let reason = match value {
            Value::Null => format!("is null; remove the field, or write {wanted}"),
            Value::Bool(_) => format!("is a boolean; write {wanted}"),
            Value::Number(_) => format!("is a number; write {wanted}"),
            Value::String(_) => format!("is text; write {wanted}"),
            Value::Array(_) => format!("is an array; write {wanted}"),
            Value::Object(_) => format!("is an object; write {wanted}"),
        };
        self.error(place, code, reason);
    }

    fn object(&mut self, value: &Value, shape: &'static Shape, place: &Place) {
        let Value::Object(map) = value else {
            return self.mistyped(place, Code::Parameter, value, "an object");
        };
        let layers = self.layers(shape, map, place);
        for (at, (name, value)) in map.iter().enumerate() {
            let inner = place.field(name, at);
            if layers.tags.contains(&name.as_str()) {
                continue;
            }
            match layers.field(name, self.platform) {
                Some((field, source)) => self.field(value, field, map, &inner.from(source)),
                None => self.unknown_field(name, map, &layers, &inner),
            }
        }
        for (field, source) in layers.required(self.platform) {
            if !map.contains_key(field.name) {
                let missing = place.field(field.name, map.len()).from(source);
                let reason = match field.kind {
                    Kind::List(List { few: Some(fix), .. }) => format!("is missing; {fix}"),
                    _ => format!("is missing; add {}", wanted(&field.kind)),
                };
                self.error(&missing, Code::Missing, reason);
            }
        }
        for (rule, source) in layers.rules() {
            self.rule(rule, &layers, map, &place.clone().from(source));
        }
    }

    fn field(&mut self, value: &Value, field: &Field, around: &Map<String, Value>, place: &Place) {
        self.value(value, &field.kind, field.code, around, place);
    }

    fn value(
        &mut self,
        value: &Value,
        kind: &Kind,
        code: Option<Code>,
        around: &Map<String, Value>,
        place: &Place,
    ) {
        match *kind {
            Kind::Any => {}
            Kind::Never(reason) => self.error(place, Code::Parameter, reason),
            Kind::Object(shape) => self.object(value, shape, place),
            Kind::List(list) => self.list(value, &list, code, around, place),
            _ => self.scalar(value, kind, code, around, place),
        }
    }

    fn list(
        &mut self,
        value: &Value,
        list: &List,
        code: Option<Code>,
        around: &Map<String, Value>,
        place: &Place,
    ) {
        let Value::Array(elements) = value else {
            let wanted = format!("an array of {}", list.what);
            return self.mistyped(place, code.unwrap_or(Code::Parameter), value, &wanted);
        };
        let (len, what) = (elements.len(), list.what);
        if len < list.min {
            let fix = match list.few {
                Some(fix) => fix,
                None if list.min == 1 => "add one, or remove the field",
                None => "add more",
            };
            self.error(
                place,
                list.code,
                format!("has {len} {what}; at least {} are required: {fix}", list.min),
            );
        }
        match (list.doubt, list.max) {
            (_, Some(max)) if len > max => {
                self.error(
                    place,
                    list.code,
                    format!("has {len} {what}; at most {max} are allowed: remove some"),
                );
            }
            (Some(doubt), _) if len > doubt => self.warning(
                place,
                Some(list.code),
                format!("has {len} {what}; one document allows at most {doubt}: remove some to be safe"),
            ),
            _ => {}
        }
        for (at, element) in elements.iter().enumerate() {
            self.value(element, list.of, None, around, &place.element(at));
        }
        for path in list.unique {
            let values = elements.iter().enumerate();
            let found = values.filter_map(|(at, element)| place.element(at).descend(element, path));
            self.distinct(found);
        }
    }

    /// Reports each repeated value.
    fn distinct<'a>(&mut self, values: impl Iterator<Item = (Place, &'a Value)>) {
        let mut seen = HashSet::new();
        for (place, value) in values {
            let text = match value {
                Value::String(text) => text.clone(),
                Value::Number(number) => number.to_string(),
                _ => continue,
            };
            if let Some(text) = seen.replace(text) {
                let reason =
                    format!("is {} a second time; values must be unique in this message", Quoted(&text));
                self.error(&place, Code::Value, reason);
            }
        }
    }

    fn unknown_field(&mut self, name: &str, map: &Map<String, Value>, layers: &Layers, place: &Place) {
        if layers.is_open() {
            return;
        }
        // The fields of the object are unknown, but a misspelled field that every case has can be detected.
        if layers.is_undecided() {
            let known = layers.names(self.platform);
            let is_slip = suggest::nearest(name, known).is_some();
            if !is_slip || layers.is_of_any_case(name) {
                return;
            }
        }
        let reason = if let Some(other) = layers.other_platform(name, self.platform) {
            format!("only exists in the {}; remove it", other.name())
        } else if let Some((tag, word, chosen)) = layers.other_case(name) {
            format!(
                "belongs to `{tag}` `{word}`, but `{tag}` is `{chosen}` here; remove it, or change `{tag}`"
            )
        } else if let Some(owner) = layers.owner(name, self.platform, map) {
            format!("belongs inside `{owner}`; move it there")
        } else {
            let known = layers.names(self.platform);
            match suggest::nearest(name, known.iter().copied()) {
                Some(nearest) => format!("is not known; did you mean `{nearest}`?"),
                None if known.is_empty() => "is not known: no field is allowed here; remove it".to_owned(),
                None => format!("is not known; remove it (known here: {})", known.join(", ")),
            }
        };
        self.undocumented(place, Code::Parameter, reason);
    }
}

/// The expected value of a missing field.
fn wanted(kind: &Kind) -> String {
    match kind {
        Kind::Text(_) | Kind::Variable(_) => "text".to_owned(),
        Kind::Word(words) => scalars::any_of(words),
        Kind::Flag => "true or false".to_owned(),
        Kind::Whole { .. } => "a whole number".to_owned(),
        Kind::Degrees { .. } => "a number of degrees".to_owned(),
        Kind::Url | Kind::Link => "an http:// or https:// URL".to_owned(),
        Kind::Recipient => "a phone number, or the id of a group".to_owned(),
        Kind::UserId => "a user id".to_owned(),
        Kind::Language => "a language code such as en or pt_BR".to_owned(),
        Kind::TemplateName => "the name of the template".to_owned(),
        Kind::Date => "a date as YYYY-MM-DD".to_owned(),
        Kind::Emoji => "one emoji, or \"\" to remove the reaction".to_owned(),
        Kind::Object(_) => "an object".to_owned(),
        Kind::List(list) => format!("an array of {}", list.what),
        Kind::Any | Kind::Never(_) => "it".to_owned(),
    }
}
