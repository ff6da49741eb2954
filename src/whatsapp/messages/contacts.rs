//! Contacts messages.

use super::super::schema::{Kind, List, MAYBE_EMPTY, Rule, Shape, may, must};
use super::sources;

/// Meta's page allows 257 contacts, its specification 5.
pub(super) const CONTACTS_MESSAGE: Shape =
    Shape::of(&[must("contacts", Kind::List(List::of(&CONTACT, "contacts", 1).doubt(5).max(257)))])
        .source(sources::CONTACTS);

const CONTACT: Kind = Kind::Object(&Shape::of(&[
    must("name", Kind::Object(&NAME)),
    may("addresses", Kind::List(List::of(&Kind::Object(&ADDRESS), "addresses", 0))),
    may("birthday", Kind::Date),
    may("emails", Kind::List(List::of(&Kind::Object(&EMAIL), "e-mail addresses", 0))),
    may("org", Kind::Object(&ORG)),
    may("phones", Kind::List(List::of(&Kind::Object(&PHONE), "phone numbers", 0))),
    may("urls", Kind::List(List::of(&Kind::Object(&URL), "URLs", 0))),
]));

/// The full name, and at least one part of it.
const NAME: Shape = Shape::of(&[
    must("formatted_name", super::TEXT),
    may("first_name", MAYBE_EMPTY),
    may("last_name", MAYBE_EMPTY),
    may("middle_name", MAYBE_EMPTY),
    may("suffix", MAYBE_EMPTY),
    may("prefix", MAYBE_EMPTY),
])
.rules(&[Rule::AnyOf(&["first_name", "last_name", "middle_name", "suffix", "prefix"])]);

/// The list of fields differs between editions of the page; these are the fields of its examples.
const ADDRESS: Shape = Shape::of(&[
    may("street", MAYBE_EMPTY),
    may("city", MAYBE_EMPTY),
    may("state", MAYBE_EMPTY),
    may("zip", MAYBE_EMPTY),
    may("country", MAYBE_EMPTY),
    may("country_code", MAYBE_EMPTY),
    may("type", MAYBE_EMPTY),
])
.open();

const EMAIL: Shape = Shape::of(&[may("email", MAYBE_EMPTY), may("type", MAYBE_EMPTY)]).open();

const ORG: Shape =
    Shape::of(&[may("company", MAYBE_EMPTY), may("department", MAYBE_EMPTY), may("title", MAYBE_EMPTY)])
        .open();

const PHONE: Shape =
    Shape::of(&[may("phone", MAYBE_EMPTY), may("type", MAYBE_EMPTY), may("wa_id", MAYBE_EMPTY)]);

const URL: Shape = Shape::of(&[may("url", MAYBE_EMPTY), may("type", MAYBE_EMPTY)]).open();
