//! Table of causes: meaning, fix, evidence, and the check rules that detect each cause before a send.

use super::{Cause, NextCheck, Row};
use crate::check::Evidence;
use crate::check::rules::{file_rules, url_rules};
use crate::whatsapp::errors::Retry;

use Evidence::{Documented, Reasoned, Reported};
use Retry::{AfterFix, Later, Never};

const ERROR_CODES: &str = "Meta: Cloud API, error codes, May 2026";
const MEDIA: &str = "Meta: Cloud API, media, April 2026";

/// One row for each cause, in the order of the enum.
pub(super) const TABLE: &[Row] = &[
    Row {
        cause: Cause::MetaLink,
        name: "meta-link",
        meaning: "the link points to Meta's own storage, which Meta's fetcher cannot download from, even if a browser can",
        fix: "download the file once, host it yourself, and send that link; the sample link of a template is only for display",
        retry: AfterFix,
        next: NextCheck::Link,
        evidence: Reported,
        source: "fazer-ai/chatwoot#349, #363",
        rules: &[&url_rules::URL_OF_META],
    },
    Row {
        cause: Cause::NetworkLimit,
        name: "network-limit",
        meaning: "Meta limits how much it fetches from the network (AS) that your server is in, counted over all servers there; \
                  the request never reached your server, and nothing is wrong with your server or the file",
        fix: "retry after a while; if it happens often, put a CDN in another network in front of the server, or upload the \
              file and send its media id",
        retry: Later,
        next: NextCheck::Nothing,
        evidence: Reported,
        source: "chatwoot/chatwoot#13540, megaapp977/stack#253",
        rules: &[],
    },
    Row {
        cause: Cause::TooManyRequests,
        name: "too-many-requests",
        meaning: "the download was rate limited (429): mostly by Meta's own limit for the network (AS) that your server is in, \
                  which the server never sees",
        fix: "search the server's log for a 429 at that time; if there is none, the limit was Meta's: retry after a while, \
              and if it happens often, put a CDN in another network in front of the server, or upload the file and send its \
              media id",
        retry: Later,
        next: NextCheck::Nothing,
        evidence: Reported,
        source: "chatwoot/chatwoot#13540, megaapp977/stack#253",
        rules: &[&url_rules::STATUS_TOO_MANY],
    },
    Row {
        cause: Cause::Denied,
        name: "denied",
        meaning: "the server refused Meta's fetcher: a firewall or bot rule, hotlink protection, a private bucket, a link that \
                  has expired, or a link that needs a login",
        fix: "allow an anonymous GET of the link without cookies, Referer or login, for every User-Agent; give a signed link \
              a lifetime longer than the send. If the link points to scontent.whatsapp.net (a template's sample), host the \
              file yourself instead",
        retry: AfterFix,
        next: NextCheck::Link,
        evidence: Reported,
        source: "chatwoot/chatwoot#10682, fazer-ai/chatwoot#349",
        rules: &[
            &url_rules::STATUS_FORBIDDEN,
            &url_rules::STATUS_AUTHENTICATION,
            &url_rules::AGENT_DEPENDENT,
            &url_rules::URL_EXPIRED,
            &url_rules::URL_OF_META,
        ],
    },
    Row {
        cause: Cause::NotFound,
        name: "not-found",
        meaning: "the link did not exist (404 or 410) when Meta fetched it",
        fix: "send only after the link answers 200; check it for typing errors, and for a file name that is percent-encoded \
              twice or not at all",
        retry: AfterFix,
        next: NextCheck::Link,
        evidence: Reported,
        source: "chatwoot/chatwoot#13656, #11766",
        rules: &[&url_rules::STATUS_NOT_FOUND, &url_rules::URL_PLACEHOLDER, &file_rules::NAME_ENCODED],
    },
    Row {
        cause: Cause::BadRequest,
        name: "bad-request",
        meaning: "the server rejected the request as malformed: mostly because the link is not percent-encoded, or its signature \
                  does not match",
        fix: "percent-encode spaces and other special characters in the link, write & instead of &amp;, and do not edit a \
              signed link",
        retry: AfterFix,
        next: NextCheck::Link,
        evidence: Reasoned,
        source: "RFC 9110, section 15.5.1",
        rules: &[&url_rules::STATUS_OTHER, &url_rules::URL_MALFORMED, &url_rules::URL_EXPIRED],
    },
    Row {
        cause: Cause::Redirect,
        name: "redirect",
        meaning: "the server answered with a redirect, and Meta's fetcher follows none",
        fix: "send the link that the redirect leads to",
        retry: AfterFix,
        next: NextCheck::Link,
        evidence: Reported,
        source: "chatwoot/chatwoot#15069, #15702",
        rules: &[&url_rules::REDIRECT],
    },
    Row {
        cause: Cause::ServerError,
        name: "server-error",
        meaning: "the server, or a proxy in front of it, failed (5xx); some firewalls answer bots with 503",
        fix: "read the server's log at that time, and exempt the link from bot challenges, so that a plain GET is enough; \
              then retry",
        retry: Later,
        next: NextCheck::Link,
        evidence: Reported,
        source: "frappe/frappe_whatsapp#87",
        rules: &[&url_rules::STATUS_SERVER_ERROR, &url_rules::AGENT_DEPENDENT, &url_rules::ANSWERS_VARY],
    },
    Row {
        cause: Cause::NotFetched,
        name: "not-fetched",
        meaning: "Meta could not fetch the link",
        fix: "make sure that an anonymous GET of the link gets a plain 200, over HTTPS with a complete certificate chain",
        retry: AfterFix,
        next: NextCheck::Link,
        evidence: Documented,
        source: ERROR_CODES,
        rules: &[
            &url_rules::UNREACHABLE,
            &url_rules::HOST_UNKNOWN,
            &url_rules::ADDRESS_NOT_PUBLIC,
            &url_rules::TLS_CHAIN_INCOMPLETE,
            &url_rules::TLS_EXPIRED,
            &url_rules::NO_ANSWER,
        ],
    },
    Row {
        cause: Cause::Page,
        name: "page",
        meaning: "the link answered with a web page or an error text instead of the media file: mostly a redirect, which Meta \
                  does not follow, or a login or error page with status 200",
        fix: "send the link of the media file itself, without redirects; run `wamedia check URL` to see what an anonymous \
              client gets",
        retry: AfterFix,
        next: NextCheck::Link,
        evidence: Reported,
        source: "chatwoot/chatwoot#10428, #15069, #15702",
        rules: &[&url_rules::REDIRECT, &url_rules::TYPE_OF_PAGE, &file_rules::PAGE_INSTEAD],
    },
    Row {
        cause: Cause::NoType,
        name: "no-type",
        meaning: "the server sends no exact Content-Type (application/octet-stream), and WhatsApp does not guess",
        fix: "serve the file with its exact Content-Type, such as image/jpeg; in a bucket, set the Content-Type of the object",
        retry: AfterFix,
        next: NextCheck::Link,
        evidence: Reported,
        source: "fbsamples/whatsapp-api-examples#10, MissaelAnda/laravel-whatsapp#4",
        rules: &[&file_rules::OCTET_STREAM, &url_rules::TYPE_MISSING],
    },
    Row {
        cause: Cause::WebpAsImage,
        name: "webp-as-image",
        meaning: "WhatsApp accepts WebP only as a sticker, and this was sent as another kind of message",
        fix: "convert it to JPEG or PNG: convert picture.webp picture.jpg",
        retry: AfterFix,
        next: NextCheck::File,
        evidence: Documented,
        source: "Meta: Cloud API, media, April 2026; chatwoot/chatwoot#12260",
        rules: &[&file_rules::WEBP_AS_IMAGE],
    },
    Row {
        cause: Cause::OpusType,
        name: "opus-type",
        meaning: "WhatsApp accepts Opus only in an Ogg file, and only with the type audio/ogg; codecs=opus",
        fix: "serve it as `audio/ogg; codecs=opus`; if it is not an Ogg file, convert it: ffmpeg -i voice.webm -vn -c:a \
              libopus -ac 1 voice.ogg",
        retry: AfterFix,
        next: NextCheck::File,
        evidence: Reported,
        source: "chatwoot/chatwoot#9432, #12713",
        rules: &[&file_rules::AUDIO_OPUS, &file_rules::OGG_NOT_OPUS],
    },
    Row {
        cause: Cause::OtherType,
        name: "type",
        meaning: "WhatsApp does not accept this media type for this kind of message",
        fix: "convert the file to an accepted type and serve it with that Content-Type, or send it as a document",
        retry: AfterFix,
        next: NextCheck::File,
        evidence: Documented,
        source: MEDIA,
        rules: &[&file_rules::TYPE_NOT_TAKEN, &url_rules::TYPE_MALFORMED],
    },
    Row {
        cause: Cause::Bytes,
        name: "bytes",
        meaning: "the bytes do not match the Content-Type: the file was renamed instead of converted, or is truncated, or is in \
                  a container that WhatsApp cannot read, such as the fragmented MP4 that browsers record",
        fix: "convert the file instead of renaming it: ffmpeg -i in -vn -c:a libopus -ac 1 out.ogg for audio, ffmpeg -i in \
              -c:v libx264 -profile:v main -bf 0 -pix_fmt yuv420p -c:a aac -movflags +faststart out.mp4 for video",
        retry: AfterFix,
        next: NextCheck::File,
        evidence: Reported,
        source: "glific/glific#3822, EvolutionAPI/evolution-api#2719",
        rules: &[
            &file_rules::BYTES_DISAGREE,
            &file_rules::BYTES_UNKNOWN,
            &file_rules::DAMAGED,
            &url_rules::BODY_SHORT,
            &file_rules::VIDEO_FRAGMENTED,
        ],
    },
    Row {
        cause: Cause::Codec,
        name: "codec",
        meaning: "the container is accepted, but a codec in it is not: WhatsApp plays H.264 video with AAC audio, and at most \
                  one audio track",
        fix: "convert the video: ffmpeg -i in -map 0:v:0 -map 0:a:0? -c:v libx264 -profile:v main -bf 0 -pix_fmt yuv420p \
              -c:a aac -movflags +faststart out.mp4",
        retry: AfterFix,
        next: NextCheck::File,
        evidence: Documented,
        source: MEDIA,
        rules: &[
            &file_rules::VIDEO_CODEC,
            &file_rules::VIDEO_AUDIO_CODEC,
            &file_rules::VIDEO_AUDIO_TRACKS,
            &file_rules::NO_VIDEO,
        ],
    },
    Row {
        cause: Cause::TooLarge,
        name: "too-large",
        meaning: "the file is probably over WhatsApp's size limit: 5 MB for an image, 16 MB for video and audio, 100 MB for a \
                  document, 100 KB for a static sticker, 500 KB for an animated sticker",
        fix: "make the file smaller, or send it as a document",
        retry: AfterFix,
        next: NextCheck::File,
        evidence: Documented,
        source: MEDIA,
        rules: &[&file_rules::TOO_LARGE, &file_rules::SIZE_DOUBTFUL],
    },
    Row {
        cause: Cause::Medium,
        name: "medium",
        meaning: "WhatsApp rejected the media without giving a known reason: the link could not be fetched, the media type is \
                  not accepted, or the file is too large",
        fix: "run `wamedia check URL` on the link: it requests the link the way Meta's fetcher does, and detects most causes",
        retry: AfterFix,
        next: NextCheck::Link,
        evidence: Documented,
        source: ERROR_CODES,
        rules: &[],
    },
    Row {
        cause: Cause::Inbound,
        name: "inbound",
        meaning: "a customer sent you media, and WhatsApp could not download it; your server and your links are not involved",
        fix: "ask the customer to send the media again",
        retry: Never,
        next: NextCheck::Nothing,
        evidence: Documented,
        source: ERROR_CODES,
        rules: &[],
    },
    Row {
        cause: Cause::HeaderMissing,
        name: "header-missing",
        meaning: "the template has a media header, and the message does not fill it",
        fix: "add a `header` component with a parameter of the template's type, and a link of your own; WhatsApp does not \
              send the sample that was approved",
        retry: AfterFix,
        next: NextCheck::Payload,
        evidence: Reported,
        source: "netflie/laravel-notification-whatsapp#36, chatwoot/chatwoot#15622",
        rules: &[],
    },
    Row {
        cause: Cause::HeaderKind,
        name: "header-kind",
        meaning: "the header parameter in the message has another type than the template was approved with",
        fix: "send the type that WhatsApp lists for the template now; an edit of the template may have changed it",
        retry: AfterFix,
        next: NextCheck::Payload,
        evidence: Reported,
        source: "netflie/laravel-notification-whatsapp#36, chatwoot/chatwoot#15622",
        rules: &[],
    },
    Row {
        cause: Cause::Link,
        name: "link",
        meaning: "the link in the message is empty, null or not a valid URL: it has spaces, &amp; in place of &, or no http:// \
                  or https://",
        fix: "write a percent-encoded https:// URL; `wamedia link PATH` prints one",
        retry: AfterFix,
        next: NextCheck::Payload,
        evidence: Reported,
        source: "Neurotech-HQ/heyoo#27",
        rules: &[&url_rules::URL_MALFORMED, &url_rules::URL_PLACEHOLDER],
    },
];
