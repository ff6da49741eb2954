//! Rules for URLs and for the responses of their servers.

use super::file_rules::{INVALID_PARAMETER, MEDIA_UPLOAD, rule, rules};
use crate::check::Evidence::{Documented, Reasoned, Reported};
use crate::check::Rule;
use crate::check::Severity::{Advice, Doubtful, Refused};

/// Meta's current page on links.
const SEND: &str = "Meta: Cloud API, sending messages, April 2026";
/// Meta's older page on caching headers.
const HEADERS: &str = "Meta: sending messages, media HTTP caching, 2022 to API v20";
const CLOUD_MEDIA: &str = "Meta: Cloud API, media, April 2026";
const MEDIA_OBJECT: &str = "Meta: Cloud API, media object (link: HTTP or HTTPS)";
const RFC_3986: &str = "RFC 3986";
const RFC_9110: &str = "RFC 9110";
/// For rules that no document states.
const OWN: &str = "how HTTP servers and clients work";

rules! {
    // Links.
    URL_MALFORMED = rule("url-malformed", Refused, "WhatsApp does not accept this URL", (Reported, "heyoo issue 27, frappe_whatsapp_chatbot issue 4"), Some(INVALID_PARAMETER));
    URL_NOT_ASCII = rule("url-not-ascii", Doubtful, "Non-ASCII characters in a URL must be percent-encoded", (Reasoned, RFC_3986), None);
    URL_PLACEHOLDER = rule("url-placeholder", Doubtful, "The URL contains a placeholder for a missing value", (Reported, "fazer-ai/chatwoot pull request 349"), Some(MEDIA_UPLOAD));
    URL_CREDENTIALS = rule("url-credentials", Doubtful, "Meta's fetcher may ignore a user name or password in the URL", (Reasoned, CLOUD_MEDIA), Some(MEDIA_UPLOAD));
    URL_FRAGMENT = rule("url-fragment", Advice, "The fragment (#…) is not sent to the server", (Reasoned, RFC_3986), None);
    URL_PORT = rule("url-port", Advice, "The port is not a standard web port", (Reasoned, OWN), None);
    URL_PLAIN_HTTP = rule("url-plain-http", Advice, "http:// is not encrypted: others can read and change the response", (Reasoned, MEDIA_OBJECT), None);
    URL_LONG = rule("url-long", Doubtful, "The URL is longer than many programs accept", (Reasoned, RFC_9110), None);
    URL_OF_META = rule("url-of-meta", Refused, "Meta's own media servers reject Meta's fetcher", (Reported, "fazer-ai/chatwoot pull requests 349 and 363"), Some(MEDIA_UPLOAD));
    URL_EXPIRED = rule("url-expired", Refused, "The link has expired", (Reported, "chatwoot issue 14560"), Some(MEDIA_UPLOAD));
    URL_EXPIRES_SOON = rule("url-expires-soon", Doubtful, "The link may expire before the message is sent", (Reported, "wa-guides.com, which advises 15 minutes"), Some(MEDIA_UPLOAD));
    URL_NO_VERSION = rule("url-no-version", Advice, "The link stays the same when the file changes", (Documented, SEND), None);

    // Hosts and addresses.
    HOST_NOT_PUBLIC = rule("host-not-public", Refused, "The host name is not public: Meta cannot resolve it", (Reported, "twilio-python issue 836"), Some(MEDIA_UPLOAD));
    HOST_UNKNOWN = rule("host-unknown", Refused, "The host name does not resolve to an address", (Reasoned, "twilio-python issue 836"), Some(MEDIA_UPLOAD));
    ADDRESS_NOT_PUBLIC = rule("address-not-public", Refused, "The IP address is not public: Meta cannot reach it", (Reported, "twilio-python issue 836"), Some(MEDIA_UPLOAD));
    ADDRESS_IPV6_ONLY = rule("address-ipv6-only", Doubtful, "The host has only IPv6 addresses", (Reasoned, OWN), Some(MEDIA_UPLOAD));
    ADDRESS_DEAD = rule("address-dead", Doubtful, "One of the host's addresses does not accept connections", (Reasoned, OWN), Some(MEDIA_UPLOAD));
    UNREACHABLE = rule("unreachable", Refused, "The server does not accept connections", (Reasoned, SEND), Some(MEDIA_UPLOAD));

    // Certificates.
    TLS_FAILED = rule("tls-failed", Refused, "The TLS handshake failed", (Reported, "devlikeapro/waha issue 1474"), Some(MEDIA_UPLOAD));
    TLS_EXPIRED = rule("tls-expired", Refused, "The certificate has expired", (Reported, "devlikeapro/waha issue 1474"), Some(MEDIA_UPLOAD));
    TLS_NOT_YET_VALID = rule("tls-not-yet-valid", Refused, "The certificate is not valid yet", (Reported, "devlikeapro/waha issue 1474"), Some(MEDIA_UPLOAD));
    TLS_WRONG_NAME = rule("tls-wrong-name", Refused, "The certificate is for another host name", (Reported, "devlikeapro/waha issue 1474"), Some(MEDIA_UPLOAD));
    TLS_SELF_SIGNED = rule("tls-self-signed", Refused, "The certificate is self-signed", (Documented, "Meta: webhooks, set-up (a self-signed certificate is refused)"), Some(MEDIA_UPLOAD));
    TLS_CHAIN_INCOMPLETE = rule("tls-chain-incomplete", Refused, "The certificate chain is incomplete: an intermediate certificate is missing", (Reported, "devlikeapro/waha issue 1474"), Some(MEDIA_UPLOAD));
    TLS_UNKNOWN_AUTHORITY = rule("tls-unknown-authority", Refused, "The certificate comes from an untrusted certificate authority", (Reported, "devlikeapro/waha issue 1474"), Some(MEDIA_UPLOAD));
    TLS_UNTRUSTED = rule("tls-untrusted", Refused, "The certificate is not trusted", (Reported, "devlikeapro/waha issue 1474"), Some(MEDIA_UPLOAD));
    TLS_EXPIRES_SOON = rule("tls-expires-soon", Doubtful, "The certificate expires soon", (Reasoned, OWN), None);

    // Responses.
    NO_ANSWER = rule("no-answer", Refused, "The server does not respond", (Reasoned, SEND), Some(MEDIA_UPLOAD));
    NOT_HTTP = rule("not-http", Refused, "The response is not HTTP", (Reasoned, RFC_9110), Some(MEDIA_UPLOAD));
    HEAD_TOO_LARGE = rule("head-too-large", Refused, "The response headers are larger than clients accept", (Reasoned, RFC_9110), Some(MEDIA_UPLOAD));

    // Statuses.
    STATUS_AUTHENTICATION = rule("status-authentication", Refused, "The server requires authentication (401, 407)", (Reported, "chatwoot issue 14560"), Some(MEDIA_UPLOAD));
    STATUS_FORBIDDEN = rule("status-forbidden", Refused, "The server refuses access (403)", (Reported, "chatwoot issue 10682"), Some(MEDIA_UPLOAD));
    STATUS_NOT_FOUND = rule("status-not-found", Refused, "The server does not have the file (404, 410)", (Reported, "chatwoot issues 13656 and 11766"), Some(MEDIA_UPLOAD));
    STATUS_TOO_MANY = rule("status-too-many", Refused, "The server limits the request rate (429)", (Reported, "chatwoot issue 13540"), Some(MEDIA_UPLOAD));
    STATUS_SERVER_ERROR = rule("status-server-error", Refused, "The server fails (5xx)", (Reported, "frappe_whatsapp issue 87"), Some(MEDIA_UPLOAD));
    STATUS_OTHER = rule("status-other", Refused, "The status is not 200", (Reasoned, SEND), Some(MEDIA_UPLOAD));
    REDIRECT = rule("redirect", Refused, "WhatsApp does not follow redirects", (Reported, "chatwoot pull requests 15702 and 15069"), Some(MEDIA_UPLOAD));
    AGENT_DEPENDENT = rule("agent-dependent", Doubtful, "The response depends on the User-Agent", (Reported, "chatwoot issue 10682, frappe_whatsapp issue 87"), Some(MEDIA_UPLOAD));
    ANSWERS_VARY = rule("answers-vary", Doubtful, "Equal requests get different responses", (Reasoned, OWN), Some(MEDIA_UPLOAD));
    SLOW_FIRST_BYTE = rule("slow-first-byte", Doubtful, "The first byte of the response arrives late", (Reasoned, OWN), Some(MEDIA_UPLOAD));

    // Types and bodies.
    TYPE_MISSING = rule("type-missing", Refused, "The response has no Content-Type", (Reported, "laravel-whatsapp issue 4"), Some(MEDIA_UPLOAD));
    TYPE_MALFORMED = rule("type-malformed", Refused, "The Content-Type is malformed", (Reasoned, RFC_9110), Some(MEDIA_UPLOAD));
    TYPE_OF_PAGE = rule("type-of-page", Refused, "The Content-Type is that of a web page or of data for programs, not of media", (Reported, "chatwoot issue 10428"), Some(MEDIA_UPLOAD));
    TYPE_PARAMETERS = rule("type-parameters", Doubtful, "The Content-Type has parameters that WhatsApp does not list", (Reasoned, "Meta: the texts of error 131053"), None);
    TYPE_OGG_WITHOUT_CODEC = rule("type-ogg-without-codec", Advice, "WhatsApp writes this type as audio/ogg; codecs=opus", (Reported, "Meta: the texts of error 131053"), None);
    LENGTH_MISSING = rule("length-missing", Doubtful, "The response has no Content-Length", (Reasoned, OWN), None);
    BODY_SHORT = rule("body-short", Refused, "The body is truncated", (Reasoned, RFC_9110), Some(MEDIA_UPLOAD));
    BODY_SLOW = rule("body-slow", Doubtful, "The body arrives too slowly", (Reasoned, OWN), Some(MEDIA_UPLOAD));
    BODY_TOO_LARGE = rule("body-too-large", Refused, "The body is larger than WhatsApp's largest size limit", (Documented, CLOUD_MEDIA), Some(MEDIA_UPLOAD));
    ENCODED_UNASKED = rule("encoded-unasked", Doubtful, "The body is compressed although the request did not accept it", (Reasoned, RFC_9110), Some(MEDIA_UPLOAD));
    ENCODED_ON_REQUEST = rule("encoded-on-request", Advice, "Media are compressed again for clients that accept it", (Reasoned, OWN), None);

    // Caching headers.
    CACHE_HEADERS_MISSING = rule("cache-headers-missing", Advice, "No header says whether the file may be cached", (Documented, HEADERS), None);
    CACHE_UNPREDICTABLE = rule("cache-unpredictable", Doubtful, "With only an ETag, it is unpredictable how long WhatsApp caches the file", (Documented, HEADERS), None);
    CACHE_CONTROL_UNCLEAR = rule("cache-control-unclear", Doubtful, "The Cache-Control is malformed or contradictory", (Reasoned, "RFC 9111, section 5.2"), None);
    NO_CACHE_WITHOUT_DATE = rule("no-cache-without-date", Doubtful, "no-cache needs a Last-Modified", (Documented, HEADERS), None);
    DATE_IN_FUTURE = rule("date-in-future", Doubtful, "The Last-Modified is in the future", (Reasoned, "RFC 9110, section 8.8.2.1"), None);
    DATE_MALFORMED = rule("date-malformed", Advice, "The Last-Modified is not a valid date", (Reasoned, "RFC 9110, section 8.8.2"), None);
    DATE_RECENT = rule("date-recent", Advice, "The Last-Modified is less than a minute old", (Reasoned, "RFC 9110, section 8.8.2.2"), None);
    ETAG_MALFORMED = rule("etag-malformed", Advice, "The ETag is malformed", (Reasoned, "RFC 9110, section 8.8.3"), None);

    // Whether validators, HEAD and ranges are consistent.
    ETAG_LIES = rule("etag-lies", Doubtful, "Different bodies have the same ETag", (Reasoned, "RFC 9110, section 8.8.3"), None);
    ETAG_UNSTABLE = rule("etag-unstable", Doubtful, "The same body has different ETags", (Reasoned, "RFC 9110, section 8.8.3"), None);
    DATE_LIES = rule("date-lies", Doubtful, "The body changed but the Last-Modified did not", (Reasoned, HEADERS), None);
    DATE_UNSTABLE = rule("date-unstable", Doubtful, "The Last-Modified changed but the body did not", (Reasoned, HEADERS), None);
    NOT_MODIFIED_WRONGLY = rule("not-modified-wrongly", Doubtful, "304 Not Modified for a client that does not have the file", (Reported, "wa-guides.com; RFC 9110, section 13.1.2"), None);
    NOT_MODIFIED_NEVER = rule("not-modified-never", Advice, "Conditional requests get the whole file again instead of 304", (Reasoned, "RFC 9110, section 13.1"), None);
    NOT_MODIFIED_BARE = rule("not-modified-bare", Advice, "The 304 omits headers that the 200 has", (Reasoned, "RFC 9110, section 15.4.5"), None);
    HEAD_DIFFERS = rule("head-differs", Advice, "The response to HEAD differs from the response to GET", (Reasoned, "RFC 9110, section 9.3.2"), None);
    RANGE_WRONG = rule("range-wrong", Doubtful, "The response to Range is not the requested range", (Reasoned, "RFC 9110, section 14"), None);

    // Shared caches and proxies.
    VARY = rule("vary", Advice, "The Vary header makes the response depend on the client", (Reasoned, "RFC 9110, section 12.5.5"), None);
    SET_COOKIE = rule("set-cookie", Advice, "The response sets a cookie, which prevents caching", (Reasoned, "RFC 6265, section 3"), None);
    CACHE_IN_BETWEEN = rule("cache-in-between", Advice, "An intermediate cache responded", (Reasoned, "RFC 9111, section 5.1"), None);
}
