//! Validation of single values.

use serde_json::{Map, Value};

use super::json_path::{Place, Quoted};
use super::{Walk, emoji};
use crate::message::variable_text::{self, MAX_SPACES, Spacing};
use crate::suggest;
use crate::whatsapp::messages;
use crate::whatsapp::phone_forms;
use crate::whatsapp::schema::{Code, Kind, Platform, Text};
use crate::whatsapp::templates::{self, UnlistedLanguage};
use crate::whatsapp::url_syntax;

/// Most digits of a phone number (ITU-T E.164 section 6).
const PHONE_DIGITS: usize = 15;

/// A list of words in a message: `a`, `b` or `c`.
pub(super) fn any_of(words: &[&str]) -> String {
    match words {
        [] => "nothing".to_owned(),
        [word] => format!("`{word}`"),
        [rest @ .., last] => format!("`{}` or `{last}`", rest.join("`, `")),
    }
}

impl Walk {
    /// Checks a value that is neither an object nor an array.
    pub(super) fn scalar(
        &mut self,
        value: &Value,
        kind: &Kind,
        code: Option<Code>,
        around: &Map<String, Value>,
        place: &Place,
    ) {
        let mistyped = code.unwrap_or(Code::Parameter);
        let refused = code.unwrap_or(Code::Value);
        match (kind, value) {
            (Kind::Flag, Value::Bool(_)) => {}
            (Kind::Whole { .. }, Value::Number(_))
            | (Kind::Whole { or_text: true, .. }, Value::String(_)) => {
                self.whole(value, kind, refused, place);
            }
            (Kind::Degrees { bound }, Value::Number(_) | Value::String(_)) => {
                self.degrees(value, *bound, refused, place);
            }
            (Kind::Flag | Kind::Whole { .. } | Kind::Degrees { .. }, _) => {
                self.mistyped(place, mistyped, value, &super::wanted(kind));
            }
            (_, Value::String(text)) => self.text_kind(text, kind, code, around, place),
            _ => self.mistyped(place, mistyped, value, &super::wanted(kind)),
        }
    }

    fn text_kind(
        &mut self,
        text: &str,
        kind: &Kind,
        code: Option<Code>,
        around: &Map<String, Value>,
        place: &Place,
    ) {
        let refused = code.unwrap_or(Code::Value);
        let wrong = match kind {
            Kind::Text(limits) => return self.text(text, limits, place),
            Kind::Variable(limits) => {
                self.text(text, limits, place);
                return self.variable(text, place);
            }
            Kind::Url => return self.url(text, code, place),
            Kind::Link => return self.link(text, code, around, place),
            Kind::Recipient => return self.recipient(text, refused, around, place),
            Kind::UserId => return self.user_id(text, place),
            Kind::Word(words) => {
                if let Some(reason) = wrong_word(text, words) {
                    self.undocumented(place, refused, reason);
                }
                return;
            }
            Kind::Language => return self.language(text, refused, place),
            Kind::TemplateName => wrong_template_name(text),
            Kind::Date => wrong_date(text),
            Kind::Emoji => wrong_reaction(text),
            _ => None,
        };
        if let Some(reason) = wrong {
            self.error(place, refused, reason);
        }
    }

    fn text(&mut self, text: &str, limits: &Text, place: &Place) {
        let len = text.chars().count();
        if len < limits.min {
            let reason = if limits.min == 1 {
                "is empty; write a text, or remove the field if it is optional".to_owned()
            } else {
                format!("has {len} characters; at least {} are required: write more", limits.min)
            };
            self.error(place, Code::Parameter, reason);
        }
        match (limits.doubt, limits.max) {
            (_, Some(max)) if len > max => {
                let reason = format!("has {len} characters; at most {max} are allowed: shorten it");
                self.error(place, Code::TooLong, reason);
            }
            (Some(doubt), max) if len > doubt => {
                let reason = match max {
                    Some(max) => format!(
                        "has {len} characters; some documents allow at most {doubt}, others {max}: shorten it to be safe"
                    ),
                    None => {
                        format!(
                            "has {len} characters, but some clients truncate it after {doubt}: shorten it to be safe"
                        )
                    }
                };
                self.warning(place, Some(Code::TooLong), reason);
            }
            _ => {}
        }
        // CR LF is one line break.
        let breaks = text.replace("\r\n", "\n").matches(['\n', '\r']).count();
        if let Some(max) = limits.breaks.filter(|max| breaks > *max) {
            let reason = format!("has {breaks} line breaks; at most {max} are allowed: remove some");
            self.error(place, Code::Value, reason);
        }
        if !limits.emoji && emoji::has_emoji(text) {
            self.error(place, Code::Value, "has an emoji, which is not allowed here; remove it");
        }
    }

    fn variable(&mut self, text: &str, place: &Place) {
        match variable_text::spacing(text) {
            Some(Spacing::Refused(what)) => {
                let reason = format!(
                    "has {what}, and text that fills a variable of a template has no line break, no tab and at most \
                     {MAX_SPACES} spaces in a row; write one space there, as --flatten does"
                );
                self.error(place, Code::TemplateParameter, reason);
            }
            Some(Spacing::Doubtful(what)) => {
                let reason = format!(
                    "has {what}, which WhatsApp may take for a line break, and refuses line breaks here; write a space"
                );
                self.warning(place, Some(Code::TemplateParameter), reason);
            }
            None => {}
        }
    }

    fn language(&mut self, text: &str, refused: Code, place: &Place) {
        let Some(unlisted) = templates::unlisted_language(text) else { return };
        let place = place.clone().from(templates::LANGUAGES_SOURCE);
        match unlisted {
            UnlistedLanguage::Mistaken(likely) => {
                let fix = match &likely[..] {
                    [] => "write one such as `en` or `pt_BR`, as WhatsApp Manager shows it".to_owned(),
                    likely => format!("write {}", any_of(likely)),
                };
                let why =
                    if text.contains('-') { "has a hyphen" } else { "is no language code of templates" };
                self.undocumented(&place, refused, format!("is {}, which {why}; {fix}", Quoted(text)));
            }
            UnlistedLanguage::Unknown(likely) => {
                let fix = match &likely[..] {
                    [] => "check it in WhatsApp Manager".to_owned(),
                    likely => format!("check whether the template's is {}", any_of(likely)),
                };
                let reason = format!("is {}, which is not in Meta's list of languages; {fix}", Quoted(text));
                self.warning(&place, Some(refused), reason);
            }
        }
    }

    fn whole(&mut self, value: &Value, kind: &Kind, refused: Code, place: &Place) {
        let Kind::Whole { min, max, .. } = *kind else { return };
        let number = match value {
            Value::String(text) if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) => {
                text.parse().ok()
            }
            Value::Number(number) => number.as_i64(),
            _ => None,
        };
        if number.is_none_or(|number| !(min..=max).contains(&number)) {
            let range = match (min, max) {
                (i64::MIN, i64::MAX) => "a whole number".to_owned(),
                (min, i64::MAX) => format!("a whole number of at least {min}"),
                (min, max) => format!("a whole number from {min} to {max}"),
            };
            let shown = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            self.error(place, refused, format!("is {}; write {range}", Quoted(&shown)));
        }
    }

    fn degrees(&mut self, value: &Value, bound: i16, refused: Code, place: &Place) {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let is_decimal = text.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b));
        let number = text.parse::<f64>().ok().filter(|_| is_decimal);
        if number.is_none_or(|number| number.abs() > f64::from(bound)) {
            let reason =
                format!("is {}; write degrees from -{bound} to {bound}, such as 37.44", Quoted(&text));
            self.error(place, refused, reason);
        }
    }

    fn url(&mut self, text: &str, code: Option<Code>, place: &Place) {
        let (_, remarks) = url_syntax::read(text);
        self.remarks(remarks, code, place);
    }

    /// On the On-Premises API, a link may begin with the name of its provider.
    fn link(&mut self, text: &str, code: Option<Code>, around: &Map<String, Value>, place: &Place) {
        let provider = around.get("provider").and_then(|provider| provider.get("name")?.as_str());
        let of_provider = provider
            .filter(|_| self.platform == Platform::OnPremises)
            .and_then(|name| text.strip_prefix(name)?.strip_prefix('/'));
        let (url, remarks) = url_syntax::read(of_provider.unwrap_or(text));
        self.remarks(remarks, code, place);
        let Some(url) = url else { return };
        if url.is_metas_own() {
            let reason = "points to Meta's own servers, which deny access to Meta's fetcher; host the file yourself, or \
                          upload it and send its media id";
            self.error(place, Code::Media, reason);
        } else if self.platform == Platform::Cloud && !url.has_version() {
            let reason = "has no version, and WhatsApp caches a link for 10 minutes by its exact text; add ?v= and a value \
                          that changes with the file, as `wamedia link` does";
            self.warning(&place.clone().from("Meta: Cloud API, sending messages, April 2026"), None, reason);
        }
    }

    fn remarks(&mut self, remarks: Vec<url_syntax::Remark>, code: Option<Code>, place: &Place) {
        for remark in remarks {
            let reason = remark.to_string();
            if remark.is_refused() {
                self.error(place, code.unwrap_or(Code::Parameter), reason);
            } else {
                self.warning(place, Some(Code::Parameter), reason);
            }
        }
    }

    fn recipient(&mut self, text: &str, refused: Code, around: &Map<String, Value>, place: &Place) {
        if around.get("recipient_type").and_then(Value::as_str) == Some("group") {
            if text.is_empty() {
                self.error(place, refused, "is empty; write the group id");
            }
            return;
        }
        let digits: String = text.chars().filter(char::is_ascii_digit).collect();
        let is_odd = |(at, c): &(usize, char)| match c {
            '+' => text[..*at].contains(|c: char| c.is_ascii_digit() || c == '+'),
            '-' | '(' | ')' | ' ' => false,
            c => !c.is_ascii_digit(),
        };
        if let Some((_, odd)) = text.char_indices().find(is_odd) {
            let reason = format!(
                "is {}, which is not a phone number because of its `{}`; write + and the country code, then digits; \
                 spaces, hyphens and parentheses are allowed",
                Quoted(text),
                odd.escape_debug()
            );
            self.error(place, refused, reason);
        } else if digits.is_empty() {
            self.error(place, refused, "has no digits; write + and the country code, then the number");
        } else if digits.len() > PHONE_DIGITS {
            let reason = format!(
                "has {} digits, but a phone number has at most {PHONE_DIGITS}; correct it",
                digits.len()
            );
            self.error(&place.clone().from("ITU-T E.164, section 6"), refused, reason);
        } else if self.platform == Platform::Cloud && !text.contains('+') {
            let reason = format!(
                "has no +, so WhatsApp prepends the country code of the business's own number: a business in India would \
                 reach +91{digits}; write + and the country code"
            );
            self.warning(place, None, reason);
        } else if let Some(forms) = phone_forms::other_form(text).filter(|forms| forms.has_digit) {
            let phone_forms::Forms { country, digit, other, .. } = forms;
            let reason = format!(
                "is a number in {country} with the {digit} that webhooks have; the list of a test number often has it without, \
                 and the message then fails with 131030: from a test number, send to {other}"
            );
            self.warning(&place.clone().from(phone_forms::SOURCE), None, reason);
        }
    }

    fn user_id(&mut self, text: &str, place: &Place) {
        if text.is_empty() {
            self.error(place, Code::Parameter, "is empty; write the user id, or remove the field");
        } else if !messages::is_user_id(text) {
            let reason = format!(
                "is {}, which does not look like a user id: a two-letter country code, a dot and the id; a phone \
                 number belongs in `to`",
                Quoted(text)
            );
            self.warning(place, None, reason);
        }
    }
}

fn wrong_word(text: &str, words: &[&str]) -> Option<String> {
    if words.contains(&text) {
        return None;
    }
    Some(match suggest::nearest(text, words.iter().copied()).filter(|_| words.len() > 1) {
        Some(nearest) => format!("is {}; did you mean `{nearest}`?", Quoted(text)),
        None => format!("is {}; write {}", Quoted(text), any_of(words)),
    })
}

fn wrong_template_name(text: &str) -> Option<String> {
    let is_of_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if !text.is_empty() && text.chars().all(is_of_name) {
        return None;
    }
    let reason = "which is not the name of a template: names have only lowercase letters, digits and underscores; copy \
                  it from WhatsApp Manager";
    Some(format!("is {}, {reason}", Quoted(text)))
}

fn wrong_date(text: &str) -> Option<String> {
    let part = |range: std::ops::Range<usize>| {
        let digits = text.get(range).filter(|part| part.bytes().all(|b| b.is_ascii_digit()))?;
        digits.parse::<u32>().ok()
    };
    let is_spelled = text.len() == 10 && text.as_bytes()[4] == b'-' && text.as_bytes()[7] == b'-';
    let date = is_spelled.then(|| Some((part(0..4)?, part(5..7)?, part(8..10)?))).flatten();
    let is_day = |(year, month, day): (u32, u32, u32)| {
        let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
        let days = match month {
            2 => 28 + u32::from(is_leap),
            4 | 6 | 9 | 11 => 30,
            1..=12 => 31,
            _ => 0,
        };
        (1..=days).contains(&day)
    };
    if date.is_some_and(is_day) {
        return None;
    }
    Some(format!("is {}; write a date as YYYY-MM-DD, such as 1999-01-23", Quoted(text)))
}

fn wrong_reaction(text: &str) -> Option<String> {
    if text.is_empty() || emoji::is_one_emoji(text) {
        return None;
    }
    Some(format!("is {}; write one emoji, or \"\" to remove the reaction", Quoted(text)))
}
