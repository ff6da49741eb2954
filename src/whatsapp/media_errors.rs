//! Meta's exact error texts for media that it could not fetch or whose type it does not accept.
//!
//! Only texts that users have reported are here, so that a search finds them. [`webhook`](crate::webhook) parses such texts.

use super::Kind;

/// The HTTP statuses that the text is reported with, and their reason phrases.
const REPORTED: [(u16, &str); 6] = [
    (400, "Bad Request"),
    (403, "Forbidden"),
    (404, "Not Found"),
    (429, "Too Many Requests"),
    (500, "Internal Server Error"),
    (503, "Service Unavailable"),
];

/// The error text when the link answers with this status; `None` for a status without a report.
pub(crate) fn not_fetched(status: u16) -> Option<String> {
    let (_, phrase) = REPORTED.iter().find(|(reported, _)| *reported == status)?;
    Some(format!("Downloading media from weblink failed with http code {status}, status message {phrase}"))
}

/// The error text when this kind of message does not accept the media type; reported for images, audio and videos. The lists of
/// accepted types are Meta's, in its spelling.
pub(crate) fn unsupported(kind: Kind, media_type: &str) -> Option<String> {
    let (name, accepted) = match kind {
        Kind::Image => ("Image", "image/png, image/jpeg"),
        Kind::Audio => ("Audio", "audio/ogg; codecs=opus, audio/mpeg, audio/amr, audio/mp4, audio/aac"),
        Kind::Video => ("Video", "video/3gpp, video/mp4"),
        Kind::Document | Kind::Sticker => return None,
    };
    Some(format!("Unsupported {name} mime type {media_type}. Please use one of {accepted}."))
}

/// The error text when Meta finds a type in the bytes that it does not accept; reported for audio and video.
pub(crate) fn processed_as(kind: Kind, declared: &str, detected: &str) -> Option<String> {
    let name = match kind {
        Kind::Audio => "Audio",
        Kind::Video => "Video",
        Kind::Image | Kind::Document | Kind::Sticker => return None,
    };
    Some(format!(
        "{name} file uploaded with mimetype as {declared}, however on processing it is of type {detected}. Please choose a different \
         file."
    ))
}

/// Whether this media type (without parameters) is that of a web page or an error text, which a server may send instead of media.
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
    fn only_reported_error_texts_are_predicted() {
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
    fn metas_lists_match_the_accepted_types() {
        for kind in [Kind::Image, Kind::Audio, Kind::Video] {
            let text = unsupported(kind, "x/y").expect("a text");
            for media_type in kind.media_types() {
                assert!(text.contains(media_type), "{media_type}: {text}");
            }
        }
    }
}
