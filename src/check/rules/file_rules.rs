//! Rules for files: names, media types, sizes and formats.

use crate::check::Evidence::{self, Documented, Reasoned, Reported};
use crate::check::Rule;
use crate::check::Severity::{self, Advice, Doubtful, Refused};

const MEDIA: &str = "Meta: Cloud API, media, April 2026";
const AUDIO: &str = "Meta: Cloud API, audio messages, April 2026";
const VIDEO: &str = "Meta: Cloud API, video messages, April 2026";
const FORMATS: &str = "how the format works";
const SERVING: &str = "how wamedia serves files";

/// The code with which a webhook reports media that WhatsApp could not download or use.
pub(super) const MEDIA_UPLOAD: u32 = 131_053;
/// The code with which the API rejects a link that is not a valid URL.
pub(super) const INVALID_PARAMETER: u32 = 100;

pub(super) const fn rule(
    id: &'static str,
    severity: Severity,
    title: &'static str,
    (evidence, source): (Evidence, &'static str),
    code: Option<u32>,
) -> Rule {
    Rule { id, severity, title, source, evidence, code }
}

macro_rules! rules {
    ($($name:ident = $rule:expr;)*) => {
        $(pub(crate) static $name: Rule = $rule;)*

        /// All rules of this file.
        pub const ALL: &[&Rule] = &[$(&$name),*];
    };
}
pub(super) use rules;

rules! {
    // Types.
    EMPTY = rule("empty", Refused, "The file is empty", (Reasoned, FORMATS), Some(MEDIA_UPLOAD));
    OCTET_STREAM = rule("octet-stream", Refused, "application/octet-stream, or another type for any bytes, is not a media type that WhatsApp accepts", (Reported, "Meta: Cloud API, media, April 2026; laravel-whatsapp issue 4"), Some(MEDIA_UPLOAD));
    TYPE_NOT_TAKEN = rule("type-not-taken", Refused, "This kind of message does not accept this media type", (Documented, MEDIA), Some(MEDIA_UPLOAD));
    WEBP_AS_IMAGE = rule("webp-as-image", Refused, "A WebP can be sent only as a sticker, not as an image", (Documented, "Meta: Cloud API, media, April 2026; chatwoot issue 12260"), Some(MEDIA_UPLOAD));
    AUDIO_OPUS = rule("audio-opus", Refused, "audio/opus is rejected when the message is delivered", (Reported, "chatwoot issues 9432 and 12713"), Some(MEDIA_UPLOAD));
    PAGE_INSTEAD = rule("page-instead", Refused, "The file is an HTML page, JSON or XML instead of media", (Reported, "chatwoot pull request 15069"), Some(MEDIA_UPLOAD));
    PAGE_AS_TEXT = rule("page-as-text", Doubtful, "The text file contains an HTML page, or an error in JSON or XML", (Reported, "chatwoot pull request 15069"), None);
    BYTES_DISAGREE = rule("bytes-disagree", Refused, "The bytes do not match the media type", (Reported, "evolution-api issue 2719, glific issue 3822"), Some(MEDIA_UPLOAD));
    BYTES_UNKNOWN = rule("bytes-unknown", Doubtful, "The format of the bytes is not recognised", (Reported, "glific issue 3822"), Some(MEDIA_UPLOAD));
    EXTENSION_DISAGREES = rule("extension-disagrees", Doubtful, "The file extension does not match the Content-Type and the bytes", (Reported, "evolution-api issue 2719"), None);
    TYPE_NOT_LISTED = rule("type-not-listed", Doubtful, "WhatsApp does not list this media type for documents", (Documented, MEDIA), None);
    // Sizes.
    TOO_LARGE = rule("too-large", Refused, "The file is larger than WhatsApp's size limit", (Documented, "Meta: Cloud API, media, April 2026; whatomate pull request 522"), Some(MEDIA_UPLOAD));
    SIZE_DOUBTFUL = rule("size-doubtful", Doubtful, "The file is over the size limit if Meta counts KB and MB in powers of ten", (Documented, MEDIA), Some(MEDIA_UPLOAD));
    // Damage.
    DAMAGED = rule("damaged", Refused, "The file is truncated or malformed", (Reasoned, FORMATS), Some(MEDIA_UPLOAD));
    DAMAGED_DOCUMENT = rule("damaged-document", Doubtful, "The document is truncated or malformed", (Reasoned, FORMATS), None);
    // Images.
    IMAGE_CMYK = rule("image-cmyk", Refused, "A JPEG must be RGB, not CMYK", (Documented, MEDIA), Some(MEDIA_UPLOAD));
    IMAGE_DEPTH = rule("image-depth", Refused, "An image must have 8 bits per sample, not more", (Documented, MEDIA), Some(MEDIA_UPLOAD));
    IMAGE_PROCESS = rule("image-process", Refused, "The JPEG uses a coding process that phones do not decode", (Reasoned, FORMATS), Some(MEDIA_UPLOAD));
    IMAGE_NOT_RGB = rule("image-not-rgb", Doubtful, "The image is greyscale or has a palette; Meta documents RGB and RGBA only", (Documented, MEDIA), Some(MEDIA_UPLOAD));
    IMAGE_ANIMATED = rule("image-animated", Doubtful, "The image is animated: only the first frame is shown", (Reasoned, FORMATS), None);
    IMAGE_ORIENTATION = rule("image-orientation", Advice, "The image is rotated only by its EXIF orientation", (Documented, "360dialog: media messages"), None);
    // Stickers.
    STICKER_SIZE = rule("sticker-size", Refused, "A sticker must be exactly 512 × 512 pixels", (Documented, "Meta: Cloud API, messages reference; tawn33y/whatsapp-cloud-api issue 45"), Some(MEDIA_UPLOAD));
    // Audio.
    OGG_NOT_OPUS = rule("ogg-not-opus", Refused, "Audio in Ogg must use the Opus codec", (Documented, MEDIA), Some(MEDIA_UPLOAD));
    OGG_NOT_MONO = rule("ogg-not-mono", Refused, "Opus in Ogg must be mono", (Documented, MEDIA), Some(MEDIA_UPLOAD));
    OGG_STREAMS = rule("ogg-streams", Doubtful, "The Ogg file has several logical streams", (Reasoned, FORMATS), Some(MEDIA_UPLOAD));
    AMR_VARIANT = rule("amr-variant", Doubtful, "audio/amr must be AMR-NB (narrowband) in mono", (Reasoned, FORMATS), Some(MEDIA_UPLOAD));
    MP3_LAYER = rule("mp3-layer", Doubtful, "MPEG audio, but not Layer III (MP3)", (Reasoned, FORMATS), Some(MEDIA_UPLOAD));
    AAC_PROFILE = rule("aac-profile", Doubtful, "Phones do not decode this AAC profile: use AAC-LC or HE-AAC", (Reasoned, FORMATS), None);
    M4A_CODEC = rule("m4a-codec", Doubtful, "The audio codec of the M4A file is not AAC", (Reasoned, FORMATS), Some(MEDIA_UPLOAD));
    M4A_VIDEO = rule("m4a-video", Doubtful, "The audio file has a video track", (Reasoned, FORMATS), Some(MEDIA_UPLOAD));
    M4A_TRACKS = rule("m4a-tracks", Doubtful, "The audio file has several audio tracks", (Reasoned, FORMATS), Some(MEDIA_UPLOAD));
    M4A_BRAND = rule("m4a-brand", Doubtful, "The major brand of the audio file is QuickTime; MP4 is only a compatible brand", (Reasoned, FORMATS), Some(MEDIA_UPLOAD));
    M4A_FRAGMENTED = rule("m4a-fragmented", Refused, "Audio is in a fragmented MP4 (fMP4), which WhatsApp does not recognise as audio", (Reported, "forja issue 27, openlivery issue 31"), Some(MEDIA_UPLOAD));
    M4A_HEAD_LAST = rule("m4a-head-last", Refused, "moov box after mdat: WhatsApp does not recognise such a file as audio", (Reported, "forja issue 27, openlivery issue 31"), Some(MEDIA_UPLOAD));
    VOICE_SIZE = rule("voice-size", Advice, "A voice message larger than 512 KB must be downloaded before it plays", (Documented, AUDIO), None);
    // Video.
    NO_VIDEO = rule("no-video", Refused, "The file has no video track", (Documented, VIDEO), Some(MEDIA_UPLOAD));
    VIDEO_CODEC = rule("video-codec", Refused, "The video codec is not H.264", (Documented, "Meta: Cloud API, media, April 2026; chatwoot issue 5367"), Some(MEDIA_UPLOAD));
    VIDEO_AUDIO_CODEC = rule("video-audio-codec", Refused, "The audio codec of the video is not AAC", (Documented, MEDIA), Some(MEDIA_UPLOAD));
    VIDEO_AUDIO_TRACKS = rule("video-audio-tracks", Refused, "A video must have at most one audio track", (Documented, MEDIA), Some(MEDIA_UPLOAD));
    VIDEO_QUICKTIME = rule("video-quicktime", Refused, "The file is a QuickTime movie (MOV), not an MP4", (Reasoned, FORMATS), Some(MEDIA_UPLOAD));
    VIDEO_BRAND = rule("video-brand", Doubtful, "The major brand in ftyp is QuickTime; MP4 is only a compatible brand", (Reasoned, FORMATS), Some(MEDIA_UPLOAD));
    VIDEO_B_FRAMES = rule("video-b-frames", Doubtful, "H.264 High profile with B-frames does not play on Android", (Documented, "Meta: Cloud API, video messages, April 2026; chatwoot issue 11196"), None);
    VIDEO_PROFILE = rule("video-profile", Doubtful, "Few phones decode this H.264 profile", (Reasoned, FORMATS), None);
    VIDEO_HEAD_LAST = rule("video-head-last", Doubtful, "moov box after mdat: move it to the front (fast start)", (Documented, VIDEO), None);
    VIDEO_FRAGMENTED = rule("video-fragmented", Doubtful, "Video is fragmented (fMP4)", (Reasoned, FORMATS), None);
    // Documents.
    PDF_ENCRYPTED = rule("pdf-encrypted", Doubtful, "The PDF is encrypted: the recipient may need a password", (Reasoned, FORMATS), None);
    PDF_JUNK = rule("pdf-junk", Doubtful, "The PDF has other bytes before its %PDF- header", (Reasoned, FORMATS), None);
    OFFICE_ENCRYPTED = rule("office-encrypted", Doubtful, "The document is encrypted: the recipient needs a password", (Reasoned, FORMATS), None);
    OFFICE_MACROS = rule("office-macros", Doubtful, "The document contains macros, which phones and virus scanners block", (Reasoned, FORMATS), None);
    TEXT_ENCODING = rule("text-encoding", Doubtful, "The text is not UTF-8", (Reasoned, FORMATS), None);
    DOCUMENT_NAME = rule("document-name", Doubtful, "A document without an extension is shown as Untitled or null.pdf", (Reported, "chatwoot issues 4481 and 12283, pywa issue 149, whatomate issue 444"), None);
    DOCUMENT_NAME_LONG = rule("document-name-long", Advice, "The file name is longer than 240 characters", (Reported, "found in other projects' code, not documented"), None);
    ARCHIVED = rule("archived", Refused, "The object is archived and cannot be downloaded", (Documented, "Amazon S3: GetObject, InvalidObjectState; Azure: archive tier"), Some(MEDIA_UPLOAD));
    CONTENT_ENCODING_FALSE = rule("content-encoding-false", Doubtful, "Content-Encoding does not match the bytes", (Reasoned, "RFC 9110 section 8.4"), None);
    CONTENT_ENCODING_UPLOAD = rule("content-encoding-upload", Advice, "Content-Encoding names an encoding for uploads", (Documented, "Amazon S3: Signature Version 4, chunked upload"), None);
    CONTENT_ENCODING = rule("content-encoding", Doubtful, "The object is stored compressed (Content-Encoding)", (Reasoned, SERVING), None);
    // Names.
    NAME_NOT_SERVED = rule("name-not-served", Refused, "A file with this name cannot be served", (Reasoned, SERVING), Some(MEDIA_UPLOAD));
    NAME_MISLEADS = rule("name-misleads", Doubtful, "Part of this name is easily misread in a URL", (Reported, "heyoo issue 27"), Some(INVALID_PARAMETER));
    NAME_EDGES = rule("name-edges", Doubtful, "The name begins or ends with a space, or ends with a dot", (Reasoned, FORMATS), None);
    NAME_NOT_NFC = rule("name-not-nfc", Doubtful, "The name is not in Unicode NFC: a link typed on another system leads to 404", (Reported, "nginx-s3-gateway issue 77, droppy issue 72"), None);
    NAME_ENCODED = rule("name-encoded", Advice, "This name must be percent-encoded in a URL", (Reported, "frappe_whatsapp_chatbot issue 4"), Some(INVALID_PARAMETER));
    NO_DATE = rule("no-date", Doubtful, "The file's mtime is not a usable date, so no Last-Modified is sent", (Documented, "Meta: sending messages, media HTTP caching, 2022"), None);
    SHARED_DATE = rule("shared-date", Advice, "Many different files share one date, so Last-Modified does not change with a file", (Reported, "wiki-server issue 151"), None);
}
