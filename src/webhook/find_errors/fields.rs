//! The fields of an error, by the names that WhatsApp and the providers in between give them.

use serde_json::{Map, Value};

use crate::webhook::text::number;

type Object = Map<String, Value>;

/// Fields with a text, most telling first. Without case, `_` and `-`.
const DETAILS: &[&str] = &[
    "details",
    "detail",
    "errordetails",
    "errordetail",
    "faileddetail",
    "errorusermsg",
    "developermessage",
    "errordescription",
    "description",
    "reason",
    "failedreason",
    "failurereason",
    "errorreason",
    "channelstatusmessage",
];
const MESSAGES: &[&str] = &["message", "errormessage", "errormsg", "errmsg", "msg", "errortext", "errorinfo"];
const TITLES: &[&str] = &["title", "errortitle", "errorusertitle"];
/// Fields whose name alone says that this is an error.
const CERTAIN: &[&str] = &[
    "errormessage",
    "errormsg",
    "errmsg",
    "errortext",
    "errordetails",
    "errordetail",
    "faileddetail",
    "failedreason",
    "failurereason",
    "errorreason",
    "errordescription",
    "channelstatusmessage",
];

/// What an object says of an error, read from whatever its fields are called.
#[derive(Debug, Default)]
pub(super) struct Fields<'a> {
    pub(super) code: Option<u32>,
    pub(super) title: Option<&'a str>,
    pub(super) message: Option<&'a str>,
    pub(super) details: Option<&'a str>,
    /// Whether a field is named so that the object can only be an error.
    pub(super) is_certain: bool,
}

impl<'a> Fields<'a> {
    pub(super) fn of(object: &'a Object) -> Self {
        let mut fields = Self { code: code(object, "code"), ..Self::default() };
        let mut is_specific = false;
        for (name, value) in object {
            let name = plain(name);
            if is_code(&name)
                && let Some(code) = code_of(value)
            {
                is_specific |= name != "code" && code > 0;
                fields.code = fields.code.or(Some(code));
            }
            let has_text = value.as_str().is_some_and(|text| !is_void(text));
            fields.is_certain |= has_text && CERTAIN.contains(&&*name);
        }
        fields.is_certain |= is_specific;
        fields.title = first(object, TITLES);
        fields.message = first(object, MESSAGES);
        let data = object.get("error_data");
        let data = data.and_then(|data| data.as_str().or_else(|| first(data.as_object()?, DETAILS)));
        fields.details = data.or_else(|| first(object, DETAILS));
        fields
    }

    /// Whether there is any text.
    pub(super) fn has_text(&self) -> bool {
        self.title.is_some() || self.message.is_some() || self.details.is_some()
    }
}

/// Whether this is the name of a field with an error or a list of errors.
pub(super) fn is_error_name(name: &str) -> bool {
    let plain = plain(name);
    let is_flag = ["has", "is", "no", "ignore", "continueon"].iter().any(|begin| plain.starts_with(begin));
    let is_list = ["error", "errors", "exception", "failure"].iter().any(|end| plain.ends_with(end));
    is_list && !is_flag
}

/// Whether the name is that of a field with a text of an error, which has been read already.
pub(super) fn is_text_name(name: &str) -> bool {
    let plain = plain(name);
    [DETAILS, MESSAGES, TITLES].iter().any(|names| names.contains(&&*plain))
}

/// Whether a text in the place of an error says that there is none.
pub(super) fn is_void(text: &str) -> bool {
    let text = text.trim();
    text.is_empty()
        || matches!(&*text.to_ascii_lowercase(), "null" | "none" | "false" | "undefined" | "0" | "ok" | "nil")
}

/// `errorCode`, `error_code`, `failedCode`, … but no HTTP status.
fn is_code(plain: &str) -> bool {
    plain.ends_with("code")
        && ["err", "fail", "reason"].iter().any(|part| plain.contains(part))
        && !plain.contains("http")
        && !plain.contains("status")
}

/// In lower case, without `_` and `-`.
fn plain(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, '_' | '-' | ' ')).take(40).flat_map(char::to_lowercase).collect()
}

fn first<'a>(object: &'a Object, names: &[&str]) -> Option<&'a str> {
    names.iter().find_map(|wanted| {
        let (_, value) = object.iter().find(|(name, _)| plain(name) == *wanted)?;
        value.as_str().filter(|text| !text.trim().is_empty())
    })
}

/// A code as a number, or as a string of digits.
pub(super) fn code(object: &Object, name: &str) -> Option<u32> {
    code_of(object.get(name)?)
}

fn code_of(value: &Value) -> Option<u32> {
    let digits = match value {
        Value::Number(number) => number.as_str(),
        Value::String(text) => text.trim().trim_start_matches(['(', '#']).trim_end_matches(')'),
        _ => return None,
    };
    let (code, rest) = number(digits)?;
    (rest.trim_start_matches('.').trim_end_matches('0').is_empty()).then_some(code)
}
