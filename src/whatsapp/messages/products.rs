//! Interactive messages with products, catalogs and orders.

use super::super::schema::{Kind, List, Rule, Shape, TEXT, may, must, text};
use super::shared_fields::{BODY, FOOTER, HEADER, HEADER_OF_TEXT, NO_HEADER, OPTIONAL_BODY};
use super::sources;

/// The id of a product in the catalog, usually its SKU.
pub(super) const RETAILER_ID: Kind = text(100);

pub(super) const PRODUCT: Shape =
    Shape::of(&[NO_HEADER, OPTIONAL_BODY, FOOTER, must("action", Kind::Object(&PRODUCT_ACTION))])
        .source(sources::COMMERCE);

/// One product of one catalog, also in cards of a carousel.
pub(super) const PRODUCT_ACTION: Shape =
    Shape::of(&[must("catalog_id", TEXT), must("product_retailer_id", RETAILER_ID)]);

pub(super) const PRODUCT_LIST: Shape = Shape::of(&[
    must("header", Kind::Object(&HEADER_OF_TEXT)),
    BODY,
    FOOTER,
    must(
        "action",
        Kind::Object(
            &Shape::of(&[must("catalog_id", TEXT), must("sections", SECTIONS)]).rules(SECTION_RULES),
        ),
    ),
])
.source(sources::COMMERCE);

/// Sections of products, also in templates.
pub(super) const SECTIONS: Kind = Kind::List(List::of(&SECTION, "sections", 1).max(10));

const SECTION: Kind = Kind::Object(&Shape::of(&[
    may("title", text(24)),
    must("product_items", Kind::List(List::of(&ITEM, "products", 1))),
]));

const ITEM: Kind = Kind::Object(&Shape::of(&[must("product_retailer_id", RETAILER_ID)]));

pub(super) const SECTION_RULES: &[Rule] =
    &[Rule::Titled { list: "sections" }, Rule::Total { list: "sections", items: "product_items", max: 30 }];

pub(super) const CATALOG: Shape = Shape::of(&[
    HEADER,
    BODY,
    FOOTER,
    must(
        "action",
        Kind::Object(&Shape::of(&[
            must("name", Kind::Word(&["catalog_message"])),
            may("parameters", Kind::Object(&Shape::of(&[may("thumbnail_product_retailer_id", RETAILER_ID)]))),
        ])),
    ),
])
.source(sources::COMMERCE);

/// The parameters of an order depend on the country and the payment method.
pub(super) const ORDER_DETAILS: Shape = Shape::of(&[
    HEADER,
    BODY,
    FOOTER,
    must(
        "action",
        Kind::Object(&Shape::of(&[
            must("name", Kind::Word(&["review_and_pay"])),
            must("parameters", Kind::Object(&Shape::of(&[]).open())),
        ])),
    ),
])
.source(sources::COMMERCE);

pub(super) const ORDER_STATUS: Shape = Shape::of(&[
    HEADER,
    BODY,
    FOOTER,
    must(
        "action",
        Kind::Object(&Shape::of(&[
            must("name", Kind::Word(&["review_order"])),
            must("parameters", Kind::Object(&Shape::of(&[]).open())),
        ])),
    ),
])
.source(sources::COMMERCE);
