//! Interactive carousels: cards with an image or video and buttons, or with one product each.

use super::super::schema::{Case, Choice, Kind, List, Rule, Shape, Text, may, must, never};
use super::shared_fields::{
    BODY, BUTTON_ID, IMAGE_HEADER, LABEL, NO_FOOTER, NO_HEADER, URL_BUTTON, VIDEO_HEADER,
};
use super::{products, sources};

pub(super) const CAROUSEL: Shape =
    Shape::of(&[NO_HEADER, BODY, NO_FOOTER, must("action", Kind::Object(&ACTION))]).source(sources::CAROUSEL);

const ACTION: Shape = Shape::of(&[must("cards", CARDS)]).rules(&[
    Rule::Alike {
        list: "cards",
        by: &[
            ("type", "type"),
            ("header.type", "type of header"),
            ("action.name", "action"),
            ("action.buttons", "buttons"),
        ],
    },
    Rule::Numbered { list: "cards", key: "card_index", below: 10 },
]);

const CARDS: Kind = Kind::List(List::of(&CARD, "cards", 2).max(10).unique(&["card_index"]));

const CARD: Kind = Kind::Object(
    &Shape::of(&[must("card_index", Kind::Whole { min: 0, max: 9, or_text: false })]).choice(Choice::by(
        "type",
        "type of card",
        &[Case::new("cta_url", &MEDIA_CARD), Case::new("product", &PRODUCT_CARD)],
    )),
);

const MEDIA_CARD: Shape = Shape::of(&[
    must("header", Kind::Object(&HEADER)),
    may("body", Kind::Object(&CARD_BODY)),
    must("action", Kind::Object(&CARD_ACTION)),
    never("footer", "is not allowed in a card; put the text into its body"),
]);

const HEADER: Shape =
    Shape::of(&[]).choice(Choice::by("type", "type of header for a card", &[IMAGE_HEADER, VIDEO_HEADER]));

const CARD_BODY: Shape = Shape::of(&[must(
    "text",
    Kind::Text(Text { min: 1, doubt: None, max: Some(160), breaks: Some(2), emoji: true }),
)]);

/// Either one URL button, or quick-reply buttons.
const CARD_ACTION: Shape = Shape::of(&[
    may("name", Kind::Word(&["cta_url"])),
    may("parameters", URL_BUTTON),
    may("buttons", Kind::List(List::of(&QUICK_REPLY, "buttons", 1).unique(&["quick_reply.id"]))),
])
.rules(&[Rule::OneOf(&["name", "buttons"]), Rule::OneOf(&["parameters", "buttons"])]);

const QUICK_REPLY: Kind = Kind::Object(
    &Shape::of(&[]).choice(
        Choice::by(
            "type",
            "type of button",
            &[Case::new(
                "quick_reply",
                &Shape::of(&[must(
                    "quick_reply",
                    Kind::Object(&Shape::of(&[must("id", BUTTON_ID), must("title", LABEL)])),
                )]),
            )],
        )
        .mistakes(&[
            ("url", CARD_LINK),
            ("cta_url", CARD_LINK),
            ("reply", "is the type outside of carousels; write `quick_reply`, with an object of that name"),
        ]),
    ),
);
const CARD_LINK: &str = "is not a type of reply button; for a link, replace `buttons` by `name` `cta_url` and `parameters` \
                         with `display_text` and `url`";

const PRODUCT_CARD: Shape = Shape::of(&[must("action", Kind::Object(&products::PRODUCT_ACTION))]);
