//! Single values: phone numbers, languages, names, dates, emoji.

use super::*;

#[test]
fn phone_numbers_may_have_the_usual_punctuation() {
    for good in ["+16315551234", "+1 (631) 555-1234", "+123456789012345"] {
        assert_eq!(said(&with(payload("cloud/text"), "/to", good)), [""; 0], "{good}");
    }
    for bad in [
        "",
        "+",
        "( )-",
        "+1234567890123456",
        "1+6315551234",
        "++16315551234",
        "+1.631.555.1234",
        "{{Recipient-Phone-Number}}",
        "+1631555123\u{664}",
        "Ada",
    ] {
        assert_eq!(said(&with(payload("cloud/text"), "/to", bad)), ["error to 131009"], "{bad}");
    }
    let number = with(payload("cloud/text"), "/to", 16_315_551_234_u64);
    assert_eq!(said(&number), ["error to 100"]);
}

#[test]
fn number_without_plus_is_a_warning() {
    // The table on Meta's page, for a business in India.
    for (number, reached) in [("(631) 555-1234", "+916315551234"), ("1 (631) 555-1234", "+9116315551234")] {
        let fault = only(&with(payload("cloud/text"), "/to", number));
        assert_eq!((fault.severity, fault.path.as_str()), (Severity::Warning, "to"));
        assert!(fault.reason.contains(&format!("India would reach {reached};")), "{fault}");
    }
    // The On-Premises API accepts WhatsApp ids, which have no plus.
    let older = with(payload("on-premises/text"), "/to", "16315551234");
    assert_eq!(said_in(&older, Dialect::OnPremises), [""; 0]);
}

#[test]
fn groups_and_users_have_ids() {
    assert_eq!(said(&with(payload("cloud/text-to-group"), "/to", "")), ["error to 131009"]);
    assert_eq!(said(&with(payload("cloud/text-to-user-id"), "/to", "+16315551234")), [""; 0]);
    for odd in ["+16315551234", "us.1", "US.", "US1", "USA.1", "US.a b"] {
        let payload = with(payload("cloud/text-to-user-id"), "/recipient", odd);
        assert_eq!(said(&payload), ["warning recipient"], "{odd}");
    }
    assert_eq!(said(&without(payload("cloud/text"), "/to")), ["error to 131008"]);
    let both = validate(&without(payload("cloud/text"), "/to"), Dialect::Cloud, Unknown::Refused);
    assert!(both[0].reason.contains("`recipient`"), "{}", both[0]);
    let older = validate(&without(payload("on-premises/text"), "/to"), Dialect::OnPremises, Unknown::Refused);
    assert!(!older[0].reason.contains("recipient"), "{}", older[0]);
}

#[test]
fn words_are_from_a_list_or_have_a_form() {
    for (name, pointer, good, bad, code) in [
        ("cloud/text", "/messaging_product", &["whatsapp"][..], &["WhatsApp", "", "sms"][..], 131_009),
        ("cloud/text", "/recipient_type", &["individual"], &["Individual", "groups"], 131_009),
        (
            "cloud/template-plain",
            "/template/language/code",
            &["en", "fil", "pt_BR", "prs_AF"],
            &[
                "",
                "e",
                "EN",
                "en-US",
                "en_us",
                "en_",
                "english",
                "language-and-locale-code",
                "eng_US",
                "en_UK",
            ],
            132_001,
        ),
        (
            "cloud/template-plain",
            "/template/name",
            &["a", "sale_2", "_"],
            &["", "Sale", "spring-sale", "spring sale", "verk\u{e4}ufe", "\u{1f31e}"],
            131_009,
        ),
        (
            "cloud/contacts",
            "/contacts/0/birthday",
            &["1999-01-23", "2000-02-29", "0001-12-31"],
            &[
                "",
                "1900-02-29",
                "1999-13-01",
                "1999-00-10",
                "1999-04-31",
                "99-01-23",
                "23.01.1999",
                "1999-1-023",
                "1999/01/23",
                "+999-01-23",
                "\u{661}999-01-2",
            ],
            131_009,
        ),
        (
            "cloud/reaction",
            "/reaction/emoji",
            &["\u{1f600}", "", "\u{2764}\u{fe0f}", "\u{1f1fa}\u{1f1e6}"],
            &["a", ":)", "\u{1f600}\u{1f600}", " "],
            131_009,
        ),
        (
            "cloud/flow",
            "/interactive/action/parameters/flow_cta",
            &["Book now", "\u{5e7}\u{5d1}\u{5e2}"],
            &["Book \u{1f4c5}"],
            131_009,
        ),
        ("cloud/flow", "/interactive/action/parameters/flow_message_version", &["3"], &["2", "4"], 131_009),
        ("cloud/flow", "/interactive/action/parameters/mode", &["draft", "published"], &["DRAFT"], 131_009),
        ("cloud/flow", "/interactive/action/parameters/flow_action", &["navigate"], &["open"], 131_009),
        ("cloud/template-body", "/template/language/policy", &["deterministic"], &["fallback"], 131_009),
        ("cloud/mark-read", "/status", &["read"], &["delivered"], 131_009),
    ] {
        for text in good {
            assert_eq!(said(&with(payload(name), pointer, *text)), [""; 0], "{name} {text}");
        }
        for text in bad {
            let fault = only(&with(payload(name), pointer, *text));
            assert_eq!(
                (fault.path.clone(), fault.code),
                (path_of(pointer), Some(code)),
                "{name} {text}: {fault}"
            );
        }
    }
    let fault = only(&with(payload("cloud/template-plain"), "/template/language/code", "en-US"));
    assert!(fault.reason.contains("`en_US`"), "{fault}");
}

#[test]
fn wrong_types_and_wrong_values_are_distinguished() {
    for (name, pointer, value) in [
        ("cloud/text", "/text", json!("Hello")),
        ("cloud/text", "/text/body", json!(1)),
        ("cloud/text", "/text/body", json!(null)),
        ("cloud/text", "/text/preview_url", json!("true")),
        ("cloud/image", "/image/link", json!(null)),
        ("cloud/contacts", "/contacts", json!({})),
        ("cloud/contacts", "/contacts/0", json!([])),
        ("cloud/location", "/location/latitude", json!(true)),
        ("cloud/carousel-links", "/interactive/action/cards/0/card_index", json!("0")),
        ("cloud/reaction", "/reaction/emoji", json!(["\u{1f600}"])),
    ] {
        let fault = only(&with(payload(name), pointer, value));
        assert_eq!((fault.path.clone(), fault.code), (path_of(pointer), Some(100)), "{name}: {fault}");
    }
    for whole in [json!(null), json!([]), json!("text"), json!(1)] {
        assert_eq!(said(&whole), ["error  100"]);
    }
}
