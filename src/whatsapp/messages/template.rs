//! Template messages, and their predecessor `hsm`.
//!
//! Meta stores the template itself. So a payload alone does not show whether the number and types of its parameters are right, and
//! limits on the template's own text, such as that of a limited-time offer, are not here.

use super::super::schema::{
    Case, Choice, Code, Field, Kind, List, Platform, Rule, Shape, TEXT, doubted, may, must, text,
};
use super::plain::{self, TEMPLATE_REPLY};
use super::{media, products, sources};

pub(super) const TEMPLATE_MESSAGE: Shape = Shape::of(&[must("template", Kind::Object(&TEMPLATE))])
    .rules(&[TEMPLATE_REPLY])
    .source(sources::TEMPLATE);

const TEMPLATE: Shape = Shape::of(&[
    may("namespace", TEXT).only(Platform::OnPremises),
    must("name", Kind::TemplateName),
    must("language", Kind::Object(&LANGUAGE)),
    may("components", Kind::List(List::of(&Kind::Object(&COMPONENT), "components", 0))),
])
.rules(&[Rule::Once { list: "components", many: "button", key: "index" }]);

/// Meta's specification requires a policy, but its own examples omit it.
const LANGUAGE: Shape = Shape::of(&[
    must("code", Kind::Language).code(Code::TemplateLanguage),
    may("policy", Kind::Word(&["deterministic"])),
]);

/// Some examples write the type in capitals.
const COMPONENT: Shape =
    Shape::of(&[]).choice(Choice::by("type", "type of component", COMPONENTS).any_case());

const COMPONENTS: &[Case] = &[
    Case::new("header", &HEADER),
    Case::new("body", &BODY),
    Case::new("button", &BUTTON),
    Case::new("carousel", &CAROUSEL),
    Case::new("limited_time_offer", &LIMITED_TIME_OFFER),
    Case::new("tap_target_configuration", &UNSPELLED),
    Case::new("order_status", &UNSPELLED),
];

const UNSPELLED: Shape = Shape::of(&[]).open();

/// Parameters: a template without placeholders has none, and only Meta knows their number.
const fn parameters(list: List) -> Field {
    may("parameters", Kind::List(list.code(Code::TemplateCount))).code(Code::TemplateFormat)
}

/// Exactly one parameter.
const fn parameter(of: &'static Kind) -> Field {
    must("parameters", Kind::List(List::of(of, "parameters", 1).max(1).code(Code::TemplateCount)))
        .code(Code::TemplateFormat)
}

/// A parameter of one of these types.
macro_rules! one_of {
    ($cases:expr) => {
        Kind::Object(
            &Shape::of(&[]).choice(
                Choice::by("type", "type of parameter for this component", $cases)
                    .code(Code::TemplateFormat)
                    .any_case(),
            ),
        )
    };
}

const HEADER: Shape = Shape::of(&[parameters(List::of(&HEADER_PARAMETER, "parameters", 0).max(1))]);
const HEADER_PARAMETER: Kind = one_of!(&[
    TEXT_PARAMETER,
    Case::new("image", &Shape::of(&[must("image", Kind::Object(&media::HEADER_MEDIA))])),
    Case::new("video", &Shape::of(&[must("video", Kind::Object(&media::HEADER_MEDIA))])),
    Case::new("document", &Shape::of(&[must("document", Kind::Object(&media::HEADER_DOCUMENT))])),
    Case::new("location", &Shape::of(&[must("location", Kind::Object(&plain::LOCATION))])),
    Case::new("product", &Shape::of(&[must("product", Kind::Object(&PRODUCT))])),
]);

const PRODUCT: Shape =
    Shape::of(&[must("product_retailer_id", products::RETAILER_ID), must("catalog_id", TEXT)]);

const BODY: Shape = Shape::of(&[parameters(List::of(&BODY_PARAMETER, "parameters", 0))]);
const BODY_PARAMETER: Kind = one_of!(&[
    TEXT_PARAMETER,
    Case::new("currency", &Shape::of(&[must("currency", Kind::Object(&CURRENCY)), PARAMETER_NAME])),
    Case::new("date_time", &Shape::of(&[must("date_time", Kind::Object(&DATE_TIME)), PARAMETER_NAME])),
]);

/// For templates with named placeholders.
const PARAMETER_NAME: Field = may("parameter_name", TEXT);
const TEXT_PARAMETER: Case = Case::new("text", &Shape::of(&[must("text", TEXT), PARAMETER_NAME]));

/// An amount in thousandths: 100990 is 100.99.
const CURRENCY: Shape = Shape::of(&[
    must("fallback_value", TEXT),
    must("code", text(3)),
    must("amount_1000", Kind::Whole { min: i64::MIN, max: i64::MAX, or_text: false }),
]);

/// Only the fallback is displayed; the other fields of the examples are not specified.
const DATE_TIME: Shape = Shape::of(&[must("fallback_value", TEXT)]).open();

const BUTTON: Shape = Shape::of(&[must("index", Kind::Whole { min: 0, max: 9, or_text: true })])
    .choice(Choice::by("sub_type", "sub-type of button", BUTTONS).any_case());

const BUTTONS: &[Case] = &[
    Case::new("quick_reply", &Shape::of(&[parameter(&one_of!(&[PAYLOAD]))])),
    Case::new("url", &Shape::of(&[parameter(&one_of!(&[TEXT_PARAMETER]))])),
    Case::new("copy_code", &Shape::of(&[parameter(&one_of!(&[COUPON_CODE]))])),
    Case::new("flow", &Shape::of(&[optional(parameter(&one_of!(&[FLOW_ACTION])))])),
    Case::new("catalog", &Shape::of(&[optional(parameter(&one_of!(&[CATALOG_ACTION])))])),
    Case::new("mpm", &Shape::of(&[parameter(&one_of!(&[PRODUCTS_ACTION]))])),
    // No document specifies either.
    Case::new("voice_call", &Shape::of(&[may("parameters", Kind::Any)])),
    Case::new("order_details", &Shape::of(&[may("parameters", Kind::Any)])),
];

const fn optional(field: Field) -> Field {
    Field { required: false, ..field }
}

const PAYLOAD: Case = Case::new("payload", &Shape::of(&[must("payload", TEXT)]));

/// 15 characters; 20 in the newer page.
const COUPON_CODE: Case = Case::new("coupon_code", &Shape::of(&[must("coupon_code", doubted(15, 20))]));

const FLOW_ACTION: Case = Case::new("action", &Shape::of(&[must("action", Kind::Object(&FLOW))]));
const FLOW: Shape = Shape::of(&[may("flow_token", TEXT), may("flow_action_data", Kind::Any)]);

const CATALOG_ACTION: Case = Case::new("action", &Shape::of(&[must("action", Kind::Object(&CATALOG))]));
const CATALOG: Shape = Shape::of(&[may("thumbnail_product_retailer_id", products::RETAILER_ID)]);

const PRODUCTS_ACTION: Case = Case::new("action", &Shape::of(&[must("action", Kind::Object(&PRODUCTS))]));
const PRODUCTS: Shape = Shape::of(&[
    may("thumbnail_product_retailer_id", products::RETAILER_ID),
    must("sections", products::SECTIONS),
])
.rules(products::SECTION_RULES);

const LIMITED_TIME_OFFER: Shape = Shape::of(&[parameter(&one_of!(&[Case::new(
    "limited_time_offer",
    &Shape::of(&[must(
        "limited_time_offer",
        Kind::Object(&Shape::of(&[must(
            "expiration_time_ms",
            Kind::Whole { min: 0, max: i64::MAX, or_text: false },
        )])),
    )]),
)]))]);

const CAROUSEL: Shape =
    Shape::of(&[must("cards", Kind::List(List::of(&CARD, "cards", 1).max(10).unique(&["card_index"])))]);

const CARD: Kind = Kind::Object(&Shape::of(&[
    must("card_index", Kind::Whole { min: 0, max: 9, or_text: true }),
    must("components", Kind::List(List::of(&Kind::Object(&CARD_COMPONENT), "components", 1))),
]));

const CARD_COMPONENT: Shape =
    Shape::of(&[]).choice(Choice::by("type", "type of component for a card", CARD_COMPONENTS).any_case());

const CARD_COMPONENTS: &[Case] =
    &[Case::new("header", &HEADER), Case::new("body", &BODY), Case::new("button", &BUTTON)];

/// No current document specifies it.
pub(super) const HSM_MESSAGE: Shape =
    Shape::of(&[must("hsm", Kind::Object(&UNSPELLED))]).rules(&[TEMPLATE_REPLY]).source(sources::LINKS);
