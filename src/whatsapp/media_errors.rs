//! What Meta's webhook says, letter for letter, when it could not fetch a medium or does not take its type.
//!
//! Only words that users have reported are here, so that who looks for them finds them. What they mean is told by
//! the reader of webhooks.

use super::Kind;

/// The statuses that the words are reported with, and their phrases.
const REPORTED: [(u16, &str); 6] = [
    (400, "Bad Request"),
    (403, "Forbidden"),
    (404, "Not Found"),
    (429, "Too Many Requests"),
    (500, "Internal Server Error"),
    (503, "Service Unavailable"),
];

/// What is said where the link answered with this status; `None` for one with which nothing is reported.
pub(crate) fn not_fetched(status: u16) -> Option<String> {
    let (_, phrase) = REPORTED.iter().find(|(reported, _)| *reported == status)?;
    Some(format!("Downloading media from weblink failed with http code {status}, status message {phrase}"))
}

/// What is said of a type that such a message does not take; reported for images, audio and videos. The lists of what
/// is taken are Meta's, as it spells them there.
pub(crate) fn unsupported(kind: Kind, media_type: &str) -> Option<String> {
    let (name, taken) = match kind {
        Kind::Image => ("Image", "image/png, image/jpeg"),
        Kind::Audio => ("Audio", "audio/ogg; codecs=opus, audio/mpeg, audio/amr, audio/mp4, audio/aac"),
        Kind::Video => ("Video", "video/3gpp, video/mp4"),
        Kind::Document | Kind::Sticker => return None,
    };
    Some(format!("Unsupported {name} mime type {media_type}. Please use one of {taken}."))
}

/// Whether a server sends this type, of which `essence` is all but the parameters, in place of a medium: it tells a
/// person or a program what went wrong.
pub(crate) fn is_of_page(essence: &str) -> bool {
    matches!(
        essence,
        "text/html"
            | "application/xhtml+xml"
            | "application/json"
            | "application/problem+json"
            | "application/xml"
            | "text/xml"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_told_where_they_are_reported_and_nowhere_else() {
        assert_eq!(
            not_fetched(404).as_deref(),
            Some("Downloading media from weblink failed with http code 404, status message Not Found")
        );
        for status in [401, 402, 408, 410, 502, 200] {
            assert_eq!(not_fetched(status), None, "{status}");
        }
        assert_eq!(
            unsupported(Kind::Image, "text/html").as_deref(),
            Some("Unsupported Image mime type text/html. Please use one of image/png, image/jpeg.")
        );
        assert_eq!(unsupported(Kind::Sticker, "text/html"), None);
        assert!(is_of_page("application/problem+json") && !is_of_page("image/jpeg"));
    }

    #[test]
    fn what_meta_lists_there_is_what_it_takes() {
        for kind in [Kind::Image, Kind::Audio, Kind::Video] {
            let said = unsupported(kind, "x/y").expect("a text");
            for media_type in kind.media_types() {
                assert!(said.contains(media_type), "{media_type}: {said}");
            }
        }
    }
}
