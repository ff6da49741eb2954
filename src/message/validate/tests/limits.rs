//! Lengths and counts on both sides of each limit.

use super::*;

/// Each has one code point, except the second and the last, which have two: limits count code points, not visible letters.
const LETTERS: [(&str, usize); 5] =
    [("a", 1), ("e\u{301}", 2), ("\u{5d0}", 1), ("\u{645}", 1), ("\u{1f44d}\u{1f3fd}", 2)];

/// A text of exactly `len` code points.
fn long(letter: &str, points: usize, len: usize) -> String {
    letter.repeat(len / points) + &"x".repeat(len % points)
}

#[test]
fn texts_have_at_most_the_documented_length() {
    for (name, pointer, max) in [
        ("cloud/text-to-user-id", "/biz_opaque_callback_data", 512),
        ("cloud/image", "/image/caption", 1024),
        ("cloud/video", "/video/caption", 1024),
        ("cloud/document", "/document/caption", 1024),
        ("cloud/buttons", "/interactive/body/text", 1024),
        ("cloud/buttons", "/interactive/footer/text", 60),
        ("cloud/buttons", "/interactive/action/buttons/0/reply/title", 20),
        ("cloud/buttons", "/interactive/action/buttons/1/reply/id", 256),
        ("cloud/list", "/interactive/header/text", 60),
        ("cloud/list", "/interactive/footer/text", 60),
        ("cloud/list", "/interactive/action/button", 20),
        ("cloud/list", "/interactive/action/sections/0/title", 24),
        ("cloud/list", "/interactive/action/sections/0/rows/1/id", 200),
        ("cloud/list", "/interactive/action/sections/0/rows/1/title", 24),
        ("cloud/list", "/interactive/action/sections/0/rows/0/description", 72),
        ("cloud/cta-url", "/interactive/body/text", 1024),
        ("cloud/cta-url", "/interactive/footer/text", 60),
        ("cloud/cta-url", "/interactive/action/parameters/display_text", 20),
        ("cloud/flow", "/interactive/body/text", 1024),
        ("cloud/flow", "/interactive/header/text", 60),
        ("cloud/location-request", "/interactive/body/text", 1024),
        ("cloud/product", "/interactive/action/product_retailer_id", 100),
        ("cloud/product-list", "/interactive/action/sections/1/title", 24),
        ("cloud/product-list", "/interactive/action/sections/1/product_items/0/product_retailer_id", 100),
        ("cloud/catalog", "/interactive/action/parameters/thumbnail_product_retailer_id", 100),
        ("cloud/carousel-links", "/interactive/body/text", 1024),
        ("cloud/carousel-links", "/interactive/action/cards/1/body/text", 160),
        ("cloud/carousel-links", "/interactive/action/cards/1/action/parameters/display_text", 20),
        ("cloud/carousel-replies", "/interactive/action/cards/1/action/buttons/0/quick_reply/id", 256),
        ("cloud/carousel-replies", "/interactive/action/cards/1/action/buttons/0/quick_reply/title", 20),
        ("cloud/voice-call", "/interactive/action/parameters/display_text", 20),
        ("cloud/voice-call", "/interactive/action/parameters/payload", 512),
    ] {
        for (letter, points) in LETTERS {
            let good = with(payload(name), pointer, long(letter, points, max));
            assert_eq!(said(&good), [""; 0], "{name} {pointer} with {letter}");
            let fault = only(&with(good, pointer, long(letter, points, max + 1)));
            assert_eq!((fault.path, fault.code), (path_of(pointer), Some(100)), "{name}");
            let expected = format!("has {} characters; at most {max} are allowed: shorten it", max + 1);
            assert_eq!((fault.reason, fault.severity), (expected, Severity::Error), "{name}");
        }
        let empty = with(payload(name), pointer, "");
        if pointer.ends_with("caption") || pointer.ends_with("data") {
            // No document forbids an empty text there.
            assert_eq!(said(&empty), [""; 0], "{name}");
            continue;
        }
        let fault = only(&empty);
        assert!(
            fault.is_error() && fault.path == path_of(pointer) && fault.reason.contains("empty"),
            "{fault}"
        );
    }
}

#[test]
fn beyond_the_smaller_limit_is_a_warning_and_beyond_the_larger_an_error() {
    for (name, pointer, doubt, max) in [
        ("cloud/text", "/text/body", 1024, Some(4096)),
        ("cloud/list", "/interactive/body/text", 1024, Some(4096)),
        ("cloud/flow", "/interactive/action/parameters/flow_cta", 20, Some(30)),
        ("cloud/template-buttons", "/template/components/2/parameters/0/coupon_code", 15, Some(20)),
        ("cloud/document", "/document/filename", 240, None),
    ] {
        // Letters that a label without emoji and a file name can have too.
        for (letter, points) in &LETTERS[..4] {
            let of = |len: usize| with(payload(name), pointer, long(letter, *points, len - 4) + ".pdf");
            let path = path_of(pointer);
            assert_eq!(said(&of(doubt)), [""; 0], "{name}");
            assert_eq!(said(&of(doubt + 1)), [format!("warning {path} 100")], "{name}");
            let largest = max.unwrap_or(100_000);
            assert_eq!(said(&of(largest)), [format!("warning {path} 100")], "{name}");
            if max.is_some() {
                assert_eq!(said(&of(largest + 1)), [format!("error {path} 100")], "{name}");
            }
        }
    }
}

/// A payload with an array of this length, each element made from its position.
fn many(name: &str, pointer: &str, len: usize, element: impl Fn(usize) -> Value) -> Value {
    with(payload(name), pointer, (0..len).map(element).collect::<Vec<_>>())
}

/// Makes an element from its position.
type Make<'a> = &'a dyn Fn(usize) -> Value;

#[test]
fn arrays_have_at_most_the_documented_count() {
    let contact = |_| json!({"name": {"formatted_name": "A B", "first_name": "A"}});
    let button = |i| json!({"type": "reply", "reply": {"id": i, "title": format!("Button {i}")}});
    let button = |i: usize| with(button(i), "/reply/id", i.to_string());
    let row = |i: usize| json!({"id": i.to_string(), "title": "x"});
    let section = |i: usize| json!({"title": "x", "rows": [row(i)]});
    let item = |i: usize| json!({"product_retailer_id": i.to_string()});
    let items = |i: usize| json!({"title": "x", "product_items": [item(i)]});
    let cards = payload("cloud/carousel-links")["interactive"]["action"]["cards"].clone();
    let card = |i: usize| with(cards[0].clone(), "/card_index", i);
    let template_cards = payload("cloud/template-carousel")["template"]["components"][1]["cards"].clone();
    let template_card = |i: usize| with(template_cards[0].clone(), "/card_index", i);
    let parameter = |_| json!({"type": "text", "text": "x"});

    let sections = "/interactive/action/sections";
    let in_carousel = "/interactive/action/cards";
    for (name, pointer, element, min, max, code) in [
        ("cloud/contacts", "/contacts", &contact as Make, 1, 5, 131_009),
        ("cloud/buttons", "/interactive/action/buttons", &button, 1, 3, 131_009),
        ("cloud/list", sections, &section, 1, 10, 131_009),
        ("cloud/list", "/interactive/action/sections/0/rows", &|i| row(i + 10), 1, 9, 131_009),
        ("cloud/product-list", sections, &items, 1, 10, 131_009),
        ("cloud/product-list", "/interactive/action/sections/0/product_items", &item, 1, 29, 131_009),
        ("cloud/carousel-links", in_carousel, &card, 2, 10, 131_009),
        ("cloud/template-carousel", "/template/components/1/cards", &template_card, 1, 10, 131_009),
        ("cloud/template-body", "/template/components/0/parameters", &parameter, 0, 1, 132_000),
        ("cloud/template-body", "/template/components/1/parameters", &parameter, 0, 50, 132_000),
        ("cloud/template-buttons", "/template/components/1/parameters", &parameter, 1, 1, 132_000),
    ] {
        for len in [min, max] {
            assert_eq!(said(&many(name, pointer, len, element)), [""; 0], "{name} {pointer} {len}");
        }
        if min > 0 {
            let too_few = said(&many(name, pointer, min - 1, element));
            assert!(too_few.contains(&format!("error {} {code}", path_of(pointer))), "{name}: {too_few:?}");
        }
        let too_many = said(&many(name, pointer, max + 1, element));
        match (name, pointer) {
            // One document allows 5, another 257.
            ("cloud/contacts", _) => assert_eq!(too_many, ["warning contacts 131009"]),
            ("cloud/template-body", "/template/components/1/parameters") => assert_eq!(too_many, [""; 0]),
            // The limit counts all of them together.
            (_, pointer) if pointer.contains("sections/0") => {
                assert_eq!(too_many, ["error interactive.action.sections 131009"], "{name}");
            }
            _ => {
                let counted = format!("error {} {code}", path_of(pointer));
                assert!(too_many.contains(&counted), "{name}: {too_many:?}");
            }
        }
    }
    assert_eq!(said(&many("cloud/contacts", "/contacts", 257, contact)), ["warning contacts 131009"]);
    assert_eq!(said(&many("cloud/contacts", "/contacts", 258, contact)), ["error contacts 131009"]);
}

#[test]
fn numbers_are_within_their_range() {
    for (name, pointer, good, bad) in [
        (
            "cloud/location",
            "/location/latitude",
            &["90", "-90", "0", "1e1", "\"-89.999\"", "\"90\""][..],
            &["90.0001", "-91", "1e400", "\"north\"", "\"\"", "\"NaN\"", "\"inf\"", "\"48,1\""][..],
        ),
        (
            "cloud/location",
            "/location/longitude",
            &["180", "-180.0", "\"180\""],
            &["180.1", "-181", "\"0x10\"", "\" 1\""],
        ),
        (
            "cloud/template-carousel",
            "/template/components/1/cards/0/components/2/index",
            &["0", "9", "\"0\"", "\"9\""],
            &["-1", "10", "1.5", "\"10\"", "\"\"", "\"one\"", "\"-1\"", "99999999999999999999"],
        ),
        ("cloud/carousel-links", "/interactive/action/cards/1/card_index", &["1"], &["2", "9", "10", "-1"]),
        (
            "cloud/voice-call",
            "/interactive/action/parameters/ttl_minutes",
            &["1", "43200"],
            &["0", "43201", "1.0"],
        ),
        (
            "cloud/template-body",
            "/template/components/1/parameters/1/currency/amount_1000",
            &["0", "-5"],
            &["0.5"],
        ),
        ("cloud/pin", "/pin/expiration_days", &["1", "30"], &["0"]),
    ] {
        for text in good {
            let value: Value = serde_json::from_str(text).unwrap();
            assert_eq!(said(&with(payload(name), pointer, value)), [""; 0], "{name} {pointer} {text}");
        }
        for text in bad {
            let value: Value = serde_json::from_str(text).unwrap();
            let fault = only(&with(payload(name), pointer, value));
            assert_eq!((fault.path, fault.code), (path_of(pointer), Some(131_009)), "{name} {text}");
        }
    }
}

#[test]
fn text_of_a_card_has_at_most_two_line_breaks() {
    let of =
        |text: &str| with(payload("cloud/carousel-links"), "/interactive/action/cards/0/body/text", text);
    for good in ["a", "a\nb\nc", "a\r\nb\r\nc"] {
        assert_eq!(said(&of(good)), [""; 0]);
    }
    for bad in ["a\nb\nc\n", "a\r\nb\r\nc\rd"] {
        assert_eq!(said(&of(bad)), ["error interactive.action.cards[0].body.text 131009"]);
    }
}
