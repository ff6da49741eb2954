//! Template messages, and their predecessor `hsm`.
//!
//! Meta stores the template itself. So a payload alone does not show whether the number and types of its parameters are right, and
//! limits on the template's own text, such as that of a limited-time offer, are not here.

use super::super::schema::{
    Case, Choice, Code, Field, Kind, List, Platform, Rule, Shape, TEXT, VARIABLE, doubted_variable, may,
    must, text,
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
.rules(&[
    Rule::Once { list: "components", many: "button", key: "index" },
    Rule::OneParameterFormat { source: sources::PARAMETER_FORMAT },
]);

/// Meta's specification requires a policy, but its own examples omit it.
const LANGUAGE: Shape = Shape::of(&[
    must("code", Kind::Language).code(Code::TemplateLanguage),
    may("policy", Kind::Word(&["deterministic"])),
]);

/// Some examples write the type in capitals.
const COMPONENT: Shape = Shape::of(&[])
    .choice(Choice::by("type", "type of component", COMPONENTS).any_case().mistakes(COMPONENT_MISTAKES));

/// Components of the template itself.
const COMPONENT_MISTAKES: &[(&str, &str)] = &[
    ("footer", "is part of the template and takes no parameters; remove this component"),
    (
        "buttons",
        "is part of the template; a message has a component for each button that takes a parameter: write `button`, \
         with `sub_type` and `index`",
    ),
];

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
    may("parameters", Kind::List(list.code(Code::TemplateCount).unique(&["parameter_name"])))
        .code(Code::TemplateFormat)
}

/// Exactly one parameter.
const fn parameter(of: &'static Kind) -> Field {
    one_parameter(List::of(of, "parameters", 1))
}

/// Exactly one parameter, with the fix if there is none.
const fn parameter_or(of: &'static Kind, fix: &'static str) -> Field {
    one_parameter(List::of(of, "parameters", 1).few(fix))
}

const fn one_parameter(list: List) -> Field {
    must("parameters", Kind::List(list.max(1).code(Code::TemplateCount))).code(Code::TemplateFormat)
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
    Case::new("image", &Shape::of(&[must("image", Kind::Object(&media::HEADER_IMAGE))])),
    Case::new("video", &Shape::of(&[must("video", Kind::Object(&media::HEADER_VIDEO))])),
    // Only for marketing messages.
    Case::new("gif", &Shape::of(&[must("gif", Kind::Object(&media::HEADER_VIDEO))])),
    Case::new("document", &Shape::of(&[must("document", Kind::Object(&media::TEMPLATE_DOCUMENT))])),
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
const TEXT_PARAMETER: Case =
    Case::new("text", &Shape::of(&[must("text", VARIABLE).source(sources::VARIABLES), PARAMETER_NAME]));

/// An amount in thousandths: 100990 is 100.99.
const CURRENCY: Shape = Shape::of(&[
    must("fallback_value", VARIABLE).source(sources::VARIABLES),
    must("code", text(3)),
    must("amount_1000", Kind::Whole { min: i64::MIN, max: i64::MAX, or_text: false }),
]);

/// Only the fallback is displayed; the other fields of the examples are not specified.
const DATE_TIME: Shape = Shape::of(&[must("fallback_value", VARIABLE).source(sources::VARIABLES)]).open();

const BUTTON: Shape = Shape::of(&[must("index", Kind::Whole { min: 0, max: 9, or_text: true })]).choice(
    Choice::by("sub_type", "sub-type of button", BUTTONS)
        .code(Code::Parameter)
        .any_case()
        .mistakes(BUTTON_MISTAKES)
        .source(sources::BUTTON_TYPES),
);

/// Types of buttons in the template that the message has no component for, or another one.
const BUTTON_MISTAKES: &[(&str, &str)] = &[
    ("phone_number", CALL_BUTTON),
    ("phone", CALL_BUTTON),
    ("call", CALL_BUTTON),
    ("static_url", STATIC_URL),
    ("visit_website", STATIC_URL),
    (
        "spm",
        "is of a button that takes no parameters, since the header names the product; remove this component",
    ),
    (
        "otp",
        "is a type of button in the template; in a message, its code is the parameter of a component with `sub_type` \
         `url`: write that, with the code as text",
    ),
];
const CALL_BUTTON: &str = "is of a call button, which takes no parameters: the template has its number; remove this \
                           component, instead of changing its `sub_type`";
const STATIC_URL: &str = "is of a button whose URL has no variable, so it takes no parameters; remove this component, \
                          or write `url` if its URL ends in a variable";

const BUTTONS: &[Case] = &[
    Case::new(
        "quick_reply",
        &Shape::of(&[parameter_or(
            &one_of!(&[PAYLOAD]),
            "add one with the payload that the webhook returns, or remove this component",
        )]),
    ),
    Case::new(
        "url",
        &Shape::of(&[parameter_or(
            &one_of!(&[TEXT_PARAMETER]),
            "add one of type `text` with what replaces the variable in the button's URL; if its URL has no variable, \
             remove this component",
        )]),
    ),
    Case::new("copy_code", &Shape::of(&[parameter(&one_of!(&[COUPON_CODE]))])),
    Case::new("flow", &Shape::of(&[optional(parameter(&one_of!(&[FLOW_ACTION])))])),
    Case::new("catalog", &Shape::of(&[optional(parameter(&one_of!(&[CATALOG_ACTION])))])),
    Case::new("mpm", &Shape::of(&[parameter(&one_of!(&[PRODUCTS_ACTION]))])),
    // No document specifies these.
    Case::new("voice_call", &Shape::of(&[may("parameters", Kind::Any)])),
    Case::new("order_details", &Shape::of(&[may("parameters", Kind::Any)])),
    Case::new("reminder", &Shape::of(&[may("parameters", Kind::Any)])),
    Case::new("booking_confirmation", &Shape::of(&[may("parameters", Kind::Any)])),
];

const fn optional(field: Field) -> Field {
    Field { required: false, ..field }
}

const PAYLOAD: Case = Case::new("payload", &Shape::of(&[must("payload", TEXT)]));

/// 15 characters; 20 in the newer page.
const COUPON_CODE: Case =
    Case::new("coupon_code", &Shape::of(&[must("coupon_code", doubted_variable(15, 20))]));

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
    Shape::of(&[must("cards", Kind::List(List::of(&CARD, "cards", 1).max(10).unique(&["card_index"])))])
        .rules(&[Rule::Numbered { list: "cards", key: "card_index", below: 10 }]);

const CARD: Kind = Kind::Object(&Shape::of(&[
    must("card_index", Kind::Whole { min: 0, max: 9, or_text: true }),
    must("components", Kind::List(List::of(&Kind::Object(&CARD_COMPONENT), "components", 1))),
]));

const CARD_COMPONENT: Shape =
    Shape::of(&[]).choice(Choice::by("type", "type of component for a card", CARD_COMPONENTS).any_case());

const CARD_COMPONENTS: &[Case] =
    &[Case::new("header", &HEADER), Case::new("body", &BODY), Case::new("button", &BUTTON)];

/// No current document specifies it, but what fills its variables is known.
pub(super) const HSM_MESSAGE: Shape =
    Shape::of(&[must("hsm", Kind::Object(&HSM))]).rules(&[TEMPLATE_REPLY]).source(sources::LINKS);

const HSM: Shape =
    Shape::of(&[may("localizable_params", Kind::List(List::of(&HSM_PARAMETER, "parameters", 0)))]).open();

const HSM_PARAMETER: Kind =
    Kind::Object(&Shape::of(&[may("default", VARIABLE).source(sources::VARIABLES)]).open());
