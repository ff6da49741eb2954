//! Parser for WhatsApp's error texts, the sentences beside an error code.
//!
//! Meta documents none of them. All come from reports of users, some in more than one wording. So the parser matches the words that carry
//! the meaning, in either case, and accepts lists of any length.

mod display;
mod media;
mod payload;
mod words;

use super::text::{after, has, number};
use crate::whatsapp::Kind;

/// Maximum number of list entries that are kept.
const MAX_ENTRIES: usize = 32;

/// The parts of an error text. Displays as one line.
///
/// ```
/// use wamedia::webhook::Details;
///
/// let text = "Unsupported Image mime type text/html. Please use one of image/png, image/jpeg.";
/// let Some(Details::Type { seen, accepted, .. }) = Details::parse(text) else { panic!() };
/// assert_eq!((&*seen, accepted), ("text/html", vec!["image/png".to_owned(), "image/jpeg".to_owned()]));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Details {
    /// `Downloading media from weblink failed with http code 403, status message Forbidden`
    Fetch {
        /// The HTTP status code.
        status: u32,
        /// The reason phrase beside the status.
        reason: Option<String>,
        /// The rate limit that was reached, if the text names one.
        limit: Option<RateLimit>,
    },
    /// `Request for url https://… failed with error: 404 (Not Found)`, the wording of older APIs.
    Request {
        /// The URL that was requested.
        url: String,
        /// The HTTP status code, if there is one.
        status: Option<u32>,
        /// The reason phrase beside the status.
        reason: Option<String>,
    },
    /// `Unsupported Image mime type text/html. Please use one of image/png, image/jpeg.`
    Type {
        /// The kind of media as the text names it, such as `Voice`.
        medium: Option<String>,
        /// The Content-Type of the response.
        seen: String,
        /// The accepted types.
        accepted: Vec<String>,
    },
    /// `Audio file uploaded with mimetype as audio/mp4, however on processing it is of type application/octet-stream.`
    Processed {
        /// The kind of media as the text names it.
        medium: Option<String>,
        /// The Content-Type of the response.
        declared: String,
        /// The type of the bytes.
        found: String,
        /// Codecs that were found, such as `videoCodec=h264`.
        codecs: Vec<String>,
    },
    /// `Param file must be a file with one of the following types: … Received file of type 'application/octet-stream'.`
    Upload {
        /// The accepted types.
        accepted: Vec<String>,
        /// The type of the uploaded file.
        seen: Option<String>,
    },
    /// `header: Format mismatch, expected IMAGE, received UNKNOWN`
    Format {
        /// The component, such as `header`.
        component: Option<String>,
        /// The type that the template has.
        expected: String,
        /// The type that the message has.
        received: String,
    },
    /// `Param image['link'] is not a valid URI`
    Uri {
        /// The name of the parameter.
        parameter: String,
    },
    /// `Button at index 0 of type Url requires a parameter`
    Button {
        /// The card of a carousel that has the button.
        card: Option<u32>,
        /// The button's index.
        index: u32,
        /// The button's type, such as `Url`.
        sub_type: Option<String>,
    },
    /// `body: number of localizable_params (2) does not match the expected number of params (1)`
    Count {
        /// The card of a carousel that has the component.
        card: Option<u32>,
        /// The component, such as `body`.
        component: Option<String>,
        /// The number of parameters in the message.
        sent: u32,
        /// The number of placeholders in the template.
        expected: u32,
    },
    /// `Parameter name is missing or empty`
    ParameterName {
        /// The component, if the text names it.
        component: Option<String>,
    },
    /// `Param text cannot have new-line/tab characters or more than 4 consecutive spaces`
    Whitespace {
        /// The component, if the text names it.
        component: Option<String>,
    },
    /// `Param template['components'][0]['parameters'][0]['text'] must be a string`
    Field {
        /// The path of the field, such as `template.components[0].parameters[0].text`.
        field: String,
        /// What the field must be, such as `be a string`.
        wanted: String,
        /// The value of the field, if the text has it.
        seen: Option<String>,
    },
    /// `Param template['components'][0]['sub_type'] must be one of {FLOW, URL} - got "phone_number".`
    Choice {
        /// The path of the field.
        field: String,
        /// The accepted values.
        allowed: Vec<String>,
        /// The value of the field, if the text has it.
        seen: Option<String>,
    },
    /// `The parameter to is required.`
    Missing {
        /// The path of the field.
        field: String,
    },
    /// `Unexpected key "x" on param "template['components'][0]".`
    Unexpected {
        /// The path of the field.
        field: String,
    },
    /// `Button title length invalid. Min length: 1, Max length: 20`
    Length {
        /// What is too long, too short, too many or too few.
        subject: String,
        /// The smallest accepted length or number.
        min: u32,
        /// The largest accepted length or number.
        max: u32,
    },
    /// `template name (hello_world) does not exist in es`
    Template {
        /// The name of the template.
        name: String,
        /// The language code.
        language: String,
    },
    /// `Unsupported get request. Object with ID '123' does not exist, …`
    Object {
        /// The id.
        id: String,
    },
    /// `Request failed with status code 400`, the words of an HTTP client that keeps WhatsApp's error elsewhere.
    StatusOnly {
        /// The HTTP status code.
        status: u32,
    },
}

/// A rate limit that stopped the fetch before it reached the server.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RateLimit {
    /// What applies the limit, such as `fwdproxy`.
    pub by: Option<String>,
    /// The networks that it counts, as autonomous system numbers.
    pub networks: Vec<u32>,
}

impl Details {
    /// Parses a text that contains one of these sentences.
    pub fn parse(text: &str) -> Option<Self> {
        PARSERS.iter().find_map(|parse| parse(text))
    }

    /// Stable name of the sentence, for scripts.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Fetch { .. } => "fetch",
            Self::Request { .. } => "request",
            Self::Type { .. } => "type",
            Self::Processed { .. } => "processed",
            Self::Upload { .. } => "upload",
            Self::Format { .. } => "format",
            Self::Uri { .. } => "uri",
            Self::Button { .. } => "button",
            Self::Count { .. } => "count",
            Self::ParameterName { .. } => "parameter-name",
            Self::Whitespace { .. } => "whitespace",
            Self::Field { .. } => "field",
            Self::Choice { .. } => "choice",
            Self::Missing { .. } => "missing",
            Self::Unexpected { .. } => "unexpected",
            Self::Length { .. } => "length",
            Self::Template { .. } => "template",
            Self::Object { .. } => "object",
            Self::StatusOnly { .. } => "status-only",
        }
    }

    /// Whether these are the words of an HTTP client, not of WhatsApp.
    pub(crate) const fn is_of_client(&self) -> bool {
        matches!(self, Self::StatusOnly { .. })
    }

    /// The kind of media, if the sentence names it.
    pub fn kind(&self) -> Option<Kind> {
        let word = match self {
            Self::Type { medium, .. } | Self::Processed { medium, .. } => medium.as_deref()?,
            Self::Format { expected, .. } => expected,
            Self::Uri { parameter } => parameter.split('[').next()?,
            _ => return None,
        };
        let word = word.to_ascii_lowercase();
        if word == "voice" {
            return Some(Kind::Audio);
        }
        Kind::ALL.into_iter().find(|kind| kind.name() == word)
    }
}

/// In this order: a later sentence may be part of an earlier one.
const PARSERS: &[fn(&str) -> Option<Details>] = &[
    media::request,
    media::fetch,
    media::media_type,
    media::processed,
    media::upload,
    payload::format_mismatch,
    payload::uri,
    payload::button,
    payload::count,
    payload::parameter_name,
    payload::whitespace,
    payload::template,
    payload::object,
    payload::length,
    payload::field,
    status_only,
];

fn status_only(text: &str) -> Option<Details> {
    let rest = ["failed with status code", "failed with code", "response code"]
        .into_iter()
        .find_map(|marker| after(text, marker))
        .or_else(|| text.get(..3).filter(|_| has(text, " error: ") && has(text, "for url")));
    let (status, _) = number(rest?.trim_start_matches([' ', ':', '=']))?;
    (100..600).contains(&status).then_some(Details::StatusOnly { status })
}
