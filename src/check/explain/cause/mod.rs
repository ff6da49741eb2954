//! Causes of failed messages: the classifier that derives a cause from an error's text and code.
//!
//! The [table] has the meaning, the fix and the check rules of each cause.

mod table;

use self::table::TABLE;
use crate::check::{Evidence, Rule};
use crate::webhook::details::Details;
use crate::webhook::text::has;
use crate::whatsapp::errors::Retry;
use crate::whatsapp::essence;
use crate::whatsapp::media_errors::is_of_page;
use crate::whatsapp::url_syntax::is_metas_own;

/// Why WhatsApp rejected a message, as far as the error's text says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Cause {
    /// The link points to Meta's own storage, which Meta's fetcher cannot download from.
    MetaLink,
    /// Meta's rate limit for the network that the server is in; the request never reached the server.
    NetworkLimit,
    /// Status 429, without a word on whose limit it is.
    TooManyRequests,
    /// Status 401, 403 or 407.
    Denied,
    /// Status 404 or 410.
    NotFound,
    /// Status 400.
    BadRequest,
    /// A redirect, status 300 to 399.
    Redirect,
    /// Status 500 to 599.
    ServerError,
    /// Any other HTTP status, or none.
    NotFetched,
    /// A web page or an error text instead of the media file.
    Page,
    /// A generic type, such as `application/octet-stream`.
    NoType,
    /// A WebP in an image message.
    WebpAsImage,
    /// Opus under a type that WhatsApp does not accept, such as `audio/opus`.
    OpusType,
    /// Any other type that WhatsApp does not accept.
    OtherType,
    /// The bytes do not match the Content-Type.
    Bytes,
    /// The container is accepted, a codec in it is not.
    Codec,
    /// The file is over the size limit.
    TooLarge,
    /// The media was rejected, and the text does not say why.
    Medium,
    /// WhatsApp could not download media that a customer sent.
    Inbound,
    /// The template has a media header, and the message does not fill it.
    HeaderMissing,
    /// The header parameter has another type than the template.
    HeaderKind,
    /// The link is not a URL.
    Link,
    /// A button of the template needs a parameter, and the message has none for it.
    ButtonParameter,
    /// A component has more or fewer parameters than the template has placeholders.
    ParameterCount,
    /// The template has named placeholders, and a parameter has no name.
    ParameterName,
    /// A text that fills a placeholder has a line break, a tab or a long run of spaces.
    Whitespace,
    /// A field has the wrong type or syntax.
    Field,
    /// A field has a value that is not in the list of accepted values.
    Choice,
    /// A required field is missing.
    FieldMissing,
    /// A field is not known.
    FieldUnknown,
    /// A text is too long or too short, or a list has too many or too few entries.
    Length,
    /// The template does not exist under this name in this language.
    NoTemplate,
    /// An id in the request URL does not exist for this token.
    NoObject,
    /// The HTTP client reported the status only, not WhatsApp's error.
    BodyDropped,
    /// The recipient's number, in Argentina or Mexico, differs by a digit from the one on a test number's list.
    NumberForm,
}

/// What to check next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NextCheck {
    /// The link, requested the way the fetcher does.
    Link,
    /// The bytes of the file.
    File,
    /// The payload.
    Payload,
    /// The payload beside the templates of the account.
    Templates,
    /// Nothing on the sender's side.
    Nothing,
}

/// One row of the table of causes.
pub(super) struct Row {
    pub(super) cause: Cause,
    pub(super) name: &'static str,
    pub(super) meaning: &'static str,
    pub(super) fix: &'static str,
    pub(super) retry: Retry,
    pub(super) next: NextCheck,
    pub(super) evidence: Evidence,
    pub(super) source: &'static str,
    /// The check rules that detect this before a send.
    pub(super) rules: &'static [&'static Rule],
}

impl Cause {
    /// Classifies an error from its parsed `details`, its `code` and its whole `text`.
    pub fn of(details: Option<&Details>, code: Option<u32>, text: &str) -> Option<Self> {
        // Media that a customer sent never concerns the sender's links, whatever the text says.
        if code == Some(131_052) {
            return Some(Self::Inbound);
        }
        if let Some(details) = details {
            return Some(Self::of_details(details, text));
        }
        match code {
            Some(131_053 | 131_014 | 400 | 1014) if is_about_size(text) => Some(Self::TooLarge),
            Some(131_053 | 400) => Some(Self::Medium),
            _ => None,
        }
    }

    fn of_details(details: &Details, text: &str) -> Self {
        match details {
            Details::Fetch { .. } | Details::Request { .. } if is_in_metas_storage(text) => Self::MetaLink,
            Details::Fetch { status, limit, .. } => match (*status, limit) {
                (429, Some(_)) => Self::NetworkLimit,
                (status, _) => Self::of_status(status),
            },
            Details::Request { status, .. } => status.map_or(Self::NotFetched, Self::of_status),
            Details::Type { medium, seen, .. } => Self::of_type(seen, medium.as_deref().unwrap_or("")),
            Details::Processed { declared, found, .. } if essence(declared) == essence(found) => Self::Codec,
            Details::Processed { .. } => Self::Bytes,
            Details::Upload { seen, .. } => {
                seen.as_deref().map_or(Self::OtherType, |seen| Self::of_type(seen, ""))
            }
            Details::Format { received, .. } if received.eq_ignore_ascii_case("unknown") => {
                Self::HeaderMissing
            }
            Details::Format { .. } => Self::HeaderKind,
            Details::Uri { .. } => Self::Link,
            Details::Button { .. } => Self::ButtonParameter,
            Details::Count { .. } => Self::ParameterCount,
            Details::ParameterName { .. } => Self::ParameterName,
            Details::Whitespace { .. } => Self::Whitespace,
            Details::Field { .. } => Self::Field,
            Details::Choice { .. } => Self::Choice,
            Details::Missing { .. } => Self::FieldMissing,
            Details::Unexpected { .. } => Self::FieldUnknown,
            Details::Length { .. } => Self::Length,
            Details::Template { .. } => Self::NoTemplate,
            Details::Object { .. } => Self::NoObject,
            Details::StatusOnly { .. } => Self::BodyDropped,
        }
    }

    fn of_status(status: u32) -> Self {
        match status {
            429 => Self::TooManyRequests,
            401 | 403 | 407 => Self::Denied,
            404 | 410 => Self::NotFound,
            400 => Self::BadRequest,
            300..=399 => Self::Redirect,
            500..=599 => Self::ServerError,
            _ => Self::NotFetched,
        }
    }

    fn of_type(seen: &str, medium: &str) -> Self {
        match &*essence(seen) {
            // Error texts often have the type text/plain.
            page if is_of_page(page) || page == "text/plain" => Self::Page,
            "application/octet-stream" | "binary/octet-stream" => Self::NoType,
            "image/webp" if !medium.eq_ignore_ascii_case("sticker") => Self::WebpAsImage,
            "audio/opus" | "audio/ogg" | "application/ogg" => Self::OpusType,
            _ => Self::OtherType,
        }
    }

    /// Stable name for scripts, such as `network-limit`.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// The check rules that detect this cause before a send, most likely first.
    pub fn rules(self) -> &'static [&'static Rule] {
        self.row().rules
    }

    pub(super) fn row(self) -> &'static Row {
        TABLE.iter().find(|row| row.cause == self).expect("every cause has a row; a test verifies it")
    }
}

/// WhatsApp's wording for size errors is not known, so this searches for words that can hardly mean anything else.
fn is_about_size(text: &str) -> bool {
    ["too large", "too big", "size limit", "file size", "exceeds"].iter().any(|words| has(text, words))
}

/// Whether the text names a host of Meta's storage.
fn is_in_metas_storage(text: &str) -> bool {
    let mut words = text.split(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '.' | '-'));
    words.any(|word| is_metas_own(&word.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_has_one_row() {
        // Same order as the enum, up to its last variant. Update the variant below when you append one to the enum.
        assert!(TABLE.iter().enumerate().all(|(at, row)| row.cause as usize == at));
        assert_eq!(TABLE.len(), Cause::NumberForm as usize + 1);
        for (at, row) in TABLE.iter().enumerate() {
            for other in &TABLE[at + 1..] {
                assert!(row.cause != other.cause && row.name != other.name, "{}", row.name);
            }
            assert!(!row.meaning.contains("  ") && !row.fix.contains("  "), "{}", row.name);
        }
    }
}
