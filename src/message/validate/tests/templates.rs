//! Faults of template messages that are seen without the template's definition.

#![expect(clippy::needless_pass_by_value, reason = "a `json!` value reads best where it is passed")]

use super::*;

/// A template message with these components.
fn of(components: Value) -> Value {
    with(payload("cloud/template-plain"), "/template/components", components)
}

fn body(parameters: Value) -> Value {
    json!({"type": "body", "parameters": parameters})
}

fn text(text: &str) -> Value {
    json!({"type": "text", "text": text})
}

fn named(name: &str) -> Value {
    json!({"type": "text", "parameter_name": name, "text": "x"})
}

#[test]
fn text_of_a_variable_has_no_line_break_no_tab_and_no_five_spaces() {
    for bad in ["two\nlines", "a\r\nb", "a\rb", "a\tb", "a     b", "\n"] {
        let mut name = named("a");
        name["text"] = bad.into();
        let currency =
            json!({"type": "currency", "currency": {"fallback_value": bad, "code": "USD", "amount_1000": 1}});
        let url = json!({"type": "button", "sub_type": "url", "index": 0, "parameters": [text(bad)]});
        let card = json!({"card_index": 0, "components": [body(json!([text(bad)]))]});
        for (components, path) in [
            (json!([body(json!([text(bad)]))]), "[0].parameters[0].text"),
            (json!([body(json!([name]))]), "[0].parameters[0].text"),
            (json!([body(json!([currency]))]), "[0].parameters[0].currency.fallback_value"),
            (json!([{"type": "header", "parameters": [text(bad)]}]), "[0].parameters[0].text"),
            (json!([url]), "[0].parameters[0].text"),
            (json!([{"type": "carousel", "cards": [card]}]), "[0].cards[0].components[0].parameters[0].text"),
        ] {
            let fault = only(&of(components));
            assert_eq!(
                (fault.path, fault.code),
                (format!("template.components{path}"), Some(132_018)),
                "{bad:?}"
            );
        }
    }
    for good in ["a    b", "a\\nb", "\u{a0}", "1,000 \u{20ac}"] {
        assert_eq!(said(&of(json!([body(json!([text(good)]))]))), [""; 0], "{good}");
    }
    let doubtful = of(json!([body(json!([text("a\u{2028}b")]))]));
    assert_eq!(said(&doubtful), ["warning template.components[0].parameters[0].text 132018"]);
    let mut older = payload("on-premises/hsm");
    older["hsm"]["localizable_params"] = json!([{"default": "a\nb"}]);
    assert_eq!(said_in(&older, Dialect::OnPremises), ["error hsm.localizable_params[0].default"]);
    // Texts of other messages have lines.
    assert_eq!(said(&with(payload("cloud/text"), "/text/body", "two\nlines\t")), [""; 0]);
}

#[test]
fn parameters_are_all_named_or_all_positional() {
    let unnamed = "error template.components[0].parameters[1].parameter_name 100";
    assert_eq!(said(&of(json!([body(json!([named("a"), text("b")]))]))), [unnamed]);
    assert_eq!(said(&of(json!([body(json!([text("a"), named("b")]))]))), [unnamed]);
    let header = json!({"type": "header", "parameters": [named("a")]});
    let across = of(json!([header, body(json!([text("b")]))]));
    assert_eq!(said(&across), ["error template.components[1].parameters[0].parameter_name 100"]);
    let card = json!({"card_index": 0, "components": [body(json!([text("c")]))]});
    let in_card = of(json!([body(json!([named("a")])), {"type": "carousel", "cards": [card]}]));
    assert_eq!(
        said(&in_card),
        ["error template.components[1].cards[0].components[0].parameters[0].parameter_name 100"]
    );
    // Media and URL suffixes have no names.
    let image = json!({"type": "header", "parameters": [{"type": "image", "image": {"id": "1"}}]});
    let url = json!({"type": "button", "sub_type": "url", "index": 0, "parameters": [text("b")]});
    assert_eq!(said(&of(json!([image, body(json!([named("a"), named("b")])), url]))), [""; 0]);
}

#[test]
fn a_name_is_given_once_in_a_component() {
    let twice = of(json!([body(json!([named("a"), named("b"), named("a")]))]));
    assert_eq!(said(&twice), ["error template.components[0].parameters[2].parameter_name 131009"]);
    let header = json!({"type": "header", "parameters": [named("a")]});
    assert_eq!(said(&of(json!([header, body(json!([named("a")]))]))), [""; 0]);
}

#[test]
fn cards_are_numbered_from_0_without_a_gap() {
    let carousel = payload("cloud/template-carousel");
    let index = "/template/components/1/cards/1/card_index";
    for (value, code) in [(json!(2), 131_009), (json!("5"), 131_009), (json!(0), 131_009)] {
        let fault = only(&with(carousel.clone(), index, value.clone()));
        assert_eq!((fault.path.clone(), fault.code), (path_of(index), Some(code)), "{value}: {fault}");
    }
    assert_eq!(said(&with(carousel, index, "1")), [""; 0]);
    let links = with(payload("cloud/carousel-links"), "/interactive/action/cards/0/card_index", 3);
    assert_eq!(said(&links), ["error interactive.action.cards[0].card_index 131009"]);
}

#[test]
fn a_flow_that_exchanges_data_has_no_payload() {
    let parameters = "/interactive/action/parameters";
    let of = |action: &str| {
        let flow = with(payload("cloud/flow"), &format!("{parameters}/flow_action"), action);
        said(&with(flow, &format!("{parameters}/flow_action_payload"), json!({"screen": "A"})))
    };
    assert_eq!(of("navigate"), [""; 0]);
    assert_eq!(of("data_exchange"), ["error interactive.action.parameters.flow_action_payload 100"]);
}

#[test]
fn every_sub_type_that_meta_lists_is_known_in_any_case() {
    // As error 100 lists them.
    const LISTED: [&str; 10] = [
        "BOOKING_CONFIRMATION",
        "CATALOG",
        "COPY_CODE",
        "FLOW",
        "MPM",
        "ORDER_DETAILS",
        "QUICK_REPLY",
        "REMINDER",
        "URL",
        "VOICE_CALL",
    ];
    for listed in LISTED {
        let button = |sub_type: &str| of(json!([{"type": "button", "sub_type": sub_type, "index": 0}]));
        let path = "template.components[0].sub_type";
        let is_refused =
            |payload| said(&payload).iter().any(|fault| fault.starts_with(&format!("error {path}")));
        assert!(!is_refused(button(listed)) && !is_refused(button(&listed.to_lowercase())), "{listed}");
        assert!(is_refused(button(&format!("{listed}S"))), "{listed}");
    }
}

#[test]
fn a_button_that_takes_no_component_goes_with_its_component() {
    for sub_type in ["phone_number", "PHONE_NUMBER", "call"] {
        let call = of(
            json!([{"type": "button", "sub_type": sub_type, "index": "0", "parameters": [text("+1555")]}]),
        );
        let fault = only(&call);
        assert_eq!((fault.path.as_str(), fault.code), ("template.components[0].sub_type", Some(100)));
        assert!(fault.reason.contains("remove this component"), "{fault}");
        assert!(!fault.reason.contains("did you mean"), "{fault}");
    }
    for url in [
        json!({"type": "button", "sub_type": "url", "index": 0}),
        json!({"type": "button", "sub_type": "url", "index": 0, "parameters": []}),
    ] {
        let fault = only(&of(json!([url])));
        assert!(fault.reason.contains("if its URL has no variable, remove this component"), "{fault}");
    }
}

#[test]
fn a_misplaced_field_is_sent_to_its_place() {
    for (name, pointer, owner) in [
        ("cloud/template-plain", "/components", "`template`"),
        ("cloud/template-plain", "/language", "`template`"),
        ("cloud/template-body", "/template/parameters", "`components[]`"),
        ("cloud/image", "/caption", "`image`"),
        ("cloud/document", "/filename", "`document`"),
        ("cloud/buttons", "/buttons", "`interactive.action`"),
        ("cloud/buttons", "/interactive/buttons", "`action`"),
        ("cloud/text", "/body", "`text`"),
    ] {
        let fault = only(&with(payload(name), pointer, json!([])));
        assert_eq!(fault.reason, format!("belongs inside {owner}; move it there"), "{name} {pointer}");
    }
}

#[test]
fn a_link_among_reply_buttons_needs_another_type_of_message() {
    let url = json!({"type": "url", "url": "https://x.example/", "title": "Open"});
    let faults = validate(
        &with(payload("cloud/buttons"), "/interactive/action/buttons/0", url),
        Dialect::Cloud,
        Unknown::Refused,
    );
    assert_eq!(faults[0].path, "interactive.action.buttons[0].type");
    assert!(faults[0].reason.contains("`cta_url`"), "{}", faults[0]);
}

#[test]
fn an_unlisted_value_can_be_allowed() {
    for (payload, path) in [
        (
            of(json!([{"type": "button", "sub_type": "telepathy", "index": 0}])),
            "template.components[0].sub_type",
        ),
        (
            of(json!([{"type": "button", "sub_type": "phone_number", "index": 0}])),
            "template.components[0].sub_type",
        ),
        (of(json!([{"type": "hologram"}])), "template.components[0].type"),
        (
            with(payload("cloud/template-plain"), "/template/language/code", "eng_US"),
            "template.language.code",
        ),
        (with(payload("cloud/text"), "/recipient_type", "channel"), "recipient_type"),
        (with(payload("cloud/text"), "/type", "hologram"), "type"),
    ] {
        let refused = validate(&payload, Dialect::Cloud, Unknown::Refused);
        assert!(refused.iter().any(|fault| fault.path == path && fault.is_error()), "{path}: {refused:?}");
        let warned = validate(&payload, Dialect::Cloud, Unknown::Warned);
        assert!(!warned.is_empty() && !warned.iter().any(Fault::is_error), "{path}: {warned:?}");
    }
}

#[test]
fn a_language_that_the_list_may_lack_is_doubtful() {
    for code in ["es_419", "am", "de_DE"] {
        let fault = only(&with(payload("cloud/template-plain"), "/template/language/code", code));
        assert_eq!((fault.severity, fault.code), (Severity::Warning, Some(132_001)), "{fault}");
        assert!(fault.source.contains("21 May 2026"), "{fault}");
    }
    for (code, right) in [("eng_US", "`en_US`"), ("en_UK", "`en_GB`"), ("pt-br", "`pt_BR`"), ("iw", "`he`")] {
        let fault = only(&with(payload("cloud/template-plain"), "/template/language/code", code));
        assert!(fault.is_error() && fault.reason.contains(right), "{fault}");
    }
}

#[test]
fn direct_send_has_a_category() {
    let text = with(payload("cloud/text"), "/category", "utility");
    assert_eq!(said(&text), [""; 0]);
    assert_eq!(said(&with(text, "/ttl_seconds", 600)), [""; 0]);
    assert_eq!(said(&with(payload("cloud/text"), "/ttl_seconds", 600)), ["error category 100"]);
}
