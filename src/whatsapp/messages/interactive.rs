//! Interactive messages: what all have, and buttons, lists, requests, calls. Flows, products and carousels have files of
//! their own.

use super::super::schema::{
    Case, Choice, Field, Kind, List, Rule, Shape, TEXT, doubted, may, must, never, text,
};
use super::{flows, media, products, sources};

pub(super) const INTERACTIVE_MESSAGE: Shape =
    Shape::of(&[must("interactive", Kind::Object(&INTERACTIVE))]).source(sources::INTERACTIVE);

const INTERACTIVE: Shape = Shape::of(&[]).choice(Choice::by("type", "type of interactive message", CASES));

const CASES: &[Case] = &[
    Case::new("button", &BUTTONS),
    Case::new("list", &LIST),
    Case::new("cta_url", &CTA_URL),
    Case::new("flow", &flows::FLOW),
    Case::new("location_request_message", &LOCATION_REQUEST),
    Case::new("address_message", &ADDRESS),
    Case::new("product", &products::PRODUCT),
    Case::new("product_list", &products::PRODUCT_LIST),
    Case::new("catalog_message", &products::CATALOG),
    Case::new("carousel", &super::carousel::CAROUSEL),
    Case::new("call_permission_request", &CALL_PERMISSION),
    Case::new("voice_call", &VOICE_CALL),
    Case::new("request_contact_info", &CONTACT_INFO),
    Case::new("order_details", &products::ORDER_DETAILS),
    Case::new("order_status", &products::ORDER_STATUS),
];

pub(super) const BODY: Field = must("body", Kind::Object(&BODY_1024));
const BODY_1024: Shape = Shape::of(&[must("text", text(1024))]);
/// A product speaks for itself.
pub(super) const OPTIONAL_BODY: Field = may("body", Kind::Object(&BODY_1024));

pub(super) const FOOTER: Field = may("footer", Kind::Object(&FOOTER_60));
const FOOTER_60: Shape = Shape::of(&[must("text", text(60))]);

/// A text or a file above the body.
pub(super) const HEADER: Field = may("header", Kind::Object(&ANY_HEADER));
const ANY_HEADER: Shape = Shape::of(&[]).choice(Choice::by(
    "type",
    "type of header",
    &[
        TEXT_HEADER,
        IMAGE_HEADER,
        VIDEO_HEADER,
        Case::new("document", &Shape::of(&[must("document", Kind::Object(&media::HEADER_DOCUMENT))])),
    ],
));
const TEXT_HEADER: Case = Case::new("text", &Shape::of(&[must("text", text(60))]));
pub(super) const IMAGE_HEADER: Case =
    Case::new("image", &Shape::of(&[must("image", Kind::Object(&media::HEADER_MEDIA))]));
pub(super) const VIDEO_HEADER: Case =
    Case::new("video", &Shape::of(&[must("video", Kind::Object(&media::HEADER_MEDIA))]));

/// A header where only text will do.
pub(super) const HEADER_OF_TEXT: Shape =
    Shape::of(&[]).choice(Choice::by("type", "type of header for this message", &[TEXT_HEADER]));

pub(super) const NO_HEADER: Field =
    never("header", "is not taken by this type of message; put the words into the body");
pub(super) const NO_FOOTER: Field =
    never("footer", "is not taken by this type of message; put the words into the body");

/// What a button's label may be, wherever there is one.
pub(super) const LABEL: Kind = text(20);
/// What comes back when a button is tapped.
pub(super) const BUTTON_ID: Kind = text(256);

const BUTTONS: Shape = Shape::of(&[HEADER, BODY, FOOTER, must("action", Kind::Object(&REPLY_ACTION))]);

const REPLY_ACTION: Shape = Shape::of(&[must(
    "buttons",
    Kind::List(List::of(&REPLY_BUTTON, "buttons", 1).max(3).unique(&["reply.id", "reply.title"])),
)]);

const REPLY_BUTTON: Kind =
    Kind::Object(&Shape::of(&[]).choice(Choice::by("type", "type of button", &[Case::new("reply", &REPLY)])));
const REPLY: Shape =
    Shape::of(&[must("reply", Kind::Object(&Shape::of(&[must("id", BUTTON_ID), must("title", LABEL)])))]);

/// The page allows 4096 characters in a list's body; earlier editions allow 1024.
const LIST: Shape = Shape::of(&[
    may("header", Kind::Object(&HEADER_OF_TEXT)),
    must("body", Kind::Object(&Shape::of(&[must("text", doubted(1024, 4096))]))),
    FOOTER,
    must("action", Kind::Object(&LIST_ACTION)),
]);

const LIST_ACTION: Shape = Shape::of(&[
    must("button", LABEL),
    must("sections", Kind::List(List::of(&SECTION, "sections", 1).max(10))),
])
.rules(&[
    Rule::Titled { list: "sections" },
    Rule::Total { list: "sections", items: "rows", max: 10 },
    Rule::Distinct { list: "sections", items: "rows", key: "id" },
]);

const SECTION: Kind =
    Kind::Object(&Shape::of(&[may("title", text(24)), must("rows", Kind::List(List::of(&ROW, "rows", 1)))]));

const ROW: Kind =
    Kind::Object(&Shape::of(&[must("id", text(200)), must("title", text(24)), may("description", text(72))]));

const CTA_URL: Shape = Shape::of(&[HEADER, BODY, FOOTER, must("action", Kind::Object(&CTA_URL_ACTION))]);

const CTA_URL_ACTION: Shape =
    Shape::of(&[must("name", Kind::Word(&["cta_url"])), must("parameters", URL_BUTTON)]);

/// A button that opens a URL; cards of a carousel have it, too.
pub(super) const URL_BUTTON: Kind =
    Kind::Object(&Shape::of(&[must("display_text", LABEL), must("url", Kind::Url)]));

const LOCATION_REQUEST: Shape = Shape::of(&[
    NO_HEADER,
    BODY,
    NO_FOOTER,
    must("action", Kind::Object(&Shape::of(&[must("name", Kind::Word(&["send_location"]))]))),
]);

/// The values differ from country to country. The page's examples are from India.
const ADDRESS: Shape = Shape::of(&[
    HEADER,
    BODY,
    FOOTER,
    must(
        "action",
        Kind::Object(&Shape::of(&[
            must("name", Kind::Word(&["address_message"])),
            must(
                "parameters",
                Kind::Object(&Shape::of(&[
                    must("country", TEXT),
                    may("values", Kind::Any),
                    may("saved_addresses", Kind::Any),
                    may("validation_errors", Kind::Any),
                ])),
            ),
        ])),
    ),
]);

const CALL_PERMISSION: Shape = Shape::of(&[
    HEADER,
    BODY,
    FOOTER,
    must("action", Kind::Object(&Shape::of(&[must("name", Kind::Word(&["call_permission_request"]))]))),
])
.source(sources::CALLS);

/// The button is kept for up to 30 days of minutes.
const VOICE_CALL: Shape = Shape::of(&[
    HEADER,
    BODY,
    FOOTER,
    must(
        "action",
        Kind::Object(&Shape::of(&[
            must("name", Kind::Word(&["voice_call"])),
            may("parameters", Kind::Object(&VOICE_CALL_PARAMETERS)),
        ])),
    ),
])
.source(sources::CALLS);

const VOICE_CALL_PARAMETERS: Shape = Shape::of(&[
    may("display_text", LABEL),
    may("ttl_minutes", Kind::Whole { min: 1, max: 43_200, or_text: false }),
    may("payload", text(512)),
])
.open();

const CONTACT_INFO: Shape = Shape::of(&[
    HEADER,
    BODY,
    FOOTER,
    must("action", Kind::Object(&Shape::of(&[must("name", Kind::Word(&["request_contact_info"]))]))),
]);
