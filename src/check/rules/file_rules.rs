//! What can be wrong with a file: its name, its type, its size, its bytes.

use crate::check::Evidence::{self, Documented, Reasoned, Reported};
use crate::check::Rule;
use crate::check::Severity::{self, Advice, Doubtful, Refused};

const MEDIA: &str = "Meta: Cloud API, media, April 2026";
const AUDIO: &str = "Meta: Cloud API, audio messages, April 2026";
const VIDEO: &str = "Meta: Cloud API, video messages, April 2026";
const FORMATS: &str = "how the format works";
const SERVING: &str = "what wamedia serves";

/// With it a webhook reports media that could not be used.
pub(super) const MEDIA_UPLOAD: u32 = 131_053;
/// With it the API answers a link that it does not take for one.
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

        /// All of them.
        pub const ALL: &[&Rule] = &[$(&$name),*];
    };
}
pub(super) use rules;

rules! {
    // Types.
    EMPTY = rule("empty", Refused, "The file is empty", (Reasoned, FORMATS), Some(MEDIA_UPLOAD));
    OCTET_STREAM = rule("octet-stream", Refused, "application/octet-stream is the type of no medium", (Reported, "Meta: Cloud API, media, April 2026; laravel-whatsapp issue 4"), Some(MEDIA_UPLOAD));
    TYPE_NOT_TAKEN = rule("type-not-taken", Refused, "Such a message does not take this type", (Documented, MEDIA), Some(MEDIA_UPLOAD));
    WEBP_AS_IMAGE = rule("webp-as-image", Refused, "A WebP goes as a sticker only", (Documented, "Meta: Cloud API, media, April 2026; chatwoot issue 12260"), Some(MEDIA_UPLOAD));
    AUDIO_OPUS = rule("audio-opus", Refused, "audio/opus is refused when the message is delivered", (Reported, "chatwoot issues 9432 and 12713"), Some(MEDIA_UPLOAD));
    PAGE_INSTEAD = rule("page-instead", Refused, "A web page or an answer for programs stands where the medium should be", (Reported, "chatwoot pull request 15069"), Some(MEDIA_UPLOAD));
    PAGE_AS_TEXT = rule("page-as-text", Doubtful, "A web page or an error for programs stands where a text should be", (Reported, "chatwoot pull request 15069"), None);
    BYTES_DISAGREE = rule("bytes-disagree", Refused, "The bytes are not what the type says", (Reported, "evolution-api issue 2719, glific issue 3822"), Some(MEDIA_UPLOAD));
    BYTES_UNKNOWN = rule("bytes-unknown", Doubtful, "The bytes are of no format that we know", (Reported, "glific issue 3822"), Some(MEDIA_UPLOAD));
    EXTENSION_DISAGREES = rule("extension-disagrees", Doubtful, "The name says another type than the header and the bytes", (Reported, "evolution-api issue 2719"), None);
    TYPE_NOT_LISTED = rule("type-not-listed", Doubtful, "WhatsApp does not list this type for documents", (Documented, MEDIA), None);
    // Sizes.
    TOO_LARGE = rule("too-large", Refused, "It is larger than WhatsApp takes", (Documented, "Meta: Cloud API, media, April 2026; whatomate pull request 522"), Some(MEDIA_UPLOAD));
    SIZE_DOUBTFUL = rule("size-doubtful", Doubtful, "It is too large if Meta counts kilobytes and megabytes in powers of ten", (Documented, MEDIA), Some(MEDIA_UPLOAD));
    // Damage.
    DAMAGED = rule("damaged", Refused, "The bytes break off or contradict their format", (Reasoned, FORMATS), Some(MEDIA_UPLOAD));
    DAMAGED_DOCUMENT = rule("damaged-document", Doubtful, "The document breaks off or contradicts its format", (Reasoned, FORMATS), None);
    // Images.
    IMAGE_CMYK = rule("image-cmyk", Refused, "An image is RGB or RGBA, not CMYK", (Documented, MEDIA), Some(MEDIA_UPLOAD));
    IMAGE_DEPTH = rule("image-depth", Refused, "An image has 8 bits a sample, not more", (Documented, MEDIA), Some(MEDIA_UPLOAD));
    IMAGE_PROCESS = rule("image-process", Refused, "The JPEG is coded in a way that phones do not decode", (Reasoned, FORMATS), Some(MEDIA_UPLOAD));
    IMAGE_NOT_RGB = rule("image-not-rgb", Doubtful, "RGB and RGBA are documented, and this is grey or has a palette", (Documented, MEDIA), Some(MEDIA_UPLOAD));
    IMAGE_ANIMATED = rule("image-animated", Doubtful, "An image stands still: only the first picture is shown", (Reasoned, FORMATS), None);
    IMAGE_ORIENTATION = rule("image-orientation", Advice, "The image is turned by its EXIF data only", (Documented, "360dialog: media messages"), None);
    // Stickers.
    STICKER_SIZE = rule("sticker-size", Refused, "A sticker has exactly 512 × 512 pixels", (Documented, "Meta: Cloud API, messages reference; tawn33y/whatsapp-cloud-api issue 45"), Some(MEDIA_UPLOAD));
    // Audio.
    OGG_NOT_OPUS = rule("ogg-not-opus", Refused, "Ogg is taken with Opus only", (Documented, MEDIA), Some(MEDIA_UPLOAD));
    OGG_NOT_MONO = rule("ogg-not-mono", Refused, "Opus in Ogg is taken in mono only", (Documented, MEDIA), Some(MEDIA_UPLOAD));
    OGG_STREAMS = rule("ogg-streams", Doubtful, "The Ogg file has several streams", (Reasoned, FORMATS), Some(MEDIA_UPLOAD));
    AMR_VARIANT = rule("amr-variant", Doubtful, "It is not the narrow-band, one-channel AMR that audio/amr is", (Reasoned, FORMATS), Some(MEDIA_UPLOAD));
    MP3_LAYER = rule("mp3-layer", Doubtful, "It is MPEG audio, but not MP3", (Reasoned, FORMATS), Some(MEDIA_UPLOAD));
    AAC_PROFILE = rule("aac-profile", Doubtful, "It is AAC, but not of the kind that phones decode", (Reasoned, FORMATS), None);
    M4A_CODEC = rule("m4a-codec", Doubtful, "The sound is not AAC", (Reasoned, FORMATS), Some(MEDIA_UPLOAD));
    M4A_VIDEO = rule("m4a-video", Doubtful, "An audio file has a video track", (Reasoned, FORMATS), Some(MEDIA_UPLOAD));
    VOICE_SIZE = rule("voice-size", Advice, "As a voice message it must be downloaded before it plays", (Documented, AUDIO), None);
    // Video.
    NO_VIDEO = rule("no-video", Refused, "There is no video track in it", (Documented, VIDEO), Some(MEDIA_UPLOAD));
    VIDEO_CODEC = rule("video-codec", Refused, "The video is not H.264", (Documented, "Meta: Cloud API, media, April 2026; chatwoot issue 5367"), Some(MEDIA_UPLOAD));
    VIDEO_AUDIO_CODEC = rule("video-audio-codec", Refused, "The sound of the video is not AAC", (Documented, MEDIA), Some(MEDIA_UPLOAD));
    VIDEO_AUDIO_TRACKS = rule("video-audio-tracks", Refused, "A video has one audio track or none", (Documented, MEDIA), Some(MEDIA_UPLOAD));
    VIDEO_QUICKTIME = rule("video-quicktime", Refused, "It is a QuickTime movie, not an MP4", (Reasoned, FORMATS), Some(MEDIA_UPLOAD));
    VIDEO_BRAND = rule("video-brand", Doubtful, "It calls itself a QuickTime movie first, and an MP4 second", (Reasoned, FORMATS), Some(MEDIA_UPLOAD));
    VIDEO_B_FRAMES = rule("video-b-frames", Doubtful, "High profile with B-frames does not play on Android", (Documented, "Meta: Cloud API, video messages, April 2026; chatwoot issue 11196"), None);
    VIDEO_PROFILE = rule("video-profile", Doubtful, "Few phones decode this profile of H.264", (Reasoned, FORMATS), None);
    VIDEO_HEAD_LAST = rule("video-head-last", Doubtful, "The head of the movie (moov) stands behind its data", (Documented, VIDEO), None);
    VIDEO_FRAGMENTED = rule("video-fragmented", Doubtful, "The movie comes in fragments, as for streaming", (Reasoned, FORMATS), None);
    // Documents.
    PDF_ENCRYPTED = rule("pdf-encrypted", Doubtful, "The PDF is encrypted: who gets it may need a password", (Reasoned, FORMATS), None);
    PDF_JUNK = rule("pdf-junk", Doubtful, "The PDF does not begin at its beginning", (Reasoned, FORMATS), None);
    OFFICE_ENCRYPTED = rule("office-encrypted", Doubtful, "The document is encrypted: who gets it needs a password", (Reasoned, FORMATS), None);
    OFFICE_MACROS = rule("office-macros", Doubtful, "The document has macros, which phones and scanners block", (Reasoned, FORMATS), None);
    TEXT_ENCODING = rule("text-encoding", Doubtful, "The text is not UTF-8", (Reasoned, FORMATS), None);
    DOCUMENT_NAME = rule("document-name", Doubtful, "A document without an extension is shown as Untitled or null.pdf", (Reported, "chatwoot issues 4481 and 12283, pywa issue 149, whatomate issue 444"), None);
    DOCUMENT_NAME_LONG = rule("document-name-long", Advice, "The name is longer than 240 characters", (Reported, "found in others' code, documented nowhere"), None);
    CONTENT_ENCODING = rule("content-encoding", Doubtful, "The object is stored compressed", (Reasoned, SERVING), None);
    // Names.
    NAME_NOT_SERVED = rule("name-not-served", Refused, "No link can lead to a file of this name", (Reasoned, SERVING), Some(MEDIA_UPLOAD));
    NAME_MISLEADS = rule("name-misleads", Doubtful, "In a link, part of this name is easily read as something else", (Reported, "heyoo issue 27"), Some(INVALID_PARAMETER));
    NAME_EDGES = rule("name-edges", Doubtful, "The name begins or ends with a space, or ends with a dot", (Reasoned, FORMATS), None);
    NAME_ENCODED = rule("name-encoded", Advice, "In a link, this name must be percent-encoded", (Reported, "frappe_whatsapp_chatbot issue 4"), Some(INVALID_PARAMETER));
    NO_DATE = rule("no-date", Doubtful, "The file has no honest date, so no Last-Modified goes with it", (Documented, "Meta: sending messages, media HTTP caching, 2022"), None);
}
