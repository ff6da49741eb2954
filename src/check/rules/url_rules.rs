//! What can be wrong with a URL, and with what its server answers.

use super::file_rules::{INVALID_PARAMETER, MEDIA_UPLOAD, rule, rules};
use crate::check::Evidence::{Documented, Reasoned, Reported};
use crate::check::Rule;
use crate::check::Severity::{Advice, Doubtful, Refused};

/// Meta on what is done with a link.
const SEND: &str = "Meta: Cloud API, sending messages, April 2026";
/// Meta on the headers, before that.
const HEADERS: &str = "Meta: sending messages, media HTTP caching, 2022 to API v20";
const CLOUD_MEDIA: &str = "Meta: Cloud API, media, April 2026";
const MEDIA_OBJECT: &str = "Meta: Cloud API, media object (link: HTTP or HTTPS)";
const RFC_3986: &str = "RFC 3986";
const RFC_9110: &str = "RFC 9110";
/// Where no document says anything.
const OWN: &str = "how such servers and clients work";

rules! {
    // Links.
    URL_MALFORMED = rule("url-malformed", Refused, "This is no URL that WhatsApp takes", (Reported, "heyoo issue 27, frappe_whatsapp_chatbot issue 4"), Some(INVALID_PARAMETER));
    URL_NOT_ASCII = rule("url-not-ascii", Doubtful, "A URL has letters beyond ASCII in their %-form only", (Reasoned, RFC_3986), None);
    URL_PLACEHOLDER = rule("url-placeholder", Doubtful, "The URL holds what a program writes for nothing", (Reported, "fazer-ai/chatwoot pull request 349"), Some(MEDIA_UPLOAD));
    URL_CREDENTIALS = rule("url-credentials", Doubtful, "A URL with a name or password in it need not be fetched with them", (Reasoned, CLOUD_MEDIA), Some(MEDIA_UPLOAD));
    URL_FRAGMENT = rule("url-fragment", Advice, "What follows # is not sent to the server", (Reasoned, RFC_3986), None);
    URL_PORT = rule("url-port", Advice, "The port is none that the web uses", (Reasoned, OWN), None);
    URL_PLAIN_HTTP = rule("url-plain-http", Advice, "http:// can be read and changed on its way", (Reasoned, MEDIA_OBJECT), None);
    URL_LONG = rule("url-long", Doubtful, "Many programs take no URL that is this long", (Reasoned, RFC_9110), None);
    URL_OF_META = rule("url-of-meta", Refused, "Meta's own media servers do not let its fetcher in", (Reported, "fazer-ai/chatwoot pull requests 349 and 363"), Some(MEDIA_UPLOAD));
    URL_EXPIRED = rule("url-expired", Refused, "The link has expired", (Reported, "chatwoot issue 14560"), Some(MEDIA_UPLOAD));
    URL_EXPIRES_SOON = rule("url-expires-soon", Doubtful, "The link expires before a message may be sent", (Reported, "wa-guides.com, which advises 15 minutes"), Some(MEDIA_UPLOAD));
    URL_NO_VERSION = rule("url-no-version", Advice, "The link does not change when the file does", (Documented, SEND), None);

    // Hosts and addresses.
    HOST_NOT_PUBLIC = rule("host-not-public", Refused, "The host is not one that Meta can look up", (Reported, "twilio-python issue 836"), Some(MEDIA_UPLOAD));
    HOST_UNKNOWN = rule("host-unknown", Refused, "The host has no address", (Reasoned, "twilio-python issue 836"), Some(MEDIA_UPLOAD));
    ADDRESS_NOT_PUBLIC = rule("address-not-public", Refused, "The address is not one that Meta can reach", (Reported, "twilio-python issue 836"), Some(MEDIA_UPLOAD));
    ADDRESS_IPV6_ONLY = rule("address-ipv6-only", Doubtful, "The host has IPv6 addresses only", (Reasoned, OWN), Some(MEDIA_UPLOAD));
    ADDRESS_DEAD = rule("address-dead", Doubtful, "One of the host's addresses takes no connection", (Reasoned, OWN), Some(MEDIA_UPLOAD));
    UNREACHABLE = rule("unreachable", Refused, "The server takes no connection", (Reasoned, SEND), Some(MEDIA_UPLOAD));

    // Certificates.
    TLS_FAILED = rule("tls-failed", Refused, "There is no agreement on TLS", (Reported, "devlikeapro/waha issue 1474"), Some(MEDIA_UPLOAD));
    TLS_EXPIRED = rule("tls-expired", Refused, "The certificate has expired", (Reported, "devlikeapro/waha issue 1474"), Some(MEDIA_UPLOAD));
    TLS_NOT_YET_VALID = rule("tls-not-yet-valid", Refused, "The certificate is not valid yet", (Reported, "devlikeapro/waha issue 1474"), Some(MEDIA_UPLOAD));
    TLS_WRONG_NAME = rule("tls-wrong-name", Refused, "The certificate is for another name", (Reported, "devlikeapro/waha issue 1474"), Some(MEDIA_UPLOAD));
    TLS_SELF_SIGNED = rule("tls-self-signed", Refused, "The server signed its certificate itself", (Documented, "Meta: webhooks, set-up (a self-signed certificate is refused)"), Some(MEDIA_UPLOAD));
    TLS_CHAIN_INCOMPLETE = rule("tls-chain-incomplete", Refused, "A certificate between the server's and a trusted one is missing", (Reported, "devlikeapro/waha issue 1474"), Some(MEDIA_UPLOAD));
    TLS_UNKNOWN_AUTHORITY = rule("tls-unknown-authority", Refused, "The certificate is of an authority that is not trusted", (Reported, "devlikeapro/waha issue 1474"), Some(MEDIA_UPLOAD));
    TLS_UNTRUSTED = rule("tls-untrusted", Refused, "The certificate is not trusted", (Reported, "devlikeapro/waha issue 1474"), Some(MEDIA_UPLOAD));
    TLS_EXPIRES_SOON = rule("tls-expires-soon", Doubtful, "The certificate expires soon", (Reasoned, OWN), None);

    // Answers.
    NO_ANSWER = rule("no-answer", Refused, "The server does not answer", (Reasoned, SEND), Some(MEDIA_UPLOAD));
    NOT_HTTP = rule("not-http", Refused, "What the server sends is no HTTP answer", (Reasoned, RFC_9110), Some(MEDIA_UPLOAD));
    HEAD_TOO_LARGE = rule("head-too-large", Refused, "The head of the answer is larger than clients take", (Reasoned, RFC_9110), Some(MEDIA_UPLOAD));

    // Statuses.
    STATUS_AUTHENTICATION = rule("status-authentication", Refused, "The server wants to know who asks", (Reported, "chatwoot issue 14560"), Some(MEDIA_UPLOAD));
    STATUS_FORBIDDEN = rule("status-forbidden", Refused, "The server forbids it", (Reported, "chatwoot issue 10682"), Some(MEDIA_UPLOAD));
    STATUS_NOT_FOUND = rule("status-not-found", Refused, "The server has no such thing", (Reported, "chatwoot issues 13656 and 11766"), Some(MEDIA_UPLOAD));
    STATUS_TOO_MANY = rule("status-too-many", Refused, "The server says that it is asked too often", (Reported, "chatwoot issue 13540"), Some(MEDIA_UPLOAD));
    STATUS_SERVER_ERROR = rule("status-server-error", Refused, "The server fails", (Reported, "frappe_whatsapp issue 87"), Some(MEDIA_UPLOAD));
    STATUS_OTHER = rule("status-other", Refused, "The status is not 200", (Reasoned, SEND), Some(MEDIA_UPLOAD));
    REDIRECT = rule("redirect", Refused, "Redirects are not followed", (Reported, "chatwoot pull requests 15702 and 15069"), Some(MEDIA_UPLOAD));
    AGENT_DEPENDENT = rule("agent-dependent", Doubtful, "The answer depends on who asks", (Reported, "chatwoot issue 10682, frappe_whatsapp issue 87"), Some(MEDIA_UPLOAD));
    ANSWERS_VARY = rule("answers-vary", Doubtful, "The same request is not answered alike each time", (Reasoned, OWN), Some(MEDIA_UPLOAD));
    SLOW_FIRST_BYTE = rule("slow-first-byte", Doubtful, "The answer begins late", (Reasoned, OWN), Some(MEDIA_UPLOAD));

    // Types and bodies.
    TYPE_MISSING = rule("type-missing", Refused, "There is no Content-Type", (Reported, "laravel-whatsapp issue 4"), Some(MEDIA_UPLOAD));
    TYPE_MALFORMED = rule("type-malformed", Refused, "The Content-Type is none", (Reasoned, RFC_9110), Some(MEDIA_UPLOAD));
    TYPE_OF_PAGE = rule("type-of-page", Refused, "It is a page or data for programs, not a medium", (Reported, "chatwoot issue 10428"), Some(MEDIA_UPLOAD));
    TYPE_PARAMETERS = rule("type-parameters", Doubtful, "The Content-Type has parameters that WhatsApp's own list does not have", (Reasoned, "Meta: the strings of error 131053"), None);
    TYPE_OGG_WITHOUT_CODEC = rule("type-ogg-without-codec", Advice, "WhatsApp spells this type audio/ogg; codecs=opus", (Reported, "Meta: the strings of error 131053"), None);
    LENGTH_MISSING = rule("length-missing", Doubtful, "The answer does not say how long it is", (Reasoned, OWN), None);
    BODY_SHORT = rule("body-short", Refused, "The body ends before its end", (Reasoned, RFC_9110), Some(MEDIA_UPLOAD));
    BODY_SLOW = rule("body-slow", Doubtful, "The body does not arrive in time", (Reasoned, OWN), Some(MEDIA_UPLOAD));
    BODY_TOO_LARGE = rule("body-too-large", Refused, "The body is larger than WhatsApp takes anything", (Documented, CLOUD_MEDIA), Some(MEDIA_UPLOAD));
    ENCODED_UNASKED = rule("encoded-unasked", Doubtful, "The body is compressed though nobody asked for it", (Reasoned, RFC_9110), Some(MEDIA_UPLOAD));
    ENCODED_ON_REQUEST = rule("encoded-on-request", Advice, "Media are compressed again for who asks", (Reasoned, OWN), None);

    // What caches are told.
    CACHE_HEADERS_MISSING = rule("cache-headers-missing", Advice, "No header says whether it may be kept", (Documented, HEADERS), None);
    CACHE_UNPREDICTABLE = rule("cache-unpredictable", Doubtful, "With an ETag alone, WhatsApp keeps it as it sees fit", (Documented, HEADERS), None);
    CACHE_CONTROL_UNCLEAR = rule("cache-control-unclear", Doubtful, "The Cache-Control is not one that says one thing", (Reasoned, "RFC 9111, section 5.2"), None);
    NO_CACHE_WITHOUT_DATE = rule("no-cache-without-date", Doubtful, "no-cache needs a Last-Modified", (Documented, HEADERS), None);
    DATE_IN_FUTURE = rule("date-in-future", Doubtful, "The Last-Modified lies in the future", (Reasoned, "RFC 9110, section 8.8.2.1"), None);
    DATE_MALFORMED = rule("date-malformed", Advice, "The Last-Modified is no date", (Reasoned, "RFC 9110, section 8.8.2"), None);
    DATE_RECENT = rule("date-recent", Advice, "The file was changed a moment ago", (Reasoned, "RFC 9110, section 8.8.2.2"), None);
    ETAG_MALFORMED = rule("etag-malformed", Advice, "The ETag is not one", (Reasoned, "RFC 9110, section 8.8.3"), None);

    // Whether it is true.
    ETAG_LIES = rule("etag-lies", Doubtful, "One ETag stands for two bodies", (Reasoned, "RFC 9110, section 8.8.3"), None);
    ETAG_UNSTABLE = rule("etag-unstable", Doubtful, "One body has two ETags", (Reasoned, "RFC 9110, section 8.8.3"), None);
    DATE_LIES = rule("date-lies", Doubtful, "The body changed and the Last-Modified did not", (Reasoned, HEADERS), None);
    DATE_UNSTABLE = rule("date-unstable", Doubtful, "The Last-Modified changed and the body did not", (Reasoned, HEADERS), None);
    NOT_MODIFIED_WRONGLY = rule("not-modified-wrongly", Doubtful, "A 304 answers who does not have it", (Reported, "wa-guides.com; RFC 9110, section 13.1.2"), None);
    NOT_MODIFIED_NEVER = rule("not-modified-never", Advice, "It is sent again to who has it already", (Reasoned, "RFC 9110, section 13.1"), None);
    NOT_MODIFIED_BARE = rule("not-modified-bare", Advice, "A 304 leaves out what its 200 says", (Reasoned, "RFC 9110, section 15.4.5"), None);
    HEAD_DIFFERS = rule("head-differs", Advice, "HEAD is not answered as GET is", (Reasoned, "RFC 9110, section 9.3.2"), None);
    RANGE_WRONG = rule("range-wrong", Doubtful, "A part is not the part that was asked for", (Reasoned, "RFC 9110, section 14"), None);

    // Who else answers.
    VARY = rule("vary", Advice, "Caches are told that the answer depends on who asks", (Reasoned, "RFC 9110, section 12.5.5"), None);
    SET_COOKIE = rule("set-cookie", Advice, "The answer sets a cookie, which keeps caches away", (Reasoned, "RFC 6265, section 3"), None);
    CACHE_IN_BETWEEN = rule("cache-in-between", Advice, "A cache in between answered", (Reasoned, "RFC 9111, section 5.1"), None);
}
