//! Interactive messages: buttons, lists, URL buttons, requests and calls. Flows, products and carousels have their own files.

use super::super::schema::{Case, Choice, Field, Kind, List, Rule, Shape, TEXT, doubted, may, must, text};
use super::shared_fields::{
    BODY, BUTTON_ID, DIRECT_SEND_CATEGORY, DIRECT_SEND_RULE, DIRECT_SEND_TTL, FOOTER, HEADER, HEADER_OF_TEXT,
    LABEL, NO_FOOTER, NO_HEADER, URL_BUTTON,
};
use super::{flows, products, sources};

pub(super) const INTERACTIVE_MESSAGE: Shape =
    Shape::of(&[must("interactive", Kind::Object(&INTERACTIVE)), DIRECT_SEND_CATEGORY, DIRECT_SEND_TTL])
        .rules(&[DIRECT_SEND_RULE])
        .source(sources::INTERACTIVE);

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
    Case::new("contact_request", &CONTACT_REQUEST),
    Case::new("request_contact_info", &CONTACT_INFO),
    Case::new("order_details", &products::ORDER_DETAILS),
    Case::new("order_status", &products::ORDER_STATUS),
];

const BUTTONS: Shape = Shape::of(&[HEADER, BODY, FOOTER, must("action", Kind::Object(&REPLY_ACTION))]);

const REPLY_ACTION: Shape = Shape::of(&[must(
    "buttons",
    Kind::List(List::of(&REPLY_BUTTON, "buttons", 1).max(3).unique(&["reply.id", "reply.title"])),
)]);

const REPLY_BUTTON: Kind = Kind::Object(&Shape::of(&[]).choice(
    Choice::by("type", "type of button", &[Case::new("reply", &REPLY)]).mistakes(&[
        ("url", LINK_BUTTON),
        ("cta_url", LINK_BUTTON),
        ("link", LINK_BUTTON),
        ("phone_number", CALL_BUTTON),
        ("phone", CALL_BUTTON),
        ("call", CALL_BUTTON),
        ("voice_call", CALL_BUTTON),
        ("quick_reply", "is the type in templates and carousels; write `reply`, with an object of that name"),
        (
            "copy_code",
            "is a type of button that only templates have; send a template, or put the code into the body",
        ),
    ]),
));
const LINK_BUTTON: &str = "is not a type of reply button, and a message has either replies or one link; for a link, send \
                           an interactive message of type `cta_url`";
const CALL_BUTTON: &str = "is not a type of reply button; for a call in WhatsApp, send an interactive message of type \
                           `voice_call`; a button that dials a number is possible only in a template";
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

const LOCATION_REQUEST: Shape = Shape::of(&[
    NO_HEADER,
    BODY,
    NO_FOOTER,
    must("action", Kind::Object(&Shape::of(&[must("name", Kind::Word(&["send_location"]))]))),
]);

/// The values depend on the country. The page's examples are from India.
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

/// The button stays valid for at most 43,200 minutes (30 days).
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

const CONTACT_REQUEST: Shape = Shape::of(CONTACT_FIELDS).source(sources::CONTACT_REQUEST);
const CONTACT_FIELDS: &[Field] = &[
    HEADER,
    BODY,
    FOOTER,
    must("action", Kind::Object(&Shape::of(&[must("name", Kind::Word(&["request_contact_info"]))]))),
];

/// The type in older copies of the page.
const CONTACT_INFO: Shape = Shape::of(CONTACT_FIELDS)
    .rules(&[Rule::Doubt {
        field: "type",
        reason: "is `request_contact_info`, which the current page does not have: write `contact_request`, and keep \
                 `request_contact_info` as the action's name",
    }])
    .source(sources::CONTACT_REQUEST);
