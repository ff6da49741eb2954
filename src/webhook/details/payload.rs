//! Parsers for the error texts about the payload: the component, button, field or parameter that is wrong in it.

use super::words::{last_word, word_at};
use super::{Details, MAX_ENTRIES};
use crate::webhook::text::{after, has, number, split};

/// Maximum length of a field's path or of a value, in characters; longer ones are cut.
const MAX_VALUE: usize = 200;

pub(super) fn format_mismatch(text: &str) -> Option<Details> {
    let (before, rest) = split(text, "format mismatch")?;
    let (expected, rest) = word_at(after(rest, "expected")?)?;
    let (received, _) = word_at(after(rest, "received")?)?;
    Some(Details::Format { component: component_before(before), expected, received })
}

pub(super) fn uri(text: &str) -> Option<Details> {
    let (before, _) = split(text, "is not a valid uri").or_else(|| split(text, "is not a valid url"))?;
    let parameter = after(before, "param ").or_else(|| after(before, "parameter "))?.trim();
    (!parameter.is_empty()).then(|| Details::Uri { parameter: parameter.chars().take(80).collect() })
}

/// `Button at index 0 of type Url requires a parameter`
pub(super) fn button(text: &str) -> Option<Details> {
    let (before, rest) = split(text, "button at index")?;
    let (index, rest) = number(rest.trim_start_matches([' ', ':', '\'', '"']))?;
    if !(has(rest, "requires") || has(rest, "required") || has(rest, "missing")) {
        return None;
    }
    let sub_type = after(rest, "of type").and_then(word_at).map(|(word, _)| word);
    Some(Details::Button { card: card(before), index, sub_type })
}

/// `body: number of localizable_params (2) does not match the expected number of params (1)`
pub(super) fn count(text: &str) -> Option<Details> {
    let (before, rest) = split(text, "does not match the expected number")?;
    let at = before.to_ascii_lowercase().rfind("number of")?;
    let (before, subject) = before.split_at(at);
    let sent = in_brackets(subject)?;
    let expected = in_brackets(rest)?;
    Some(Details::Count { card: card(before), component: component_before(before), sent, expected })
}

/// `Parameter name is missing or empty`
pub(super) fn parameter_name(text: &str) -> Option<Details> {
    let marker = ["parameter name is missing", "parameter_name is missing", "parameter name is required"];
    let before = marker.into_iter().find_map(|marker| split(text, marker))?.0;
    Some(Details::ParameterName { component: component_before(before) })
}

/// `Param text cannot have new-line/tab characters or more than 4 consecutive spaces`
pub(super) fn whitespace(text: &str) -> Option<Details> {
    let (before, rest) = split(text, "cannot have new")?;
    let before = split(before, "param").map_or(before, |(before, _)| before);
    (has(rest, "line") && has(rest, "space"))
        .then(|| Details::Whitespace { component: component_before(before) })
}

/// `Param template['components'][0]['parameters'][0]['text'] must be a string`, `The parameter to is required`, and
/// `Unexpected key "x" on param "template"`.
pub(super) fn field(text: &str) -> Option<Details> {
    unexpected(text).or_else(|| must(text)).or_else(|| required(text))
}

fn unexpected(text: &str) -> Option<Details> {
    let (key, rest) = quoted(after(text, "unexpected key")?)?;
    let parent = after(rest, "on param").and_then(quoted).map(|(parent, _)| json_path(&parent));
    let field = match parent.filter(|parent| !parent.is_empty()) {
        Some(parent) => format!("{parent}.{key}"),
        None => key,
    };
    Some(Details::Unexpected { field })
}

fn must(text: &str) -> Option<Details> {
    let rest = after(text, "param ").or_else(|| after(text, "parameter "))?;
    let (name, rest) = split(rest, " must ")?;
    let name = name.trim().trim_matches(['"', '`']);
    if name.is_empty() || name.contains(' ') {
        return None;
    }
    let field = json_path(name);
    if let Some(list) = after(rest, "one of") {
        let list = list.trim_start_matches([' ', ':']);
        let closing = if list.starts_with('[') { ']' } else { '}' };
        let list = list.trim_start_matches(['{', '[', ' ']);
        let (list, rest) = list.split_once(closing).unwrap_or((list, ""));
        let entry = |entry: &str| entry.trim_matches([' ', '"', '\'', '.', '`']).to_owned();
        let allowed: Vec<String> =
            list.split(',').map(entry).filter(|entry| !entry.is_empty()).take(MAX_ENTRIES).collect();
        let seen = after(rest, "got").or_else(|| after(rest, "received"));
        let seen = seen.map(|seen| cut(seen.trim_matches([' ', ':', '"', '\'', '.', '`'])));
        return Some(Details::Choice { field, allowed, seen });
    }
    let sentence = rest.split(['.', ';']).next().unwrap_or(rest);
    let (wanted, seen) =
        split(sentence, "got").or_else(|| split(sentence, "received")).unwrap_or((sentence, ""));
    let wanted = wanted.trim_matches([' ', ',', '-', '"']);
    let seen = Some(seen.trim_matches([' ', ':', '"', '\''])).filter(|seen| !seen.is_empty()).map(cut);
    (!wanted.is_empty()).then(|| Details::Field { field, wanted: cut(wanted), seen })
}

fn required(text: &str) -> Option<Details> {
    let ends = [" is required", " is missing", " cannot be empty", " must not be empty"];
    let before = ends.into_iter().find_map(|end| split(text, end))?.0;
    let name = after(before, "parameter ").or_else(|| after(before, "param "))?;
    let name = name.trim().trim_matches(['"', '\'', '`', ':']);
    let is_name = !name.is_empty() && !name.contains(' ') && !matches!(name, "name" | "value");
    is_name.then(|| Details::Missing { field: json_path(name) })
}

/// `Button title length invalid. Min length: 1, Max length: 20` and `Invalid buttons count. Min allowed buttons: 1, Max allowed
/// buttons: 3`
pub(super) fn length(text: &str) -> Option<Details> {
    let (subject, rest) = split(text, "min length")
        .or_else(|| split(text, "min allowed"))
        .or_else(|| split(text, "minimum length"))?;
    let min = first_number(rest)?;
    let max = first_number(after(rest, "max")?)?;
    let subject = subject.trim_end_matches([' ', '.', ':', ',', '(']);
    let subject = subject.rsplit([')', '.', ':']).next().unwrap_or(subject).trim();
    let subject = split(subject, " invalid").map_or(subject, |(subject, _)| subject);
    let subject = split(subject, "invalid ").map_or(subject, |(_, subject)| subject);
    (!subject.is_empty()).then(|| Details::Length { subject: cut(subject), min, max })
}

/// `template name (hello_world) does not exist in es`
pub(super) fn template(text: &str) -> Option<Details> {
    let rest = after(text, "template name")?;
    let (name, rest) = rest.trim_start_matches([' ', '(', '\'', '"']).split_once([')', '\'', '"', ' '])?;
    let language = after(rest, "does not exist in")?;
    let language = language.trim_start_matches(|c: char| !c.is_alphanumeric());
    let language = language.split(|c: char| !(c.is_alphanumeric() || c == '_')).next().unwrap_or("");
    (!name.is_empty()).then(|| Details::Template { name: cut(name), language: cut(language) })
}

/// `Unsupported get request. Object with ID '123' does not exist, …`
pub(super) fn object(text: &str) -> Option<Details> {
    let rest = after(text, "object with id")?;
    let (id, rest) = rest.trim_start_matches([' ', '\'', '"', ':']).split_once(['\'', '"', ' '])?;
    (has(rest, "does not exist") && !id.is_empty()).then(|| Details::Object { id: cut(id) })
}

/// Meta's `template['components'][0]['text']` as the path that `message validate` prints: `template.components[0].text`.
fn json_path(path: &str) -> String {
    let mut plain = String::with_capacity(path.len());
    for step in path.split('[') {
        let step = step.trim_end_matches(']');
        let name = step.trim_matches(['\'', '"']);
        if name.is_empty() {
            continue;
        }
        if name == step && name.bytes().all(|b| b.is_ascii_digit()) && !plain.is_empty() {
            plain.extend(["[", name, "]"]);
        } else {
            plain.extend([if plain.is_empty() { "" } else { "." }, name]);
        }
    }
    cut(&plain)
}

/// The component that `body: ` or `header: ` at the end names.
fn component_before(before: &str) -> Option<String> {
    let before = before.trim_end();
    let word = last_word(before.strip_suffix(':')?)?;
    word.chars().any(char::is_alphabetic).then(|| word.to_ascii_lowercase())
}

/// The index of the card of a carousel that the text names.
fn card(before: &str) -> Option<u32> {
    let rest = after(before, "card")?;
    first_number(rest.get(..rest.len().min(20)).unwrap_or(""))
}

fn in_brackets(text: &str) -> Option<u32> {
    text.split('(')
        .skip(1)
        .find_map(|rest| number(rest).filter(|(_, rest)| rest.starts_with(')')))
        .map(|(n, _)| n)
}

fn first_number(text: &str) -> Option<u32> {
    text.find(|c: char| c.is_ascii_digit()).and_then(|at| number(&text[at..])).map(|(number, _)| number)
}

fn quoted(text: &str) -> Option<(String, &str)> {
    let text = text.trim_start();
    let quote = text.chars().next().filter(|c| matches!(c, '"' | '\'' | '`'))?;
    let (word, rest) = text[1..].split_once(quote)?;
    // A path such as template['components'] has the quotes of its keys inside its own.
    (!word.is_empty()).then(|| (cut(word), rest))
}

fn cut(text: &str) -> String {
    text.chars().take(MAX_VALUE).collect()
}
