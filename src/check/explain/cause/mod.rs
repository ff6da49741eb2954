//! What stands behind an error: the causes that can be told apart, what to do about each, and the rules of a check that find
//! it beforehand. What is known of each stands in the [table].

mod table;

use self::table::TABLE;
use crate::check::{Evidence, Rule};
use crate::webhook::details::Details;
use crate::webhook::text::has;
use crate::whatsapp::errors::Retry;
use crate::whatsapp::essence;
use crate::whatsapp::media_errors::is_of_page;
use crate::whatsapp::url_syntax::is_metas_own;

/// Why WhatsApp did not take a message, as far as its text tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Cause {
    /// The link leads to Meta's own storage, from which its fetcher gets nothing.
    MetaLink,
    /// Meta limits what it fetches from the network that the server is in; the server was not asked.
    NetworkLimit,
    /// 429, and it is not said who limits.
    TooManyRequests,
    /// 401, 403 or 407.
    Denied,
    /// 404 or 410.
    NotFound,
    /// 400.
    BadRequest,
    /// A redirect.
    Redirect,
    /// 500 to 599.
    ServerError,
    /// Any other HTTP status, or none.
    NotFetched,
    /// A page or an error text in place of the medium.
    Page,
    /// A type that says nothing, `application/octet-stream`.
    NoType,
    /// A WebP in an image message.
    WebpAsImage,
    /// Opus under a type that is not taken, such as `audio/opus`.
    OpusType,
    /// Any other type that is not taken.
    OtherType,
    /// The bytes are not of the type that was said.
    Bytes,
    /// The container is right, what is in it is not.
    Codec,
    /// Larger than may be.
    TooLarge,
    /// The medium was not taken, and the text does not say why.
    Medium,
    /// A medium that a customer sent could not be fetched by WhatsApp.
    Inbound,
    /// The template has a media header, and the message gives none.
    HeaderMissing,
    /// The message gives something else than the template has.
    HeaderKind,
    /// The link is no URL.
    Link,
}

/// What there is to look into next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// The link, as the fetcher sees it.
    Link,
    /// The file's bytes.
    File,
    /// The payload.
    Payload,
    /// Nothing of ours.
    Nothing,
}

/// What is known of a cause.
pub(super) struct Row {
    pub(super) cause: Cause,
    pub(super) name: &'static str,
    pub(super) meaning: &'static str,
    pub(super) fix: &'static str,
    pub(super) retry: Retry,
    pub(super) next: Next,
    pub(super) evidence: Evidence,
    pub(super) source: &'static str,
    /// The rules of a check that find this beforehand.
    pub(super) rules: &'static [&'static Rule],
}

impl Cause {
    /// The cause that a text tells of; `text` is all of it, `code` the error's number.
    pub fn of(details: Option<&Details>, code: Option<u32>, text: &str) -> Option<Self> {
        // What a customer sent is never a matter of our links, whatever the text says.
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
            // An error text comes as plain text, too.
            page if is_of_page(page) || page == "text/plain" => Self::Page,
            "application/octet-stream" | "binary/octet-stream" => Self::NoType,
            "image/webp" if !medium.eq_ignore_ascii_case("sticker") => Self::WebpAsImage,
            "audio/opus" | "audio/ogg" | "application/ogg" => Self::OpusType,
            _ => Self::OtherType,
        }
    }

    /// Its name for scripts, as in `network-limit`. It never changes.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// The rules of a check that find it beforehand; those that are likeliest first.
    pub fn rules(self) -> &'static [&'static Rule] {
        self.row().rules
    }

    pub(super) fn row(self) -> &'static Row {
        TABLE.iter().find(|row| row.cause == self).expect("every cause has a row, as a test holds")
    }
}

/// No wording for sizes is known, so words that can hardly mean anything else are looked for.
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
        // In the order of the enum, to its last: one that is added behind it belongs here.
        assert!(TABLE.iter().enumerate().all(|(at, row)| row.cause as usize == at));
        assert_eq!(TABLE.len(), Cause::Link as usize + 1);
        for (at, row) in TABLE.iter().enumerate() {
            for other in &TABLE[at + 1..] {
                assert!(row.cause != other.cause && row.name != other.name, "{}", row.name);
            }
            assert!(!row.meaning.contains("  ") && !row.fix.contains("  "), "{}", row.name);
        }
    }
}
